"""
Draining, for a graceful shutdown: once it has begun, every answer says that its connection ends with it.

A connection that is kept open stays with this process, whatever a load balancer knows. A client that learns of the end
sends its next request to another process; one that does not would meet a closed connection.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Draining:
    """Sends the clients of this process away, once it has begun, without losing a request."""

    def __init__(self) -> None:
        self.begun = False

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """*app* with that header in its answers."""

        async def draining(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_with_close(message: Message) -> None:
                if self.begun and message["type"] == "http.response.start":
                    message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
                await send(message)

            await app(scope, receive, send_with_close)

        return draining

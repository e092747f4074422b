"""
Sends clients away without losing a request: once it has begun, every answer says that its connection ends with it.

A connection that is kept open stays with this process, whatever a load balancer has heard. A client that is told asks
the next process with its next request; one that is not would meet a closed connection. Wrapped around the application
by `application`, begun by `server`.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Farewell:
    """Of one process."""

    def __init__(self) -> None:
        self.begun = False

    def around(self, app: ASGIApp) -> ASGIApp:
        """*app* with that line in its answers."""

        async def telling(scope: Scope, receive: Receive, send: Send) -> None:
            async def tell(message: Message) -> None:
                if self.begun and message["type"] == "http.response.start":
                    message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
                await send(message)

            await app(scope, receive, tell)

        return telling

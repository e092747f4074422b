"""
A fake judge model: an OpenAI-compatible server on localhost that answers by script. Real HTTP, no model.

    with ScriptedJudge(in_turn(refusal(429, "1"), verdict(0.8))) as judge:
        ...  # judge.base_url, judge.requests

    PYTHONPATH=tests python -m support.judges.scripted_judge --port 8090 --latency 0.2 --errors 0.1

`POST /v1/chat/completions`, streaming included, `GET /v1/models`, and, for whoever started it as a process,
`GET /v1/counts`. Replies and scripts are in `judge_replies`, what they look like on the wire in `judge_answers`.

It measures others, so it takes little time itself: a request is read as far as the script wants, its answer is made
while it is waited for, and sent when the latency has passed since the request arrived.
"""

import argparse
import asyncio
import importlib
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import httptools
from support.judges.judge_answers import answer, prepared, response
from support.judges.judge_replies import HANG, Body, JudgeRequest, Rates, Reply, Script, by_content, verdict

HOST = "127.0.0.1"


class ScriptedJudge:
    """The server in a thread of its own. A context manager. `script` may be changed while it runs."""

    def __init__(self, script: Script = by_content, port: int = 0, remember: bool = True, host: str = HOST) -> None:
        self.script = script
        self.requests: list[JudgeRequest] = []
        """Every request for a completion, in order of arrival; empty without `remember`."""

        self.count = 0
        """Requests for a completion so far."""

        self.in_flight = 0
        self.most_in_flight = 0
        """Completions that were waited for at the same time."""

        self.busy_seconds = 0.0
        """How long each completion was waited for, in all: over a stretch of time, what grew by that much had so many
        in flight on average."""

        self.abandoned = 0
        """Completions whose client went away first."""

        self._host = host
        self._port = port
        self._remember = remember
        self._bodies: Counter[int] = Counter()
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Transport] = set()

    @property
    def base_url(self) -> str:
        return f"http://{self._host}:{self._port}/v1"

    def __enter__(self) -> Self:
        self._server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self, self._connections), self._host, self._port, backlog=4096)
        )
        self._port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted-judge", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        # A server that is closed loses the connections that it is accepting, and Python warns of their sockets.
        while accepting := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.gather(*accepting, return_exceptions=True)
        self._server.close()
        while self._connections:
            for transport in list(self._connections):
                transport.abort()
            await asyncio.sleep(0)

    @property
    def counts(self) -> dict[str, float]:
        """What was counted, for those who only reach it by HTTP."""
        names = ("count", "most_in_flight", "busy_seconds", "abandoned")
        return {name: getattr(self, name) for name in names}

    def reply_to(self, body: bytes, headers: dict[str, str], path: str) -> tuple[JudgeRequest, Reply]:
        """What the script says to one request for a completion."""
        key = hash(body)
        request = JudgeRequest(self.count, self._bodies[key], Body(body), headers, path)
        self.count += 1
        self._bodies[key] += 1
        if self._remember:
            self.requests.append(request)
        return request, self.script(request)


class _Connection(asyncio.Protocol):
    """The connection of one client. Answers one request at a time."""

    transport: asyncio.Transport

    def __init__(self, judge: ScriptedJudge, connections: set[asyncio.Transport]) -> None:
        self._judge = judge
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: asyncio.TimerHandle | None = None
        self._answering = False
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self.transport)
        if self._answering:
            self._judge.abandoned += 1
            self._done()
        if self._waiting:
            self._waiting.cancel()

    def data_received(self, data: bytes) -> None:
        self._arrived = self._loop.time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        route = (self._parser.get_method(), self._url.partition(b"?")[0])
        if route == (b"GET", b"/v1/models"):
            models = [{"id": "scripted", "object": "model", "created": 0, "owned_by": "tests"}]
            self.transport.write(response(200, {}, {"object": "list", "data": models}))
        elif route == (b"POST", b"/v1/chat/completions"):
            self._complete()
        elif route == (b"GET", b"/v1/counts"):
            self.transport.write(response(200, {}, self._judge.counts))
        else:
            self.transport.write(response(404, {}, {"error": {"message": "no such address"}}))

    def _complete(self) -> None:
        request, reply = self._judge.reply_to(b"".join(self._body), self._headers, self._url.decode("latin-1"))
        self._answering = True
        self._judge.in_flight += 1
        self._judge.most_in_flight = max(self._judge.most_in_flight, self._judge.in_flight)
        if reply.latency != HANG:
            due = self._arrived + reply.latency
            self._waiting = self._loop.call_at(due, self._send, answer(request, reply), reply.breaks)

    def _send(self, data: bytes, breaks: bool) -> None:
        self._done()
        if breaks:
            self.transport.write(data[: len(data) - 10])
            self.transport.close()
        else:
            self.transport.write(data)

    def _done(self) -> None:
        self._answering = False
        self._judge.in_flight -= 1
        self._judge.busy_seconds += self._loop.time() - self._arrived


def _script(arguments: argparse.Namespace) -> Script:
    script: Callable[[JudgeRequest], Reply] = by_content
    if arguments.score is not None:
        same = prepared(verdict(arguments.score))
        script = lambda _: same  # noqa: E731
    if arguments.script:
        module, _, name = arguments.script.partition(":")
        script = getattr(importlib.import_module(module), name)
    rates = {name: getattr(arguments, name) for name in ("latency", "errors", "hangs", "garbage", "breaks", "seed")}
    return Rates(script, **rates)


def main() -> None:
    """Serve until interrupted. The first line of output is the base URL."""
    parser = argparse.ArgumentParser(description="A fake judge model: answers by script, not by thought.")
    parser.add_argument("--host", default=HOST, help=f"address to listen on ({HOST})")
    parser.add_argument("--port", type=int, default=0, help="0 for any free one (default)")
    for name in ("latency", "errors", "hangs", "garbage", "breaks"):
        meaning = "seconds before each answer" if name == "latency" else f"share of {name}, 0 to 1"
        parser.add_argument(f"--{name}", type=float, default=0.0, help=meaning)
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument(
        "--score", type=float, help="give every text this score, in the very same answer (default: by content)"
    )
    parser.add_argument("--script", help="MODULE:FUNCTION that makes a Reply of a JudgeRequest")
    arguments = parser.parse_args()
    scripted = ScriptedJudge(_script(arguments), arguments.port, remember=False, host=arguments.host)
    with scripted as judge, suppress(KeyboardInterrupt):
        print(judge.base_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()

"""What a scripted judge is asked, and what it answers: replies to build scripts from. Pure; the server is elsewhere."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

HANG = float("inf")
"""A latency: the answer never comes."""


class Body(Mapping[str, Any]):
    """The JSON object of a request, read when a script looks at it: most of what a request costs."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    @cached_property
    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self._raw)
        return read

    def __getitem__(self, name: str) -> Any:
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


@dataclass(frozen=True)
class JudgeRequest:
    """One request for a completion."""

    number: int
    """Requests before this one."""

    repeated: int
    """Requests with the very same body before this one."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    """Headers by lower-case name."""

    path: str = "/v1/chat/completions"
    """Path and query."""

    @property
    def model(self) -> str:
        return str(self.body.get("model"))

    @property
    def temperature(self) -> float:
        return float(self.body.get("temperature", 1.0))

    @property
    def text(self) -> str:
        """All messages of the request, as one text."""
        return "\n".join(str(message.get("content")) for message in self.body.get("messages", ()))


@dataclass(frozen=True)
class Reply:
    """One answer of a judge."""

    content: Any = ""
    """Content of the assistant's message; a judge's answer is text, but nothing stops a server from other types."""

    message: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the message, for example `refusal` or `tool_calls`."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Sent instead of a completion: JSON, or bytes as they are."""

    latency: float = 0.0
    """Seconds before it is sent; HANG for never."""

    breaks: bool = False
    """The connection breaks in the middle of the answer."""

    finish_reason: str = "stop"
    usage: Mapping[str, int] | None = None
    """Usage to answer with; left out, a token for every four characters."""


Script = Callable[[JudgeRequest], Reply]


def verdict(score: Any = 0.7, uncertainty: Any = 0.1, rationale: Any = "It holds.", **more: Any) -> Reply:
    """A judge's answer as JSON. Any type, NaN included, goes through as it is."""
    principles = [
        {"name": "correctness", "weight": 0.6, "description": "Is it right?"},
        {"name": "clarity", "weight": 0.4, "description": "Is it clear?"},
    ]
    fields = {"principles": principles, "score": score, "rationale": rationale, "uncertainty": uncertainty, **more}
    return Reply(json.dumps(fields))


def fenced(reply: Reply, language: str = "json") -> Reply:
    """A verdict inside a Markdown fence, with words around it."""
    return replace(reply, content=f"Here is my verdict.\n\n```{language}\n{reply.content}\n```\nI hope this helps.")


def refusal(status: int, retry_after: str | None = None, message: str = "scripted refusal") -> Reply:
    """An error as OpenAI-compatible servers send it."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Reply(status=status, headers=headers, body={"error": {"message": message, "type": "scripted"}})


def hang() -> Reply:
    return Reply(latency=HANG)


def broken() -> Reply:
    return Reply("this never arrives as a whole", breaks=True)


GARBAGE = (
    Reply("I would rather not say."),
    Reply('{"score": 0.9, "uncertainty": 0.'),
    Reply('{"score": NaN, "uncertainty": 0.1, "rationale": "", "principles": []}'),
    Reply('{"score": true, "uncertainty": 0.1, "rationale": "", "principles": []}'),
    Reply('{"score": 7, "uncertainty": 0.1, "rationale": "", "principles": []}'),
    Reply('{"score": "high", "uncertainty": null, "rationale": 3, "principles": {}}'),
    Reply(""),
    Reply(None),
    Reply([{"type": "number", "value": 3}]),
    Reply(body=b"<html>It works!</html>", headers={"Content-Type": "text/html"}),
    Reply(body={"choices": []}),
    Reply(body=[1, 2, 3]),
    Reply(body=b"\xff\xfe\x00"),
)
"""Answers with status 200 that hold no verdict."""


def in_turn(*replies: Reply) -> Script:
    """Each once, the last one for ever."""
    return lambda request: replies[min(request.number, len(replies) - 1)]


def by_content(request: JudgeRequest) -> Reply:
    """A score that the text decides, the same at every temperature, with little uncertainty."""
    return verdict(score=round(_share("score", request.text), 3), uncertainty=0.05)


@dataclass(frozen=True)
class Rates:
    """A script: faults at given rates around another script. The same requests meet the same fate in any order."""

    script: Script = by_content
    latency: float = 0.0
    """Seconds before every answer."""

    errors: float = 0.0
    """Share of 429, 500 and 503, equally; 429 says `Retry-After`."""

    hangs: float = 0.0
    garbage: float = 0.0
    breaks: float = 0.0
    retry_after: str = "0"
    seed: int = 0

    def __call__(self, request: JudgeRequest) -> Reply:
        faulty = self.errors or self.hangs or self.garbage or self.breaks
        reply = self._reply(request) if faulty else self.script(request)
        return replace(reply, latency=max(reply.latency, self.latency))

    def _reply(self, request: JudgeRequest) -> Reply:
        """A repeated request has a fate of its own, so that trying again can help."""
        key = json.dumps([self.seed, request.repeated, dict(request.body)], sort_keys=True)
        fate, kind = _share("fate", key), _share("kind", key)
        if (fate := fate - self.errors) < 0:
            return (refusal(429, self.retry_after), refusal(500), refusal(503))[int(kind * 3)]
        if (fate := fate - self.hangs) < 0:
            return hang()
        if (fate := fate - self.garbage) < 0:
            return GARBAGE[int(kind * len(GARBAGE))]
        return broken() if fate - self.breaks < 0 else self.script(request)


def _share(purpose: str, text: str) -> float:
    """A number from 0 to below 1 that only the text decides."""
    return int.from_bytes(blake2b(f"{purpose}\0{text}".encode(), digest_size=6).digest()) / 2**48

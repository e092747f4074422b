"""The chat-completion protocol: what is sent, and what comes back. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from atlas_api.rewardservice.judging import JudgeModel
from atlas_api.text import escaped
from atlas_rewards.llm.answer import Reason

LETTERS_A_TOKEN = 4
"""Letters of a token, to estimate where the endpoint counts nothing."""

_QUOTED = 200
_PLACEHOLDER = 8
"""Characters below which a key is none, like `x` or `EMPTY`: where it was taken out, a verdict could not be read."""

_MOST_TOKENS = 10**9
"""Tokens of one call at most; a count above it is no count."""

_RETRIED: frozenset[Reason] = frozenset({"timeout", "unreachable", "overloaded", "malformed"})
_ABOUT_THE_REQUEST = frozenset({400, 413, 422})
_EXPLAINED = _ABOUT_THE_REQUEST | {404}
_CURES = {401: "apiKeyFrom", 403: "apiKeyFrom", 404: "baseUrl and model", 405: "baseUrl"}

Health = Literal["failing", "alive", "busy"]
"""What a failed call says about its endpoint."""


class CallFailed(Exception):
    """One call gave no text. The message is one line."""

    def __init__(
        self, reason: Reason, message: str, endpoint: Health = "failing", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.endpoint: Health = endpoint
        self.retry_after = retry_after

    @property
    def again(self) -> bool:
        """Whether another call may do better."""
        return self.reason in _RETRIED


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer to one call."""

    text: str
    tokens: int | None
    """Tokens of prompt and answer. None: the endpoint does not count."""

    cut: bool = False
    """Whether the answer ended at `maxTokens`."""


def request_body(model: JudgeModel, messages: Sequence[Mapping[str, str]], temperature: float) -> bytes:
    """JSON of one request. `extra` overrides every field, and null in it leaves the field out."""
    fields: dict[str, Any] = {
        "model": model.model,
        "messages": [dict(message) for message in messages],
        "temperature": temperature,
        "max_tokens": model.max_tokens,
    }
    if model.extra:
        fields = {name: value for name, value in (fields | model.extra).items() if value is not None}
    return json.dumps(fields).encode()


def read_completion(body: bytes, key: str | None = None) -> Completion:
    """The text in the body of a successful response, without *key*. Raises CallFailed (`malformed`, `noText`)."""
    try:
        document = json.loads(body)
        message = document["choices"][0]["message"]
        text = _text(message)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise CallFailed("malformed", "answers something that is no chat completion") from None
    if not text.strip():
        raise CallFailed("noText", _why_silent(document["choices"][0], message), "alive")
    cut = document["choices"][0].get("finish_reason") == "length"
    if key is not None and len(key) >= _PLACEHOLDER:
        text = without_key(text, key)
    return Completion(text, _tokens(document.get("usage")), cut)


def read_error(status: int, body: bytes, retry_after: float | None, key: str | None = None) -> CallFailed:
    """What a response with an error status means, told without *key*."""
    named = f"{status} {_phrase(status)}".strip()
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT):
        return CallFailed("overloaded", f"answers {named}", "busy", retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return CallFailed("overloaded", f"answers {named}", "failing", retry_after)
    explanation = _explanation(body, key) if status in _EXPLAINED else ""
    explained = f": {explanation}" if explanation and explanation != _phrase(status) else ""
    cure = _CURES.get(status, "baseUrl" if status < HTTPStatus.BAD_REQUEST else "")
    return CallFailed(
        "refused",
        f"answers {named}{explained}{f'; check {cure}' if cure else ''}",
        "alive" if status >= HTTPStatus.BAD_REQUEST else "failing",
    )


def without_key(text: str, key: str | None) -> str:
    """*text*, in case that it repeats *key*: some servers say which key they refuse."""
    return text.replace(key, "***") if key else text


def _text(message: Any) -> str:
    """Plain text, text in parts, the arguments of a tool call, or an object that the server has parsed already."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    if isinstance(content, str) and content.strip():
        return content
    if calls := message.get("tool_calls"):
        arguments = calls[0]["function"]["arguments"]
        return arguments if isinstance(arguments, str) else json.dumps(arguments)
    parsed = message.get("parsed", content)
    return json.dumps(parsed) if isinstance(parsed, dict) else ""


def _why_silent(choice: Any, message: Any) -> str:
    if message.get("refusal"):
        return "declines to answer"
    if choice.get("finish_reason") == "length":
        return "used all of maxTokens without an answer; raise it"
    return "answers without text"


def _tokens(usage: Any) -> int | None:
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if type(total) is int and 0 <= total <= _MOST_TOKENS else None  # a bool is an int, too


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _explanation(body: bytes, key: str | None) -> str:
    """What the endpoint says about it, in one short line: as OpenAI writes errors, or as FastAPI does."""
    try:
        document = json.loads(body)
        error = document.get("error", document.get("detail", document))
        error = error[0] if isinstance(error, list) else error
        message = error.get("message", error.get("msg")) if isinstance(error, dict) else error
    except (ValueError, LookupError, AttributeError, RecursionError):
        return ""
    return escaped(without_key(message, key)[:_QUOTED]) if isinstance(message, str) else ""

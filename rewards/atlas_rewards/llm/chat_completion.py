"""The chat-completion protocol: what is sent, and what comes back. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from atlas_api.inputs.budgets import JUDGE_ANSWER, OverBudgetError, check_json
from atlas_api.rewardservice.judging import JudgeModel
from atlas_rewards.error_words import Complaint, complaint_in, without_key
from atlas_rewards.llm.answer import Reason

LETTERS_A_TOKEN = 4
"""Letters of a token, to estimate where the endpoint counts nothing."""

_PLACEHOLDER = 8
"""Characters below which a key is none, like `x` or `EMPTY`: where it was taken out, a verdict could not be read."""

_MOST_TOKENS = 10**9
"""Tokens of one call at most; a count above it is no count."""

_RETRIED: frozenset[Reason] = frozenset({"timeout", "unreachable", "overloaded", "malformed"})
_CURES = {
    401: "apiKeyFrom",
    402: "the account behind apiKeyFrom",
    403: "apiKeyFrom",
    404: "baseUrl and model",
    405: "baseUrl",
    410: "model",
}

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
    """The text in the body of a response with status 200, without *key*.

    Raises CallFailed: for an error that the body holds instead, as if its code were the status; else `malformed` or
    `noText`.
    """
    try:
        document = _document(body)
    except OverBudgetError as too_much:
        raise CallFailed("malformed", f"answers JSON that is {too_much}; check baseUrl") from None
    except ValueError:
        document = None
    try:
        choice = document["choices"][0]
        message = choice["message"]
        text = _text(message)
    except (LookupError, TypeError, AttributeError):
        raise _no_completion(body, document, key) from None
    if choice.get("error"):
        raise _no_completion(body, choice, key)
    if not text.strip():
        raise CallFailed("noText", _why_silent(choice, message), "alive")
    if key is not None and len(key) >= _PLACEHOLDER:
        text = without_key(text, key)
    return Completion(text, _tokens(document.get("usage")), choice.get("finish_reason") == "length")


def read_error(status: int, body: bytes, retry_after: float | None, key: str | None = None) -> CallFailed:
    """What a response with an error status means, told in the endpoint's words, without *key*."""
    return _error(status, complaint_in(body, key), retry_after)


def _error(status: int, complaint: Complaint, retry_after: float | None = None) -> CallFailed:
    named = f"{status} {_phrase(status)}".strip()
    words = "" if complaint.words == _phrase(status) else complaint.words
    says = f"answers {named}: {words}" if words else f"answers {named}"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT):
        return CallFailed("overloaded", says, "busy", retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return CallFailed("overloaded", says, "failing", retry_after)
    cure = _CURES.get(status, "baseUrl" if status < HTTPStatus.BAD_REQUEST else "")
    health: Health = "alive" if status >= HTTPStatus.BAD_REQUEST else "failing"
    return CallFailed("refused", f"{says}; check {cure}" if cure else says, health)


def _no_completion(body: bytes, document: Any, key: str | None) -> CallFailed:
    """What a response with status 200 means that holds no completion."""
    complaint = complaint_in(document if isinstance(document, dict | list) else body, key)
    if complaint.status is not None:
        return _error(complaint.status, complaint)
    says = f", and says: {complaint.words}" if complaint.words else ""
    return CallFailed("malformed", f"answers something that is no chat completion{says}")


def _document(body: bytes) -> Any:
    """The JSON in *body*. Raises ValueError. NaN, which is none, is left to those who read a number."""
    check_json(body, JUDGE_ANSWER)
    return json.loads(body.decode("utf-8-sig", "surrogatepass"))


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

"""What comes of asking a model: its text, or why there is none."""

from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "timeout", "unreachable", "overloaded", "refused", "malformed", "noText", "circuitOpen", "overBudget", "deadline"
]
"""
    timeout       the model took longer than `timeouts.callSeconds`, or was given up after half of the time that it had
    unreachable   no connection, or it broke
    overloaded    the endpoint answered 429 or 5xx
    refused       the endpoint answered another error: wrong key, unknown model, too long
    malformed     the endpoint answered something that is no completion
    noText        the model answered without text, or declined to answer
    circuitOpen   the endpoint only failed lately and is left alone until after the deadline, or it never answered and
                  failed again when it was tried
    overBudget    `budget` is used up: the tokens of an hour, or the calls of a minute until after the deadline
    deadline      time ran out before the model answered
"""


class NoAnswer(Exception):
    """No model answered. The message is one printable line without keys; it may quote the endpoint."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer to a request."""

    text: str
    tokens: int
    """Tokens of prompt and answer, as the endpoint counts them; an estimate when it does not."""

    seconds: float
    """Seconds from the request to the answer, waits and retries included."""

    cached: bool
    """Whether the answer was remembered from an earlier request, or shared with one in flight."""

    cut: bool = False
    """Whether the answer ended at `maxTokens`."""

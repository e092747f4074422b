"""What comes of asking a model: its text, or why there is none. Made by `calls`, read by everybody who asks."""

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
    """What a model said."""

    text: str
    tokens: int
    """Of prompt and answer, as the endpoint counts them; an estimate when it does not."""

    seconds: float
    """From the question to the answer, waits and retries included."""

    cached: bool
    """Whether it was remembered from an earlier question, or shared with one that was being answered."""

    cut: bool = False
    """Whether it ended at `maxTokens`."""

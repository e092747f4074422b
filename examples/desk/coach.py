"""
The coach: a scripted stand-in for the teacher model that reads the agent's answers.

Pure and deterministic: it looks the order up in the desk's books, says in one sentence what is wrong
without giving the answer away, and judges the whole session in the end.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from desk.tasks import Task

NAME = "scripted-coach"

_SAY = "ay the order number, which has three digits, and nothing else"
NO_NUMBER = f"S{_SAY}"
PIECES = f"That is the number of pieces, so s{_SAY}"
WRONG = f"No such order is in the message, so s{_SAY}"
"""Words that the untrained model can follow: on two of three messages that it got wrong it then names the order."""

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the coach says about one answer."""

    valid: bool
    guidance: str | None = None
    """One sentence without a full stop, as the SDK keeps it. None for a valid answer."""


def review(task: Task, answer: str) -> Assessment:
    """Is the last number of *answer* the order of *task*?"""
    named = named_order(answer)
    if named == task.order:
        return Assessment(valid=True)
    if named is None:
        return Assessment(valid=False, guidance=NO_NUMBER)
    return Assessment(valid=False, guidance=PIECES if named == task.pieces else WRONG)


def named_order(answer: str) -> int | None:
    """The last number in *answer*, which is how the desk files a message. None when there is none."""
    numbers = _NUMBER.findall(answer)
    return int(numbers[-1]) if numbers else None


def judgement(verdicts: Sequence[Assessment]) -> tuple[float, str]:
    """Score from 0 to 1 of a session with these verdicts, oldest first, and the reason."""
    if not verdicts[-1].valid:
        return 0.1, "The message was filed under a wrong order."
    if len(verdicts) > 1:
        return 0.6, "The right order was named after guidance."
    return 1.0, "The right order was named at once."

"""
A shift at the desk: the agent answers tasks, the coach reads along, and what happened is kept.

The recorder writes the result down. One guided second try, as in the SDK's paired mode.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from desk.agent import SYSTEM_PROMPT, Answer, Message
from desk.coach import Assessment, judgement, named_order, review
from desk.tasks import Task

BATCH = 32
"""Tasks answered at once."""

NOT_FILED = "the answer names no order number, so the message cannot be filed"


class Answers(Protocol):
    """Whoever sits at the desk."""

    def answer(self, conversations: Sequence[Sequence[Message]]) -> list[Answer]:
        """One answer for each conversation."""
        ...


@dataclass(frozen=True, slots=True)
class VisitAttempt:
    """One answer and what the coach said about it."""

    answer: Answer
    verdict: Assessment


@dataclass(frozen=True, slots=True)
class Visit:
    """One task from its message to its end: what the SDK calls a session."""

    task: Task
    attempts: tuple[VisitAttempt, ...]
    """One, or two when the first was refused."""

    started: datetime
    ended: datetime

    @property
    def failed(self) -> bool:
        """The last answer could not be filed at all. A wrong order is filed, and counts as a poor success."""
        return named_order(self.attempts[-1].answer.text) is None

    @property
    def judgement(self) -> tuple[float, str]:
        """The coach's score of the whole visit, 0 to 1, and the reason."""
        return judgement([attempt.verdict for attempt in self.attempts])


def opening(task: Task) -> list[Message]:
    """The conversation in front of the first answer."""
    return [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": task.message}]


def work(agent: Answers, tasks: Sequence[Task]) -> list[Visit]:
    """Let *agent* answer one batch of *tasks*, each a second time with guidance where the first try was refused."""
    started = datetime.now(UTC)
    first = _attempts(tasks, agent.answer([opening(task) for task in tasks]))
    refused = [place for place, attempt in enumerate(first) if not attempt.verdict.valid]
    second: dict[int, VisitAttempt] = {}
    if refused:
        answers = agent.answer([_retry(tasks[place], first[place]) for place in refused])
        second = dict(zip(refused, _attempts([tasks[place] for place in refused], answers), strict=True))
    ended = datetime.now(UTC)
    return [
        _visit(task, (first[place], *([second[place]] if place in second else [])), started, ended, place)
        for place, task in enumerate(tasks)
    ]


def _retry(task: Task, attempt: VisitAttempt) -> list[Message]:
    return [
        *opening(task),
        {"role": "assistant", "content": attempt.answer.text},
        {"role": "user", "content": attempt.verdict.guidance or ""},
    ]


def _attempts(tasks: Sequence[Task], answers: Sequence[Answer]) -> list[VisitAttempt]:
    return [VisitAttempt(answer, review(task, answer.text)) for task, answer in zip(tasks, answers, strict=True)]


def _visit(task: Task, attempts: tuple[VisitAttempt, ...], started: datetime, ended: datetime, place: int) -> Visit:
    """Visits of a batch ran at the same time; a microsecond between them keeps their order."""
    shift = timedelta(microseconds=place)
    return Visit(task, attempts, started + shift, ended + shift)

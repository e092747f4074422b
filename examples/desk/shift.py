"""
A shift at the desk: the agent answers tasks, the coach reads along, and what happened is kept.

The recorder writes the result down. One guided second try, as in the SDK's paired mode.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from desk.agent import Answer
from desk.coach import Assessment, judgement, named_order, review
from desk.prompt import Message, asked
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
    """One answer, to what it was given, and what the coach said about it."""

    asked: tuple[Message, ...]
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
        """The last answer could not be filed at all, so that the desk's own code raised.

        A wrong order is filed all the same: the SDK counts such a session as a success, if one with a low reward.
        """
        return named_order(self.attempts[-1].answer.text) is None

    @property
    def handed_on(self) -> tuple[VisitAttempt, ...]:
        """The attempts whose answers came back to the SDK: the one that made a session fail did not."""
        return self.attempts[:-1] if self.failed else self.attempts

    @property
    def judgement(self) -> tuple[float, str]:
        """The coach's score of the whole visit, 0 to 1, and the reason."""
        return judgement([attempt.verdict for attempt in self.attempts])


def work(agent: Answers, tasks: Sequence[Task]) -> list[Visit]:
    """Let *agent* answer one batch of *tasks*, each a second time with guidance where the first try was refused."""
    started = datetime.now(UTC)
    first = _attempts(agent, tasks, [asked(task.message) for task in tasks])
    refused = [place for place, attempt in enumerate(first) if attempt.verdict.guidance]
    second: dict[int, VisitAttempt] = {}
    if refused:
        again = [asked(tasks[place].message, [first[place].verdict.guidance or ""]) for place in refused]
        second = dict(zip(refused, _attempts(agent, [tasks[place] for place in refused], again), strict=True))
    ended = datetime.now(UTC)
    return [
        _visit(task, (first[place], *([second[place]] if place in second else [])), started, ended, place)
        for place, task in enumerate(tasks)
    ]


def _attempts(agent: Answers, tasks: Sequence[Task], prompts: Sequence[list[Message]]) -> list[VisitAttempt]:
    return [
        VisitAttempt(tuple(prompt), answer, review(task, answer.text))
        for task, prompt, answer in zip(tasks, prompts, agent.answer(prompts), strict=True)
    ]


def _visit(task: Task, attempts: tuple[VisitAttempt, ...], started: datetime, ended: datetime, place: int) -> Visit:
    """Visits of a batch ran at the same time; a microsecond between them keeps their order."""
    shift = timedelta(microseconds=place)
    return Visit(task, attempts, started + shift, ended + shift)

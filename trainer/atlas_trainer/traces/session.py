"""
A session: one recorded run of an agent, normalised, so that what comes after the sources cannot tell them apart.

And the tally that every session is counted in, on its way to rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from atlas_trainer.traces.lessons import Lesson
from atlas_trainer.traces.messages import Message


@dataclass(frozen=True, slots=True)
class StepAttempt:
    """One try of a step: what the student answered, and the guidance that followed it."""

    output: str
    guidance: str | None = None
    """The teacher's words after this attempt. None when the attempt was accepted, or the teacher was silent."""

    asked: tuple[Message, ...] = ()
    """Messages in front of `output` as recorded, calls and results of tools among them. Empty: not recorded."""

    number: int = field(default=1, compare=False)
    """Number of the attempt, counted from 1; earlier ones may be lost."""

    given: int = 0
    """Number of messages at the beginning of `asked` that the attempt was given: what an assistant says there is no
    turn of it, but an example, or the conversation before."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the plan with its attempts, oldest first. In practice a session is one step."""

    id: int
    description: str
    attempts: tuple[StepAttempt, ...]
    depends_on: tuple[Any, ...] = field(default=(), compare=False)
    """Ids of the steps that had to be done before, as the plan has them."""


def guidance_in(steps: Iterable[Step]) -> Iterator[str | None]:
    """What the teacher said after each attempt, in order."""
    return (attempt.guidance for step in steps for attempt in step.attempts)


@dataclass(frozen=True, slots=True)
class Session:
    """One task run by an agent."""

    id: str
    """Row id in Postgres; in exports the recorded session id, else `<file>:<line>`."""

    task: str
    status: str
    review_status: str
    created_at: datetime | None
    final_answer: str
    reward: float | None
    """Session reward, finite. None when nothing or nothing trustworthy was recorded; never 0 for "unknown"."""

    steps: tuple[Step, ...]
    learning_key: str | None = None
    tags: tuple[str, ...] = ()
    project: str | None = None
    execution_mode: str | None = None
    system_prompt: str | None = None
    """`executor_system_prompt` of the metadata, where the caller recorded it."""

    ground_truth: str | None = None
    """`ground_truth` of the metadata, where the caller recorded it."""

    approved_by_person: bool = field(default=False, compare=False)
    """Whether somebody approved the session; the SDK approves by itself where no review is asked for."""

    lessons: tuple[Lesson, ...] = field(default=(), compare=False)
    """What was learnt in the session and about it, bounded. Never part of a prompt."""


@dataclass(slots=True)
class Tally:
    """Counts of what became of sessions on the way to rows. Each is either used or counted under one cause."""

    matched: int = 0
    """Sessions that passed the filter."""

    filtered: dict[str, int] = field(default_factory=dict)
    """Sessions that the filter left out, by the first condition that failed: `status`, `minReward`, ..."""

    unusable: dict[str, int] = field(default_factory=dict)
    """Sessions that passed the filter and could not become rows, by cause: `noAnswer`, `promptTooLong`, ..."""

    malformed: list[str] = field(default_factory=list)
    """`file:line: why` of lines that could not be read."""

    def leave_out(self, cause: str) -> None:
        """Count a session that the filter left out."""
        self.filtered[cause] = self.filtered.get(cause, 0) + 1

    def drop(self, cause: str) -> None:
        """Count a session that passed the filter and could not be used."""
        self.unusable[cause] = self.unusable.get(cause, 0) + 1

    @property
    def dropped(self) -> dict[str, int]:
        """All causes together, most frequent first."""
        causes = {**self.filtered, **self.unusable}
        if self.malformed:
            causes["malformedLine"] = len(self.malformed)
        return dict(sorted(causes.items(), key=lambda cause: (-cause[1], cause[0])))

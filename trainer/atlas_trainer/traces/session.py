"""
A session: one recorded run of an agent, normalised, so that what comes after the sources cannot tell them apart.

And the tally that every session is counted in, on its way to rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from atlas_api.errors import MalformedTraces
from atlas_trainer.traces.lessons import Lesson
from atlas_trainer.traces.loose_json import REPLACED
from atlas_trainer.traces.messages import Message

Missing = Literal[
    "status",
    "reviewStatus",
    "createdAt",
    "wholeCharacters",
    "fields.reward",
    "fields.id",
    "fields.task",
    "fields.time",
    "fields.tags",
    "fields.learningKey",
    "fields.groundTruth",
]
"""What the record of a session may lack; something was assumed in its place, or it stays unknown.

`fields.reward` and its like: the line has no such value where `spec.traces.fields` looks for it.
"""

_FIRST = 3


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


def missing_of(known: Mapping[Missing, Any]) -> tuple[Missing, ...]:
    """Names in *known* whose value is nothing: what a record lacks."""
    return tuple(name for name, value in known.items() if not value)


@dataclass(frozen=True, slots=True)
class Session:
    """One task run by an agent."""

    id: str
    """Row id in Postgres; in exports the recorded session id, else `<file>:<line>`."""

    task: str
    status: str
    """What became of the run, in lower case: `succeeded`, `failed`, `running`, or a word of the caller's own."""

    review_status: str
    """What a review said, in lower case: `approved`, `pending`, `quarantined`, or a word of the caller's own."""

    created_at: datetime | None
    """When the session began. None when that was not recorded, or is no time from the years 1000 to 2999."""

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

    missing: tuple[Missing, ...] = field(default=(), compare=False)
    """Fields that the record of the session lacks."""

    unreadable: str | None = field(default=None, compare=False)
    """What could not be read of a session that is whole without it, in a few words. None when there was nothing."""


def without_whole_characters(session: Session) -> Session:
    """*session*, of which it is said that it lacks whole characters where texts of it hold U+FFFD in their place."""
    try:
        replaced = REPLACED in repr(session)
    except RecursionError:
        return session
    return replace(session, missing=(*session.missing, "wholeCharacters")) if replaced else session


REWARD_EPSILON = 1e-6
"""Tolerance for float noise in means of judge samples: three times 0.7 is stored as 0.6999999999999998."""


def vouches(reward: float, lowest: float) -> bool:
    """Whether *reward* is at least *lowest* on the scale from 0 to 1. One of another scale tells nothing."""
    return lowest - REWARD_EPSILON <= reward <= 1.0 + REWARD_EPSILON


@dataclass(slots=True)
class Tally:
    """Counts of what became of sessions on the way to rows. Each is either used or counted under one cause."""

    matched: int = 0
    """Sessions that passed the filter."""

    filtered: dict[str, int] = field(default_factory=dict)
    """Sessions that the filter left out, by the first condition that failed: `status`, `minReward`, ..."""

    assumed: dict[str, int] = field(default_factory=dict, compare=False)
    """Sessions whose record has no status or review status, and which the filter left out by it."""

    unusable: dict[str, int] = field(default_factory=dict)
    """Sessions that passed the filter and could not become rows, by cause: `noAnswer`, `promptTooLong`, ..."""

    malformed: list[str] = field(default_factory=list)
    """`file:line: why` of lines that could not be read."""

    missing: dict[str, int] = field(default_factory=dict, compare=False)
    """Sessions that passed the filter, by what their record lacks, see `Missing`; and `rewardScale`, those whose reward
    does not lie between 0 and 1."""

    absent: tuple[str, ...] = field(default=(), compare=False)
    """Ids that `filter.sessionIds` or `filter.excludeSessionIds` names, and no session of the source has."""

    seen: int = field(default=0, compare=False)
    """Sessions of files, objects and spans, before the filter."""

    lacking: dict[str, int] = field(default_factory=dict, compare=False)
    """Sessions among `seen`, by what their record lacks."""

    ignored: tuple[str, ...] = field(default=(), compare=False)
    """What of the database's URL concerns other drivers alone, and was left out."""

    unreadable: list[str] = field(default_factory=list, compare=False)
    """`session 12: why` of the first values that could not be read, in sessions that are used without them."""

    def see(self, session: Session) -> None:
        """Count a session, and what its record lacks, before the filter."""
        self.seen += 1
        for name in session.missing:
            self.lacking[name] = self.lacking.get(name, 0) + 1

    def note(self, session: Session) -> None:
        """Count what the record of a session that passed the filter lacks."""
        odd = ("rewardScale",) if session.reward is not None and not vouches(session.reward, 0.0) else ()
        for name in (*session.missing, *odd):
            self.missing[name] = self.missing.get(name, 0) + 1
        if session.unreadable and len(self.unreadable) < _FIRST:
            self.unreadable.append(f"session {session.id}: {session.unreadable}")

    def leave_out(self, cause: str, assumed: bool = False) -> None:
        """Count a session that the filter left out. *assumed*: by a value that its record does not have."""
        self.filtered[cause] = self.filtered.get(cause, 0) + 1
        if assumed:
            self.assumed[cause] = self.assumed.get(cause, 0) + 1

    def drop(self, cause: str) -> None:
        """Count a session that passed the filter and could not be used."""
        self.unusable[cause] = self.unusable.get(cause, 0) + 1

    def give_up(self, where_and_why: str, most: int) -> None:
        """Count a line, or a span, that could not be read. Raises MalformedTraces for one more than *most*."""
        self.malformed.append(where_and_why)
        if len(self.malformed) > most:
            raise MalformedTraces(
                f"unreadable lines: {len(self.malformed)}, spec.traces.maxMalformed allows {most}"
                f" ({self.first_malformed}); export the traces again, or allow more"
            )

    @property
    def first_malformed(self) -> str:
        """The first lines that could not be read, each with its file, its number and the reason."""
        return "; ".join(self.malformed[:_FIRST]) + ("; ..." if len(self.malformed) > _FIRST else "")

    @property
    def dropped(self) -> dict[str, int]:
        """All causes together, most frequent first."""
        causes = {**self.filtered, **self.unusable}
        if self.malformed:
            causes["malformedLine"] = len(self.malformed)
        return dict(sorted(causes.items(), key=lambda cause: (-cause[1], cause[0])))

    @property
    def causes(self) -> str:
        """All causes in words, `status 12, malformedLine 60 (<the first of these>)`; "" when nothing was dropped."""
        reasons = {name: f" ({count} have none, it was assumed)" for name, count in self.assumed.items()}
        reasons["malformedLine"] = f" ({self.first_malformed})"
        return ", ".join(f"{cause} {count}{reasons.get(cause, '')}" for cause, count in self.dropped.items())

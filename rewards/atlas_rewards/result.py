"""What judges and verifiers say of one item. Made by `judging`, read by callers, the service, reports and TRL."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principle:
    """What a judge looked at."""

    name: str
    weight: float
    description: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of one model."""

    score: float
    """0 to 1."""

    uncertainty: float
    """0 to 1, the judge's own word."""

    rationale: str
    principles: tuple[Principle, ...]
    temperature: float
    model: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A rule changed a score."""

    rule: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class JudgeResult:
    """What one judge says. A judge that failed has no score; it never has 0 for that."""

    name: str
    score: float | None
    """0 to 1, after all rules: what the combined score is made from."""

    rationale: str = ""
    principles: tuple[Principle, ...] = ()
    samples: tuple[Sample, ...] = ()
    """Of the small model, in the order of the temperatures; those that failed are missing."""

    uncertainty: float | None = None
    """0 to 1: the word of the sample that counts. Where samples disagree and no large model decides, at least the
    standard deviation of their scores."""

    escalated: bool = False
    """Whether the large model decided."""

    escalation_reason: str | None = None
    """Why it was asked: `disagreement`, `uncertainty`, `noValidSamples`."""

    corrections: tuple[Correction, ...] = ()
    reason: str | None = None
    """Why there is no score, in one line."""

    causes: tuple[str, ...] = ()
    """The same in words to count, each once: `unreadable` (an answer that holds no verdict), `tooMany` (completions to
    compare), or why there was no answer: `timeout`, `unreachable`, `overloaded`, `refused`, `malformed`, `noText`,
    `circuitOpen`, `overBudget`, `deadline`."""

    seconds: float = field(default=0.0, compare=False)
    """From the first question to the verdict, waits for other questions included."""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What is known about one item."""

    score: float | None
    """Weighted mean of judges and verifiers that gave one, after caps. None below quorum; never 0 for "unknown"."""

    judges: tuple[JudgeResult, ...] = ()
    verifiers: Mapping[str, float | None] = field(default_factory=dict)
    caps: tuple[str, ...] = ()
    """Anti-gaming checks that caught the completion, by name."""

    reasons: tuple[str, ...] = ()
    """Why there is no score, or what is missing in it."""

    revision: str = ""
    """Digest of the configuration that scored it."""

    seconds: float = 0.0
    """From being taken to being answered."""

    uncapped: float | None = None
    """What judges and verifiers gave, before caps; the same as `score` where none applied."""

    @property
    def parts(self) -> dict[str, float | None]:
        """What each judge and each verifier gave, by name."""
        return {judge.name: judge.score for judge in self.judges} | dict(self.verifiers)

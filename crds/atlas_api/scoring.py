"""
Requests and answers of the scoring service, as they go over the wire. Types only.

    POST /v1/score     ScoreRequest -> ScoreResponse
    GET /v1/judges     JudgesAnswer
    refused requests   ErrorResponse

Results are dataclasses, because the library gives the very same ones to callers in its own process. Descriptions become
those of the OpenAPI document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, FailFast, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from atlas_api.base import ApiModel
from atlas_api.rewardservice.status import JudgesReport


class _Body(ApiModel, populate_by_name=False):
    """A body of the scoring service: fields come by their names on the wire alone."""


def _content(value: Any) -> Any:
    """Text, or parts of any form: judges see them as they are."""
    if value is None or isinstance(value, str | list):
        return value
    raise PydanticCustomError("content", "it must be text or a list of parts")


Content = Annotated[
    Any,
    AfterValidator(_content),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {}}, {"type": "null"}]}),
]


class MessageBody(BaseModel):
    """A chat message. Further fields, like `tool_calls`, are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True, strict=True)

    role: str
    """Who speaks: `system`, `user`, `assistant`, `tool`."""

    content: Content = None
    """What is said: text, or its parts."""


def _messages(value: Any) -> Any:
    """Text is what the user said."""
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


# Only the first wrong message is told: a body can hold a hundred thousand.
Messages = Annotated[
    list[MessageBody], FailFast(), BeforeValidator(_messages, json_schema_input_type=str | list[MessageBody])
]


class ItemBody(_Body):
    """One completion to score. Set exactly one of `completion`, `response`."""

    completion: str | None = None
    """What is scored."""

    response: str | None = None
    """Another name of `completion`."""

    prompt: Messages = []
    """The prompt that was answered: text, or the messages of a conversation."""

    reference: str | None = None
    """The right answer, where one is known."""

    baseline: str | None = None
    """What the student answered without guidance."""

    plan: str | None = None
    """The student's plan."""

    teacher_trace: str | None = None
    """The guidance that was given."""

    student_trace: str | None = None
    """What the student did, step by step."""

    principles: str | None = None
    """What judges should pay attention to."""

    metadata: dict[str, Any] = {}
    """Facts for your own verifiers."""


class ScoreRequest(_Body):
    """Items to score."""

    items: list[ItemBody] = Field(min_length=1)
    """Completions to score. Judges in group mode compare those of the same prompt."""


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
    """Score from 0 to 1."""

    uncertainty: float
    """The judge's own word of how unsure it is, 0 to 1."""

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
    """Score from 0 to 1 after all rules between judges: what the combined score is made from. None: no verdict."""

    rationale: str = ""
    principles: tuple[Principle, ...] = ()
    samples: tuple[Sample, ...] = ()
    """Samples of the small model, in the order of the temperatures; those that failed are missing."""

    uncertainty: float | None = None
    """Uncertainty from 0 to 1 of the sample that counts. Where samples disagree and no large model decides, at least
    the standard deviation of their scores."""

    escalated: bool = False
    """Whether the large model decided."""

    escalation_reason: str | None = None
    """Why the large model was asked: `disagreement`, `uncertainty`, `noValidSamples`."""

    corrections: tuple[Correction, ...] = ()
    reason: str | None = None
    """Why there is no score, in one line."""

    causes: tuple[str, ...] = ()
    """Causes of a missing score in words to count, each once: `unreadable` (an answer that holds no verdict),
    `conflict` (one that holds different ones), `tooMany` (completions to compare), or why there was no answer:
    `timeout`, `unreachable`, `overloaded`, `refused`, `malformed`, `noText`, `circuitOpen`, `overBudget`,
    `deadline`."""

    conflicts: int = 0
    """Replies that held different verdicts. Each counts as none: one of them may be the judged text's."""

    seconds: float = field(default=0.0, compare=False)
    """Seconds from the first question to the verdict, waits for other questions included."""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What is known about one item."""

    score: float | None
    """Weighted mean of the judges and verifiers that gave a score, after caps. None below quorum, never 0 for
    "unknown"."""

    judges: tuple[JudgeResult, ...] = ()
    verifiers: Mapping[str, float | None] = field(default_factory=dict)
    caps: tuple[str, ...] = ()
    """Names of the reward hacking checks that the completion failed (`antiGaming` in the manifest)."""

    reasons: tuple[str, ...] = ()
    """Why there is no score, or what is missing in it."""

    revision: str = ""
    """Digest of the configuration that scored it."""

    seconds: float = 0.0
    """Seconds from the moment that the item was taken to its answer."""

    uncapped: float | None = None
    """What judges and verifiers gave, before caps; the same as `score` where none applied."""

    @property
    def parts(self) -> dict[str, float | None]:
        """What each judge and each verifier gave, by name."""
        return {judge.name: judge.score for judge in self.judges} | dict(self.verifiers)


class ScoreResponse(_Body, extra="ignore"):
    """One result an item, in their order. Later versions may say more of each."""

    revision: str
    """Digest of the configuration that scored them."""

    results: tuple[ItemResult, ...]
    """What is known about each."""


class Problem(_Body):
    """Why a request was refused."""

    code: str
    """One word for the kind of problem, like `tooLarge`."""

    message: str
    """One sentence that names the cure."""


class ErrorResponse(_Body):
    """A refused request."""

    error: Problem
    """Why the request was refused."""


class JudgesAnswer(JudgesReport):
    """How each judge answered lately."""

    problem: str | None = None
    """What the newest probe met, in the words of the endpoints. Null: nothing, or nobody asked `/readyz` yet."""

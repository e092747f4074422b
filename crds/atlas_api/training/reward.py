"""What a good completion is: verifiers, each a score between 0 and 1 that needs no model, and judges."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from atlas_api.base import ApiModel, Rule
from atlas_api.names import DNS_SUBDOMAIN
from atlas_api.secrets import SecretSource


class ExactMatch(ApiModel):
    """Scores 1 when the completion equals the reference, else 0. White space around both is cut."""

    ignore_case: bool = False
    """Whether upper and lower case count as equal. Left out: false."""


class Numeric(ApiModel):
    """Scores 1 when the last number in the completion equals the last number in the reference, else 0."""

    tolerance: float = Field(1e-6, ge=0.0, le=1e15)
    """Largest absolute difference that still counts as equal. Left out: 1e-6."""


class Regex(ApiModel):
    """Scores 1 when the pattern is found in the completion, else 0. Needs no reference."""

    pattern: str = Field(min_length=1, max_length=4096)
    """Python regular expression to search for. Anchor it with ^ and $ to match the whole completion."""


class JsonSchema(ApiModel):
    """Scores 1 when the completion is JSON that fits the schema, else 0. A Markdown code fence around it is allowed."""

    # `schema` itself is taken: pydantic's BaseModel has a method of that name.
    document: dict[str, Any] = Field(alias="schema")
    """The JSON Schema, any draft; its `$schema` says which."""


class ReferenceSimilarity(ApiModel):
    """Scores the edit similarity to the reference, 0 to 1: 1 minus the normalised Indel distance of the characters."""

    ignore_case: bool = False
    """Whether upper and lower case count as equal. Left out: false."""


class Length(ApiModel):
    """Scores 1 up to `target` characters, falling in a straight line to 0 at `limit`."""

    target: int = Field(ge=0, le=1_000_000_000)
    """Longest completion, in characters, that still scores 1."""

    limit: int = Field(ge=1, le=1_000_000_000)
    """Length, in characters, from which the score is 0."""

    RULES: ClassVar = (Rule("self.target < self.limit", "length.target must be below length.limit"),)


class PythonEntryPoint(ApiModel):
    """Scores by your own function, inside the process that scores (the trainer or the service) and with its rights."""

    entry_point: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$", max_length=253)
    """Name of the function, `package.module:function`. Given an `atlas_rewards.Item`, it returns 0 to 1, or None for
    "does not apply"."""


class Code(ApiModel):
    """Scores 1 when the completion's Python runs and passes the tests, else 0.

    It runs only where whoever runs the process allows it: by ATLAS_ALLOW_CODE=1, on a cluster by the operator's
    `--allow-code`. It runs in a sandbox: one thread, the standard library, no network, no files but to read Python
    itself.
    """

    tests: str | None = Field(None, min_length=1, max_length=65_536)
    """Python that runs after the completion's code, in a process of its own, and finds its global names: assertions.
    Left out: the reference."""

    timeout_seconds: int = Field(10, ge=1, le=600)
    """Longest run, in seconds, 1 to 600. What takes longer scores 0. Left out: 10."""

    memory_bytes: int = Field(536_870_912, ge=134_217_728, le=68_719_476_736)
    """Largest address space of the run, in bytes, Python itself included. Left out: 536870912 (512 MiB)."""


KINDS = ("exactMatch", "numeric", "regex", "jsonSchema", "referenceSimilarity", "length", "code", "python")


class Verifier(ApiModel):
    """One named check of a completion. Set exactly one kind."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", max_length=40)
    """Name in metrics, reports and `weights`: lower case, digits, underscores."""

    exact_match: ExactMatch | None = None
    """Scores 1 when the completion equals the reference, else 0."""

    numeric: Numeric | None = None
    """Scores 1 when the last number in the completion equals the last number in the reference, else 0."""

    regex: Regex | None = None
    """Scores 1 when the pattern is found in the completion, else 0."""

    json_schema: JsonSchema | None = None
    """Scores 1 when the completion is JSON that fits the schema, else 0."""

    reference_similarity: ReferenceSimilarity | None = None
    """Scores the edit similarity to the reference, 0 to 1."""

    length: Length | None = None
    """Scores 1 up to `target` characters, falling in a straight line to 0 at `limit`."""

    code: Code | None = None
    """Scores 1 when the completion's Python runs and passes the tests, else 0."""

    python: PythonEntryPoint | None = None
    """Scores by your own function."""

    RULES: ClassVar = (
        Rule(
            f"[{', '.join(f'has(self.{kind})' for kind in KINDS)}].exists_one(is_set, is_set)",
            f"set exactly one of {', '.join(KINDS)}",
        ),
    )


class ThoughtMarks(ApiModel):
    """Marks around a thought, which a model writes before its answer."""

    begin: str = Field(min_length=1, max_length=64)
    """Text that begins a thought, for example `<scratchpad>`."""

    end: str = Field(min_length=1, max_length=64)
    """Text that ends a thought, for example `</scratchpad>`."""

    RULES: ClassVar = (Rule("self.begin != self.end", "thought.begin and thought.end must differ"),)


class Answer(ApiModel):
    """Which part of a completion is the answer that verifiers look at.

    The reference is brought to the same form: where it has the demanded one its answer is taken out, else it is the
    answer already. Lists and objects, also those written as text, become JSON with sorted keys and without spaces.
    Numbers that are no text are equal where JSON's are: 12 and 12.0 give `12`, and so does the text "12"; a text stays
    as it is, so the text "12.0" is another answer (`numeric` finds it equal).
    """

    source: Literal["text", "envelope", "jsonPath"] = Field("text", alias="from")
    """Where the answer is, after thoughts: `text` takes all of it; `envelope` the `deliverable` of the JSON that agents
    of the SDK write, `{"result": {"deliverable": ..., "artifacts": ...}}`; `jsonPath` what `path` leads to in JSON. A
    fence around the JSON is allowed, other text is not. Left out: `text`."""

    path: str | None = Field(None, pattern=r"^[^.]+([.][^.]+)*$", max_length=256)
    """Keys of objects and places in lists (from 0), with dots between them: `result.deliverable`, `answers.0.text`."""

    missing: float = Field(0.0, ge=0.0, le=1.0)
    """Score, 0 to 1, that verifiers of the answer give a completion without the demanded form, or whose answer is null.
    `jsonSchema` and `length` read the whole completion and can give partial credit for it, unless a thought did not
    end."""

    thought: ThoughtMarks | None = None
    """Marks of thoughts beside those that are known: `<think>`, `<thinking>`, `[THINK]` and channels. What a completion
    says after the last end of a thought is all that judges and verifiers see; where a thought did not end it is no
    answer. Left out: the known marks alone."""

    RULES: ClassVar = (
        Rule(
            "has(self.path) == (has(self.from) && self.from == 'jsonPath')",
            "path goes with from: jsonPath, and neither works without the other",
        ),
    )


ANSWER_NEEDS_VERIFIERS = (
    "!has(self.answer) || !has(self.answer.from) || self.answer.from == 'text'"
    " || has(self.verifiers) && self.verifiers.size() > 0"
)
"""Rule for what has `answer` and `verifiers`: of the form of an answer judges know nothing."""


class ServiceRef(ApiModel):
    """Judges behind a RewardService. Set exactly one of `name`, `url`, `file`."""

    name: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """Name of a RewardService in the training's namespace. Needs a cluster."""

    url: str | None = Field(None, pattern=r"^https?://[^/]", max_length=1024)
    """Address of a RewardService that runs, for example `http://localhost:8080`."""

    file: str | None = Field(None, min_length=1, max_length=4096)
    """Path of a RewardService manifest; the trainer itself asks the judges."""

    token_from: SecretSource | None = None
    """Reference to the bearer token that the service asks for. Not with `file`: there is no service then. Left out:
    none is sent."""

    weight: float = Field(1.0, gt=0.0, le=1e6)
    """Weight of the service's score, above 0; the mean of `verifiers`, where any apply, weighs 1."""

    RULES: ClassVar = (
        Rule(
            "[has(self.name), has(self.url), has(self.file)].exists_one(is_set, is_set)",
            "set exactly one of name, url, file",
        ),
        Rule(
            "!has(self.tokenFrom) || !has(self.file)",
            "tokenFrom is for name and url; with file nobody asks for a token",
        ),
    )


class Reward(ApiModel):
    """How completions are scored: by verifiers, by judges, or by both."""

    service_ref: ServiceRef | None = None
    """Judges behind a RewardService. A completion that they cannot score has no reward, whatever the verifiers say.
    Left out: only `verifiers` score."""

    verifiers: tuple[Verifier, ...] = Field((), max_length=16)
    """Checks of a completion; their score is the weighted mean of those that apply. Names must be unique."""

    weights: dict[str, Annotated[float, Field(le=1e6)]] = Field({}, max_length=16)
    """Weight of a verifier by name, above 0. Those not named weigh 1."""

    answer: Answer = Answer()
    """Which part of a completion `verifiers` look at. Judges see all of it but its thoughts; verifiers of a
    RewardService look at what its own `answer` says."""

    conflicts: Literal["leaveOut", "floor"] = "leaveOut"
    """What a completion gets that has no score because replies of judges held different verdicts, as a text can bring
    about that forges one: no reward (`leaveOut`), or the lowest reward of its group (`floor`). Left out: `leaveOut`."""

    truncated: Literal["zero", "scored"] = "zero"
    """What a completion gets that was cut at `maxCompletionTokens`: 0 (`zero`), since what is cut is no answer and may
    pass for a right one that it was not going to be, or the score of what there is (`scored`), for long texts of which
    a part is worth something. Left out: `zero`."""

    wait_seconds: int | None = Field(None, ge=1, le=2_000_000_000)
    """Longest wait, in seconds, for `serviceRef.name` to be Ready; then the run fails. Left out: no limit."""

    RULES: ClassVar = (
        Rule(
            "!has(self.conflicts) || self.conflicts == 'leaveOut' || has(self.serviceRef)",
            "conflicts: floor needs serviceRef: verifiers never contradict themselves",
        ),
        Rule(
            "!has(self.waitSeconds) || has(self.serviceRef) && has(self.serviceRef.name)",
            "waitSeconds needs serviceRef.name: nothing else is waited for",
        ),
        Rule(
            "has(self.serviceRef) || (has(self.verifiers) && self.verifiers.size() > 0)",
            "set verifiers, serviceRef or both: nothing else says what a good completion is",
        ),
        Rule(
            "!has(self.verifiers) || self.verifiers.all(a, self.verifiers.exists_one(b, b.name == a.name))",
            "two verifiers have the same name; rename one",
        ),
        Rule(
            "!has(self.weights) || self.weights.all(name, has(self.verifiers)"
            " && self.verifiers.exists(v, v.name == name))",
            "weights names a verifier that is not in verifiers",
        ),
        Rule(
            "!has(self.weights) || self.weights.all(name, self.weights[name] > 0.0)",
            "a weight must be above 0; remove the verifier instead",
        ),
        Rule(
            ANSWER_NEEDS_VERIFIERS,
            "answer is for verifiers, and there are none; for those of a RewardService set answer there",
        ),
    )

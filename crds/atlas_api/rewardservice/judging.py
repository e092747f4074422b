"""How judges score: who is asked, how often, and what is made of their answers. Shared by library and service."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from atlas_api.base import ApiModel, Rule
from atlas_api.secrets import SecretSource


class Judge(ApiModel):
    """One question about a completion, asked of a model. Set exactly one of `rubric`, `instructions`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", max_length=40)
    """Name in results, metrics and reports: lower case, digits, underscores."""

    rubric: Literal["accuracy", "helpfulness", "process", "diagnostic"] | None = None
    """Name of a rubric that comes with atlas-core."""

    instructions: str | None = Field(None, min_length=1, max_length=16384)
    """A rubric of your own: what the judge should look at, and what deserves a high score."""

    weight: float = Field(1.0, gt=0.0, le=1e6)
    """Weight of the judge in the combined score, above 0. Left out: 1."""

    mode: Literal["absolute", "group"] = "absolute"
    """How completions are scored: each on its own (`absolute`), or all of a prompt ranked in one call (`group`). Left
    out: `absolute`."""

    RULES: ClassVar = (Rule("has(self.rubric) != has(self.instructions)", "set exactly one of rubric, instructions"),)


class JudgeModel(ApiModel):
    """A model behind an OpenAI-compatible endpoint."""

    model: str = Field(min_length=1, max_length=1024)
    """Name of the model, as the endpoint knows it."""

    base_url: str = Field(pattern=r"^https?://[^/]", max_length=1024)
    """Address of the endpoint, for example `https://api.openai.com/v1` or `http://vllm:8000/v1`."""

    api_key_from: SecretSource | None = None
    """Reference to the API key. Left out: none is sent."""

    max_tokens: int = Field(4096, ge=16, le=1_000_000)
    """Longest answer of the model, in tokens."""

    extra: dict[str, Any] = {}
    """Fields for the body of each request, for example `reasoning_effort: low`. They replace others of the same
    name."""


class JudgeModels(ApiModel):
    """Models that answer the judges' questions."""

    small: JudgeModel
    """Model that is asked first, once for each temperature."""

    large: JudgeModel | None = None
    """Model that is asked when the small model's samples disagree or doubt. Left out: the small model's best sample
    counts."""


class Escalation(ApiModel):
    """When the large model is asked."""

    score_std: float = Field(0.15, ge=0.0, le=1.0)
    """Population standard deviation, 0 to 1, above which the scores of the samples disagree."""

    uncertainty: float = Field(0.3, ge=0.0, le=1.0)
    """Uncertainty, 0 to 1, above which a sample doubts."""

    temperature: float = Field(0.3, ge=0.0, le=2.0)
    """Sampling temperature of the large model, 0 to 2."""


class Consistency(ApiModel):
    """Rules between the judges named `accuracy`, `process`, `helpfulness` and `diagnostic`, in this order."""

    enabled: bool = True
    """Whether the rules between the judges are applied."""

    process_above_accuracy: float = Field(0.1, ge=0.0, le=1.0)
    """A process may score at most this much more than the accuracy that it led to."""

    good_process: float = Field(0.5, ge=0.0, le=1.0)
    """Process score, 0 to 1, below which helpfulness is capped at this value."""

    helpfulness_above_diagnostic: float = Field(0.1, ge=0.0, le=1.0)
    """Helpfulness may score at most this much more than the diagnosis that it rests on."""


class AntiGaming(ApiModel):
    """Caps for completions that try to please without answering."""

    enabled: bool = True
    """Whether completions are checked and capped."""

    cap_score: float = Field(0.3, ge=0.0, le=1.0)
    """Highest combined score, 0 to 1, of a completion that any check catches."""

    empty: bool = True
    """Whether to catch a completion that has neither a letter nor a digit."""

    repeated_share: float = Field(0.6, gt=0.0, le=1.0)
    """Smallest share of repetitions among a completion's word 5-grams that is caught. Fewer than 20 words are never
    caught, and 1 catches nothing."""

    echoed_share: float = Field(0.9, gt=0.0, le=1.0)
    """Smallest share of a completion, copied from the prompt, that is caught. Fewer than 8 words are never caught, and
    1 catches nothing."""

    addresses_judge: bool = True
    """Whether to catch a completion that speaks to the judge: asks for a score, names the rubric, forges the judge's
    answer."""

    padded_length: int | None = Field(None, ge=1, le=10_000_000)
    """Length, in characters, above which a completion is caught. Left out: any length is fine."""


class Timeouts(ApiModel):
    """How long to wait for judges, in seconds."""

    call_seconds: float = Field(60.0, gt=0.0, le=3600.0)
    """Longest wait for one call of a model, in seconds."""

    total_seconds: float = Field(300.0, gt=0.0, le=86_400.0)
    """Longest wait for one item, in seconds, retries and escalation included. What is not in by then gives no
    verdict."""


class CallRetries(ApiModel):
    """How calls that failed with 429, 5xx, a broken connection or a time-out are made again, with jitter."""

    attempts: int = Field(4, ge=1, le=20)
    """Calls for one answer at most, the first one included."""

    base_seconds: float = Field(0.5, gt=0.0, le=60.0)
    """Wait before the second call, in seconds; it doubles each time. A `Retry-After` of the endpoint is honoured."""


class CircuitBreaker(ApiModel):
    """An endpoint that only fails is left alone for a while.

    Questions wait meanwhile, unless their deadline comes first; an address that never answered is waited for once.
    """

    failures: int = Field(20, ge=1, le=10_000)
    """Calls that must fail in a row before an endpoint is left alone; those in flight when the first one failed count
    with it as one."""

    open_seconds: float = Field(30.0, gt=0.0, le=3600.0)
    """How long an endpoint is left alone, in seconds; then one call tries it again."""


class Budget(ApiModel):
    """Limits of what judging may cost. Items for which they leave nothing get no verdict, with the reason."""

    tokens_per_hour: int | None = Field(None, ge=1, le=10**12)
    """Tokens of prompts and answers in an hour. Beyond them no call is made. Left out: no limit."""

    calls_per_minute: int | None = Field(None, ge=1, le=10**9)
    """Calls in a minute, retries included. Beyond them calls wait for room, as long as their items may wait. Left out:
    no limit."""


class Cache(ApiModel):
    """Answers that are remembered: the same text, rubric, model, temperature and configuration cost nothing again."""

    entries: int = Field(10_000, ge=0, le=10_000_000)
    """Answers kept in memory. 0 remembers nothing there."""

    path: str | None = Field(None, min_length=1, max_length=4096)
    """SQLite file that keeps answers over restarts: a million of them, those used last. Left out: memory only."""


Temperature = Annotated[float, Field(ge=0.0, le=2.0)]


class Judging(ApiModel):
    """An ensemble of judges."""

    judges: tuple[Judge, ...] = Field(min_length=1, max_length=16)
    """Questions about a completion, each asked of a model. Names must be unique. The combined score is the weighted
    mean of judges and verifiers."""

    models: JudgeModels
    """Models that answer the judges' questions."""

    temperatures: tuple[Temperature, ...] = Field((0.2, 0.5, 0.8), min_length=1, max_length=16)
    """Sampling temperatures of the small model, 0 to 2: each judge asks it once at each of them."""

    escalation: Escalation = Escalation()
    """When the large model is asked."""

    consistency: Consistency = Consistency()
    """Rules between the judges."""

    anti_gaming: AntiGaming = AntiGaming()
    """Caps for completions that try to please without answering."""

    quorum: int = Field(1, ge=1, le=16)
    """Judges that must give a verdict, 1 to 16. With fewer verdicts the score is null, with reasons."""

    timeouts: Timeouts = Timeouts()
    """How long to wait for judges, in seconds."""

    retries: CallRetries = CallRetries()
    """How calls that failed with 429, 5xx, a broken connection or a time-out are made again, with jitter."""

    hedge_after: float | None = Field(None, gt=0.0, lt=100.0)
    """Percentile of the latency so far, between 0 and 100, after which a call is made a second time; the first answer
    counts. Left out: never."""

    circuit_breaker: CircuitBreaker = CircuitBreaker()
    """An endpoint that only fails is left alone for a while."""

    concurrency: int = Field(64, ge=1, le=10_000)
    """Calls that may be in flight at the same time."""

    budget: Budget = Budget()
    """Limits of what judging may cost."""

    cache: Cache = Cache()
    """Answers that are remembered."""

    max_characters: int = Field(60_000, ge=100, le=10_000_000)
    """Longest text of a kind (prompt, completion, reference, trace) that judges see; longer ones lose their middle."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.judges.all(a, self.judges.exists_one(b, b.name == a.name))",
            "two judges have the same name; rename one",
        ),
        Rule("self.quorum <= self.judges.size()", "quorum is larger than the number of judges"),
    )

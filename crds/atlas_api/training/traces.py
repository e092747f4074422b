"""Which recorded sessions are learnt from: the source, its format, the filter, the held-out split."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from atlas_api.base import ApiModel, Rule
from atlas_api.connections.s3 import AddressingStyle, Checksums
from atlas_api.secrets import CredentialsSource, SecretSource
from atlas_api.times import Time

Word = Annotated[str, Field(min_length=1, max_length=1024)]
Dotted = Annotated[str, Field(pattern=r"^[^.]+([.][^.]+)*$", max_length=1024)]


class PostgresTraces(ApiModel):
    """Sessions straight from the SDK's Postgres. A read-only role is enough."""

    url_from: SecretSource
    """Reference to the connection URL (`postgresql://user:password@host:5432/db`)."""

    spans: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)?$", max_length=127)
    """Name of a table or view of OpenTelemetry spans to read instead, `spans` or `schema.spans`, with the columns
    `trace_id`, `start_time` and `attributes`. Left out: the tables of the SDK."""


class S3Traces(ApiModel):
    """Lines of JSON on S3 or any store with the same API."""

    uri: str = Field(pattern=r"^s3://[^/]+(/.*)?$", max_length=1024)
    """Address of one object, `s3://bucket/key`, or a prefix that ends in `/` for all objects below it."""

    endpoint: str | None = Field(None, pattern=r"^https?://[^/]", max_length=1024)
    """Address of the store, for example `http://minio:9000`. Left out: AWS."""

    region: str | None = Field(None, min_length=1, max_length=64)
    """Region of the bucket. Left out: the standard AWS chain decides."""

    addressing_style: AddressingStyle | None = None
    """Where requests name the bucket: `path`, or `virtual` (in the host name). Left out: what the AWS configuration
    says, else `path` for an `endpoint`."""

    checksums: Checksums | None = None
    """When requests and answers carry checksums: `whenRequired`, which older stores need, or `whenSupported`. Left out:
    what the AWS configuration says, else `whenRequired` for an `endpoint`."""

    credentials_from: CredentialsSource | None = None
    """S3 credentials by reference."""


class FileTraces(ApiModel):
    """Lines of JSON on disk."""

    path: str = Field(min_length=1, max_length=4096)
    """Path of a file, or of a folder that is searched for `*.jsonl`, also with `.gz`, `.zst`, `.xz`."""


class TraceFields(ApiModel):
    """Where a line that the SDK did not write says more than its messages: names of fields, dotted (`scores.final`).

    In `otel` each is the name of an attribute of a span, of its events or of its resource. What is left out is unknown.
    """

    reward: Dotted | None = None
    """Field of the session's reward, a number. Once it is named, rewards alone vouch for answers, not who hands them
    in."""

    id: Dotted | None = None
    """Field of the session's id. Left out: the place of the line, in `otel` the trace's id."""

    task: Dotted | None = None
    """Field of the task's text, by which tasks are held out together. Left out: the first message of the user."""

    time: Dotted | None = None
    """Field of the creation time, ISO 8601 or a Unix time. Left out: unknown, in `otel` the start of the first span."""

    tags: Dotted | None = None
    """Field of the tags, a list of texts or one text."""

    learning_key: Dotted | None = None
    """Field of the learning key, a text."""

    ground_truth: Dotted | None = None
    """Field of the known right answer, which is then the reference."""


class TraceFilter(ApiModel):
    """Which sessions are learnt from. All conditions must hold; an empty list means any value."""

    session_ids: tuple[Word, ...] = Field((), max_length=10_000)
    """Ids of sessions, as `atlas-core data sessions` and the rows of a dataset have them; no others pass."""

    exclude_session_ids: tuple[Word, ...] = Field((), max_length=10_000)
    """Ids of sessions that do not pass: to take out what a model has learnt from, and train again."""

    require: tuple[Literal["status", "reviewStatus"], ...] = Field((), max_length=2)
    """What the record of a session must say itself. Left out: what is missing is assumed, and counted.

    Some exports lack a `status`: then sessions with an answer count as succeeded, others as failed. Some lack a
    `reviewStatus`: then the session counts as approved. Databases have both.
    """

    status: tuple[Word, ...] = Field(("succeeded",), max_length=16)
    """Values of the session status, in any case: `succeeded`, `failed`, `running`."""

    review_status: tuple[Word, ...] = Field(("approved",), max_length=16)
    """Values of the review status, in any case: `approved`, `pending`, `quarantined`."""

    min_reward: float | None = Field(None, ge=0.0, le=1.0)
    """Lowest session reward, 0 to 1, within 1e-6: means of judges carry float noise. Unknown rewards do not pass.

    Left out: no limit, which is not the same as 0.
    """

    max_reward: float | None = Field(None, ge=0.0, le=1.0)
    """Highest session reward, 0 to 1, within 1e-6. Unknown rewards do not pass. Left out: no limit."""

    learning_keys: tuple[Word, ...] = Field((), max_length=256)
    """Values of `metadata.learning_key` in a session; a key that was recorded as a number is found by its digits."""

    tags: tuple[Word, ...] = Field((), max_length=256)
    """Tags of which a session must carry at least one in `metadata.tags`."""

    projects: tuple[Word, ...] = Field((), max_length=256)
    """Values of `metadata.project_root` in a session."""

    execution_modes: tuple[Word, ...] = Field((), max_length=256)
    """Values of the execution mode: `auto`, `paired`, `coach`."""

    created_after: Time | None = None
    """Earliest creation time, inclusive, RFC 3339 with a zone: `2026-10-01T00:00:00Z`. Left out: no limit."""

    created_before: Time | None = None
    """Latest creation time, exclusive, RFC 3339 with a zone. Left out: no limit."""

    offset: int | None = Field(None, ge=0, le=1_000_000_000)
    """Number of sessions that are skipped, in `order`, of those that meet all other conditions. Left out: none."""

    limit: int | None = Field(None, ge=1, le=1_000_000_000)
    """Largest number of sessions, counted in `order` after all other conditions and `offset`. Left out: no limit."""

    order: Literal["newest", "oldest"] = "newest"
    """Which sessions come first for `offset` and `limit`, the newest or the oldest. Those without a date come last."""

    RULES: ClassVar = (
        Rule(
            "!has(self.minReward) || !has(self.maxReward) || self.minReward <= self.maxReward",
            "minReward is above maxReward: no session can pass",
        ),
        Rule(
            "!has(self.createdAfter) || !has(self.createdBefore)"
            " || timestamp(self.createdAfter) < timestamp(self.createdBefore)",
            "createdAfter is not before createdBefore: no session can pass",
        ),
    )


class Split(ApiModel):
    """How tasks are held out for evaluation."""

    eval: float = Field(0.1, ge=0.0, le=0.9)
    """Share of the tasks that is held out, 0 to 0.9; for 10 % write 0.1. With 0 nothing is evaluated."""

    by: Literal["task", "session"] = "task"
    """What is never split: all sessions of near-identical tasks (`task`), or each session (`session`)."""

    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the split: the same seed and tasks give the same split."""


class Reference(ApiModel):
    """When a recorded answer serves as the reference that completions are compared with."""

    min_reward: float = Field(0.8, ge=0.0, le=1.0)
    """Lowest session reward, 0 to 1, within 1e-6, from which the answer of a session that succeeded is a reference.

    The caller's `ground_truth` is one in any case, and so is an answer that a person approved. Left out: 0.8.
    """


class Traces(ApiModel):
    """Where recorded sessions come from and which are learnt from. Set exactly one of `postgres`, `s3`, `file`."""

    postgres: PostgresTraces | None = None
    """Sessions straight from the SDK's Postgres."""

    s3: S3Traces | None = None
    """Lines of JSON on S3 or any store with the same API."""

    file: FileTraces | None = None
    """Lines of JSON on disk."""

    format: Literal["auto", "atlas", "messages", "promptCompletion", "otel"] = "auto"
    """What the lines of `file` and `s3` hold, see docs/reference/traces.md. `auto`: what the first readable one holds.

    `atlas` are exports of the SDK, `messages` chats, `promptCompletion` pairs, `otel` spans of model calls.
    """

    fields: TraceFields | None = None
    """Where lines that the SDK did not write hold rewards, ids, tasks, times, tags, learning keys and right answers."""

    role: Literal["student", "teacher"] = "student"
    """Whose turns are learnt: the agent's answers (`student`), or the guidance it was given (`teacher`)."""

    turns: Literal["last", "all"] = "all"
    """Which calls of the agent's model become rows: `all`, or the `last` one, which gave the final answer."""

    turns_per_session: int = Field(8, ge=1, le=1000)
    """Largest number of rows out of one session, spread evenly over it, so that long sessions do not rule."""

    prompts: Literal["any", "recorded"] = "any"
    """Which prompts are taken: `recorded` leaves out turns whose prompt had to be rebuilt or is the task alone."""

    prompt_form: Literal["messages", "text"] = "messages"
    """How a prompt of the SDK is written: as chat `messages`, or as the one `text` that its adapters get, in a user's
    message."""

    reference: Reference = Reference()
    """When a recorded answer serves as the reference that completions are compared with."""

    filter: TraceFilter = TraceFilter()
    """Which sessions are learnt from. The default takes succeeded and approved ones."""

    split: Split = Split()
    """How tasks are held out for evaluation."""

    max_malformed: int = Field(100, ge=0, le=1_000_000_000)
    """Unreadable lines that are tolerated, each one counted. One more fails the run."""

    RULES: ClassVar = (
        Rule(
            "[has(self.postgres), has(self.s3), has(self.file)].exists_one(is_set, is_set)",
            "set exactly one of postgres, s3, file",
        ),
        Rule(
            "!has(self.postgres) || has(self.postgres.spans) || self.format in ['auto', 'atlas'] && !has(self.fields)",
            "format and fields are for file and s3, and fields for postgres.spans: other tables are those of the SDK",
        ),
        Rule(
            "!has(self.postgres) || !has(self.postgres.spans) || self.format in ['auto', 'otel']",
            "postgres.spans holds spans: leave format out",
        ),
        Rule(
            "!has(self.fields) || self.format != 'atlas'",
            "fields are for lines that the SDK did not write: with format atlas everything has its place",
        ),
        Rule(
            "self.promptForm != 'text' || self.format in ['auto', 'atlas']"
            " && (!has(self.postgres) || !has(self.postgres.spans))",
            "promptForm text is how the SDK sends its prompts: leave it out for traces of other makers",
        ),
    )

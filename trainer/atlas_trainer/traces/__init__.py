"""
Traces: recorded sessions of agents, from any source in the same form. `read_sessions` picks the source of the manifest.

    session           a session with its steps and attempts, and the tally of what became of each
    messages          chat messages, and how the SDK's become such
    lessons           what was learnt in a session and about it
    filters           the session filter, for sources that cannot push it into a query

Sources, each imported only when it is used:

    postgres          the SDK's database, in one snapshot (`postgres_schema`, `postgres_sql`, `postgres_errors`)
    jsonl             lines of JSON on disk
    s3                lines of JSON in an object store

What files and objects hold:

    lines             numbered lines of a stream, compressed or not
    formats           what a line may hold: exports of the SDK, chats, pairs, spans of OpenTelemetry
    seen_ids          ids that were given out already

What the SDK recorded, wherever it is found:

    sdk_fields        reward, texts and metadata
    sdk_steps         steps, each with its attempts in order
    loose_json        JSON whose shape nobody promised

May know `storage`, for the S3 client; never what becomes of sessions.

To add a trace source: a field of `Traces` in `atlas_api.training.traces`, a module here with a function that takes
traces and tally and yields sessions (through `filter_sessions`, which counts what passed and what did not), and a line
in `SOURCES`. Credentials reach the pod as variables: their names in `atlas_api.pods.contract` (`SECRET_VARIABLES` keeps
them out of reports), their values from `atlas_operator.objects.training_pod`, left out of the recipe in `spec.hash`.
"""

from collections.abc import Iterator, Mapping
from pkgutil import resolve_name

from atlas_api.training.traces import Traces
from atlas_trainer.traces.session import Session, Tally

SOURCES: Mapping[str, str] = {
    "postgres": "atlas_trainer.traces.postgres:read_postgres",
    "s3": "atlas_trainer.traces.s3:read_objects",
    "file": "atlas_trainer.traces.jsonl:read_files",
}
"""Field of `spec.traces` -> function that reads this source."""


def read_sessions(traces: Traces, tally: Tally) -> Iterator[Session]:
    """
    Stream the sessions that pass `traces.filter`, in an order that is the same every time; memory does not grow.

    Counts what passed and what did not in `tally`. Raises, once iteration starts, SourceUnreachable, AccessDenied,
    SourceMissing, SchemaMismatch, MalformedTraces or InvalidManifest.
    """
    (source,) = (source for source in SOURCES if getattr(traces, source) is not None)
    sessions: Iterator[Session] = resolve_name(SOURCES[source])(traces, tally)
    return sessions

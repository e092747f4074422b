"""
Traces in Postgres, read in one snapshot: the tables that the SDK writes, or a table of spans.

    address       the URL, also as other drivers write it
    snapshot      a read-only connection
    errors        errors of Postgres with their cure
    sdk_tables    sessions from the tables of the SDK
    sdk_sql       its queries
    sdk_schema    the tables and columns that they need
    spans         sessions from a table of spans, whose form `formats` knows

Needs SELECT and nothing else; a PgBouncer in transaction mode is fine.
"""

from collections.abc import Iterator

from atlas_api.pods.contract import TRACES_URL
from atlas_api.training.traces import Traces
from atlas_rewards.secret import describe, read_secret
from atlas_trainer.traces.postgres.address import read_address
from atlas_trainer.traces.postgres.errors import postgres_errors
from atlas_trainer.traces.postgres.sdk_tables import read_sdk_tables
from atlas_trainer.traces.postgres.snapshot import in_any_encoding, snapshot
from atlas_trainer.traces.postgres.spans import read_spans
from atlas_trainer.traces.session import Session, Tally, without_whole_characters

__all__ = ["read_postgres"]


def read_postgres(traces: Traces, tally: Tally) -> Iterator[Session]:
    """
    Stream the sessions that pass `traces.filter`, ordered by id.

    Raises SourceUnreachable, AccessDenied, SourceMissing, SchemaMismatch, MalformedTraces, InvalidManifest. Closing the
    iterator early ends the transaction.
    """
    if traces.postgres is None:
        raise ValueError("traces.postgres is not set")
    where = describe(traces.postgres.url_from, TRACES_URL)
    url, tally.ignored = read_address(read_secret(traces.postgres.url_from, TRACES_URL), where)
    with postgres_errors(url, where), snapshot(url) as connection:
        sessions = (read_spans if traces.postgres.spans else read_sdk_tables)(connection, traces, tally)
        yield from map(without_whole_characters, sessions) if in_any_encoding(connection) else sessions

"""Traces from a database, and reading all of them."""

from pathlib import Path
from typing import Any

from atlas_api.secrets import SecretSource
from atlas_api.training.traces import PostgresTraces, TraceFilter, Traces
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.session import Session, Tally


def traces_of(url: str, folder: Path, **filter: Any) -> Traces:
    """Traces of the database at this URL, which goes into a file below `folder`. Keywords make the filter."""
    secret = folder / "database-url"
    secret.write_text(url)
    return Traces(postgres=PostgresTraces(url_from=SecretSource(file=str(secret))), filter=TraceFilter(**filter))


def read_all(traces: Traces) -> tuple[list[Session], Tally]:
    """Every session that passes the filter, and what was counted on the way."""
    tally = Tally()
    return list(read_sessions(traces, tally)), tally

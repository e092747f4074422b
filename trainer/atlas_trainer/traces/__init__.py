"""
Where recorded sessions come from. `read_sessions` picks the source that the manifest names.

Called by the trainer and the data commands. Each source is imported only when it is used.
"""

from collections.abc import Iterator

from atlas_api.training.traces import Traces
from atlas_trainer.traces.session import Session, Tally


def read_sessions(traces: Traces, tally: Tally) -> Iterator[Session]:
    """
    Stream the sessions that pass `traces.filter`, in an order that is the same every time; memory does not grow.

    Counts what passed and what did not in `tally`. Raises, once iteration starts, SourceUnreachable, AccessDenied,
    SourceMissing, SchemaMismatch, MalformedTraces or InvalidManifest.
    """
    if traces.postgres:
        from atlas_trainer.traces.postgres import read_postgres

        return read_postgres(traces, tally)
    if traces.s3:
        from atlas_trainer.traces.s3 import read_objects

        return read_objects(traces, tally)
    from atlas_trainer.traces.jsonl import read_files

    return read_files(traces, tally)

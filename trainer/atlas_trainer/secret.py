"""
Fetches a secret from where the manifest says it is. Called by the sources and stores that need one.

The value goes to the caller alone: no message, log or status of ours ever holds it.
"""

import os
from pathlib import Path

from atlas_api.errors import SourceMissing
from atlas_api.secrets import SecretSource


def read_secret(source: SecretSource) -> str:
    """The secret, white space around it cut. Raises SourceMissing when it is not there, unreadable or empty."""
    value = _from_file(source.file) if source.file is not None else os.environ.get(source.env or "", "")
    if not value.strip():
        raise SourceMissing(f"{describe(source)} is not set or empty; put the secret there or correct the manifest")
    return value.strip()


def describe(source: SecretSource) -> str:
    """Where the secret comes from, for messages."""
    return f"file {source.file}" if source.file is not None else f"environment variable {source.env}"


def _from_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SourceMissing(f"secret file {path} cannot be read: {why}") from None

"""
Fetches a secret from where a manifest says it is.

The value goes to the caller alone: no message, log, status or answer of ours ever holds it.
"""

import os

from atlas_api.errors import SourceMissing
from atlas_api.inputs.budgets import SECRET
from atlas_api.inputs.files import read_file
from atlas_api.manifest.paths import expanded
from atlas_api.secrets import SecretSource


def read_secret(source: SecretSource, variable: str) -> str:
    """The secret, white space around it cut. *variable* is where pods get the value of a `secretKeyRef`.

    Raises SourceMissing when it is not there, unreadable or empty.
    """
    value = _from_file(source.file) if source.file is not None else os.environ.get(source.env or variable, "")
    if not value.strip():
        where = describe(source, variable)
        raise SourceMissing(f"{where} is not set or empty; put the secret there or correct the manifest")
    return value.strip()


def read_token(source: SecretSource, variable: str) -> str:
    """`read_secret` for what an HTTP header must carry. Raises SourceMissing also for what it cannot."""
    value = read_secret(source, variable)
    if not (value.isascii() and value.isprintable()):
        where = describe(source, variable)
        raise SourceMissing(f"{where} must hold one line of ASCII; put the secret alone there")
    return value


def describe(source: SecretSource, variable: str) -> str:
    """Where the secret comes from, for messages."""
    if source.file is not None:
        return f"file {source.file}"
    if source.secret_key_ref is None:
        return f"environment variable {source.env}"
    key, name = source.secret_key_ref.key, source.secret_key_ref.name
    return f"environment variable {variable} (on a cluster: key {key} of Secret {name})"


def _from_file(path: str) -> str:
    try:
        return read_file(expanded(path), SECRET).decode()
    except UnicodeDecodeError:
        why = "not UTF-8 text"
    except OSError as error:
        why = error.strerror or type(error).__name__
    except ValueError as error:
        why = str(error)
    raise SourceMissing(f"secret file {path} cannot be read: {why}; put the secret there or correct the manifest")

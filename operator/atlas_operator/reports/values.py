"""
Values that a pod wrote, each checked and bounded on its own. Pure.

Every function takes anything and returns None for what it does not believe; none raises. What comes out is small: this
is what keeps a status below the size that the API server and its watchers can bear.
"""

import re
from datetime import UTC, datetime, timedelta

from atlas_api.text import one_line
from atlas_operator.cluster.fields import timestamp

LARGEST_COUNT = 10**9
LARGEST_NUMBER = 1e12
LONGEST_ETA = int(timedelta(days=3650).total_seconds())
ENTRIES = 32
URI_BYTES = 1024
"""Largest length of an address: a key in S3 can be as long."""

MESSAGE_CHARACTERS = 1000

_NAME = re.compile(r"[A-Za-z0-9_./-]{1,64}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_CLAIM = re.compile(r"pvc://[a-z0-9][-.a-z0-9]*/")
_S3 = re.compile(r"s3://[^/?#@]+(/.*)?")
_SIGNED = re.compile(r"\?.*=")
_YEARS = range(2000, 2201)


def count(value: object, largest: int = LARGEST_COUNT) -> int | None:
    """A whole number from 0 to *largest*."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest
    return value if fits and isinstance(value, int) else None


def number(value: object) -> float | None:
    """A finite number of at most 10**12 in size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= LARGEST_NUMBER else None  # NaN is not below anything


def line(value: object) -> str | None:
    """Words on one line of at most 1000 characters."""
    return one_line(value, MESSAGE_CHARACTERS) or None if isinstance(value, str) else None


def sha256(value: object) -> str | None:
    """64 hexadecimal digits."""
    return value if isinstance(value, str) and _SHA256.fullmatch(value) else None


def time(value: object) -> datetime | None:
    """A moment of this age, with its zone."""
    moment = timestamp(value)
    return moment.astimezone(UTC) if moment and moment.year in _YEARS else None


def uri(value: object) -> str | None:
    """
    An absolute path, a path on a claim (`pvc://`), or an `s3://` address that carries no credentials.

    Neither `s3://key:secret@bucket` nor a signed address may reach a status, which more people read than a Secret.
    """
    if not isinstance(value, str) or not value.isprintable() or len(value.encode()) > URI_BYTES:
        return None
    if value.startswith("/") or _CLAIM.match(value):
        return value
    return value if _S3.fullmatch(value) and not _SIGNED.search(value) else None


def numbers(value: object) -> dict[str, float]:
    """The first 32 entries that are a number under a name."""
    pairs = ((name, number(entry)) for name, entry in _named(value))
    return dict([(name, entry) for name, entry in pairs if entry is not None][:ENTRIES])


def counts(value: object, entries: int = ENTRIES) -> dict[str, int]:
    """The first *entries* entries that are a count under a name."""
    pairs = ((name, count(entry)) for name, entry in _named(value))
    return dict([(name, entry) for name, entry in pairs if entry is not None][:entries])


def _named(value: object) -> list[tuple[str, object]]:
    entries = value.items() if isinstance(value, dict) else ()
    return [(name, entry) for name, entry in entries if isinstance(name, str) and _NAME.fullmatch(name)]

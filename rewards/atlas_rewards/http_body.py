"""
Bodies of HTTP answers, unpacked while they arrive and never longer than their budget.

HTTP clients unpack what was compressed by themselves, each part as a whole: a few kilobytes become gigabytes before
anybody can count them. Here the limit is that of the unpacked bytes, and of those that were sent: packed data can go on
without end and become nothing. How long a body may take is the caller's business.
"""

import zlib
from collections.abc import AsyncIterator

from atlas_api.inputs.budgets import Budget, OverBudgetError

ACCEPTED = "identity"
"""What to ask for by `Accept-Encoding`: bodies as they are. Some servers compress all the same."""

_GZIP = 31
"""zlib's number for its gzip format."""


class UnreadableBodyError(ValueError):
    """Error for a body that is compressed in a way that nobody asked for, or not to its end. Its text says which."""


async def read_body(chunks: AsyncIterator[bytes], encoding: str | None, budget: Budget) -> bytes:
    """The body that arrives as *chunks*, with the `Content-Encoding` that its answer names, or None.

    Raises OverBudgetError as soon as it is longer than *budget*, before the rest is read, and UnreadableBodyError.
    """
    named = (encoding or "").strip().lower()
    if named in ("", ACCEPTED):
        return await _read(chunks, budget, None)
    if named in ("gzip", "x-gzip"):
        return await _read(chunks, budget, _Gzip())
    raise UnreadableBodyError(f"a body in the encoding {named[:20]!r}, though only {ACCEPTED} was asked for")


async def _read(chunks: AsyncIterator[bytes], budget: Budget, gzip: "_Gzip | None") -> bytes:
    body = bytearray()
    sent = 0
    async for chunk in chunks:
        sent += len(chunk)
        body += chunk if gzip is None else gzip.unpack(chunk, budget.bytes - len(body) + 1)
        if max(sent, len(body)) > budget.bytes:
            raise OverBudgetError(f"longer than {budget.bytes:,} bytes")
    if gzip is not None and not gzip.whole:
        raise UnreadableBodyError("a gzip body that ends early")
    return bytes(body)


class _Gzip:
    """Unpacks a body bit by bit. What follows the end of the compressed data is passed over."""

    def __init__(self) -> None:
        self._data = zlib.decompressobj(_GZIP)
        self._begun = False

    def unpack(self, chunk: bytes, most: int) -> bytes:
        """At most *most* bytes of what *chunk* adds; what is more is lost. Raises UnreadableBodyError."""
        self._begun |= bool(chunk)
        if self._data.eof:
            return b""  # zlib would keep it, and copy all that it keeps with each chunk
        try:
            return self._data.decompress(chunk, most)
        except zlib.error:
            raise UnreadableBodyError("a gzip body that is damaged") from None

    @property
    def whole(self) -> bool:
        """Whether the compressed data has come to its end, or none came."""
        return self._data.eof or not self._begun

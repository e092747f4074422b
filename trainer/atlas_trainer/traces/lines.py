"""
Numbered lines of a stream of bytes, compressed or not, as it comes from a file or a store.

Knows compression (by magic bytes, never by name) and line ends; knows nothing of JSON or of where the bytes come from.
Memory is bounded whatever comes: by pieces that are unpacked, by the length of a line, by how far data may unpack.
"""

import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple, Protocol, cast

from atlas_api.inputs.budgets import TRACE_LINE, UNPACKED_FREELY, UNPACKED_RATIO

_PIECE_BYTES = 1024
"""Compressed bytes unpacked at once: zstd makes 128 KiB of four of them, and all of it is in memory."""

_PART_BYTES = 1024 * 1024
"""Bytes that are looked through for line ends at once: as many empty lines may be in them."""

_MOST_MEMORY = 256 * 1024 * 1024
"""Bytes that an xz stream may ask for to be unpacked. Its strongest level needs 65 MiB."""

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_XZ = b"\xfd7zXZ\x00"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))
"""Frames without data, which some writers put first."""

_MAGIC_BYTES = 6


class Line(NamedTuple):
    """One line without its end. `problem` says why there is no content to use; then `content` is empty."""

    number: int
    content: bytes
    problem: str | None = None


class _Member(Protocol):
    """Interface that the decompressors of zlib, lzma and zstandard share."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Compression(NamedTuple):
    """Decompressor of one kind of compressed data."""

    open: Callable[[], _Member]
    error: type[Exception]
    """Type of the error that members raise for damaged data."""


class _DamageError(Exception):
    """Error for compressed data that cannot be unpacked further."""


def numbered_lines(chunks: Iterable[bytes], *, max_line_bytes: int = TRACE_LINE.bytes) -> Iterator[Line]:
    r"""Yield the lines of a plain, gzip, zstd or xz stream, numbered from 1.

    Only `\n` ends a line; blank lines are left out. Memory is bounded by the longest line, at most `max_line_bytes`;
    longer ones become a line with a problem. Damaged or truncated compressed data ends the lines with such a one.
    """
    number = 1
    buffer = _LineBuffer(max_line_bytes)
    try:
        for chunk in _parts(_without_bom(_plain(chunks))):
            *ended, rest = chunk.split(b"\n")
            for part in ended:
                buffer.add(part)
                if line := buffer.take(number):
                    yield line
                number += 1
            buffer.add(rest)
    except _DamageError as damage:
        yield Line(number, b"", str(damage))
        return
    if line := buffer.take(number):
        yield line


class _LineBuffer:
    """The beginning of a line whose end was not seen yet."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        if not part:
            return
        self._size += len(part)
        if self._size > self._most:
            self._parts.clear()
        else:
            self._parts.append(part)

    def take(self, number: int) -> Line | None:
        """The line, None where it is blank; afterwards the buffer is empty."""
        if not self._size:
            return None
        content, size = b"".join(self._parts), self._size
        self._parts.clear()
        self._size = 0
        if size > self._most:
            return Line(number, b"", f"line is longer than {self._most:,} bytes")
        return Line(number, content) if not content.isspace() else None


def _plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    head, stream = _peeked(chunks, _MAGIC_BYTES)
    compression = _compression(head)
    return _unpacked(stream, compression) if compression else stream


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _PART_BYTES):
            yield chunk[start : start + _PART_BYTES]


def _without_bom(chunks: Iterator[bytes]) -> Iterator[bytes]:
    head, stream = _peeked(chunks, len(_BOM))
    if not head.startswith(_BOM):
        return stream
    return chain([next(stream)[len(_BOM) :]], stream)


def _peeked(chunks: Iterable[bytes], count: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first `count` bytes and the whole stream, its first chunk at least that long if there is enough."""
    stream = iter(chunks)
    first = b""
    for chunk in stream:
        first += chunk
        if len(first) >= count:
            break
    return first[:count], chain([first], stream)


def _compression(head: bytes) -> _Compression | None:
    if head.startswith(_GZIP):
        return _Compression(lambda: cast(_Member, zlib.decompressobj(wbits=31)), zlib.error)
    if head.startswith(_XZ):
        return _Compression(lambda: cast(_Member, lzma.LZMADecompressor(lzma.FORMAT_XZ, _MOST_MEMORY)), lzma.LZMAError)
    if head.startswith((_ZSTD, *_ZSTD_SKIPPABLE)):
        import zstandard  # the reward benchmark reads exports where only the extra `rewards` is installed

        return _Compression(lambda: cast(_Member, zstandard.ZstdDecompressor().decompressobj()), zstandard.ZstdError)
    return None


def _unpacked(chunks: Iterable[bytes], compression: _Compression) -> Iterator[bytes]:
    """Yield what one or more compressed members hold, one after the other, zero bytes between them tolerated."""
    member: _Member | None = None
    taken = given = 0
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE_BYTES):
            piece = chunk[start : start + _PIECE_BYTES]
            taken += len(piece)
            while piece:
                if member is None:
                    piece = piece.lstrip(b"\0")
                    if not piece:
                        break
                    member = compression.open()
                plain = _decompress(member, piece, compression.error)
                given += len(plain)
                if given > UNPACKED_FREELY and given > UNPACKED_RATIO * taken:
                    raise _DamageError(
                        f"compressed data grows to more than {UNPACKED_RATIO:,} times its size, the rest of the file is"
                        " not read; unpack it first if it is what you mean to read"
                    )
                yield plain
                piece = member.unused_data if member.eof else b""
                member = None if member.eof else member
    if member is not None:
        raise _DamageError("compressed data ends too early: the file is incomplete")


def _decompress(member: _Member, piece: bytes, error: type[Exception]) -> bytes:
    try:
        return member.decompress(piece)
    except error as damage:
        if any(word in str(damage).lower() for word in ("memory", "window")):
            raise _DamageError(
                "compressed data needs too much memory to be unpacked, the rest of the file cannot be read; compress it"
                " with a smaller window or dictionary"
            ) from damage
        raise _DamageError("compressed data is damaged, the rest of the file cannot be read") from damage

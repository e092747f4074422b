"""
Numbered lines of a stream of bytes, compressed or not, as it comes from a file or a store.

Knows compression (by magic bytes, never by name) and line ends; knows nothing of JSON or of where the bytes come from.
"""

import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple, Protocol, cast

MAX_LINE_BYTES = 256 * 1024 * 1024
"""Length from which a line is given up. Real sessions with large answers stay well below 50 MB."""

_PIECE_BYTES = 4096
"""Compressed bytes unpacked at once: highly repetitive data grows a thousandfold, and all of it is in memory."""

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


def numbered_lines(chunks: Iterable[bytes], *, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[Line]:
    r"""Yield the lines of a plain, gzip, zstd or xz stream, numbered from 1.

    Only `\n` ends a line; blank lines are left out. Memory is bounded by the longest line, at most `max_line_bytes`;
    longer ones become a line with a problem. Damaged or truncated compressed data ends the lines with such a one.
    """
    number = 1
    buffer = _LineBuffer(max_line_bytes)
    try:
        for chunk in _without_bom(_plain(chunks)):
            *ended, rest = chunk.split(b"\n")
            for part in ended:
                buffer.add(part)
                yield from buffer.take(number)
                number += 1
            buffer.add(rest)
    except _DamageError as damage:
        yield Line(number, b"", str(damage))
        return
    yield from buffer.take(number)


class _LineBuffer:
    """The beginning of a line whose end was not seen yet."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._most:
            self._parts.clear()
        else:
            self._parts.append(part)

    def take(self, number: int) -> Iterator[Line]:
        """Yield the line, unless it is blank; afterwards the buffer is empty."""
        content, size = b"".join(self._parts), self._size
        self._parts.clear()
        self._size = 0
        if size > self._most:
            yield Line(number, b"", f"line is longer than {self._most:,} bytes")
        elif content and not content.isspace():
            yield Line(number, content)


def _plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    head, stream = _peeked(chunks, _MAGIC_BYTES)
    compression = _compression(head)
    return _unpacked(stream, compression) if compression else stream


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
        return _Compression(lambda: cast(_Member, lzma.LZMADecompressor(format=lzma.FORMAT_XZ)), lzma.LZMAError)
    if head.startswith((_ZSTD, *_ZSTD_SKIPPABLE)):
        import zstandard  # the reward benchmark reads exports where only the extra `rewards` is installed

        return _Compression(lambda: cast(_Member, zstandard.ZstdDecompressor().decompressobj()), zstandard.ZstdError)
    return None


def _unpacked(chunks: Iterable[bytes], compression: _Compression) -> Iterator[bytes]:
    """Yield what one or more compressed members hold, one after the other, zero bytes between them tolerated."""
    member: _Member | None = None
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE_BYTES):
            piece = chunk[start : start + _PIECE_BYTES]
            while piece:
                if member is None:
                    piece = piece.lstrip(b"\0")
                    if not piece:
                        break
                    member = compression.open()
                yield _decompress(member, piece, compression.error)
                piece = member.unused_data if member.eof else b""
                member = None if member.eof else member
    if member is not None:
        raise _DamageError("compressed data ends too early: the file is incomplete")


def _decompress(member: _Member, piece: bytes, error: type[Exception]) -> bytes:
    try:
        return member.decompress(piece)
    except error as damage:
        raise _DamageError("compressed data is damaged, the rest of the file cannot be read") from damage

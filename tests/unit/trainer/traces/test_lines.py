"""Streams become numbered lines, compressed, damaged or not."""

import gzip
import io
import lzma
import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_trainer.traces.lines import Line, numbered_lines


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def plain(data: bytes) -> bytes:
    return data


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": plain,
    "gzip": gzip.compress,
    "zstd": zstd,
    "xz": lzma.compress,
}
COMPRESSORS = {name: pack for name, pack in PACKERS.items() if name != "plain"}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def contents(*chunks: bytes) -> list[bytes]:
    return [line.content for line in numbered_lines(chunks)]


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(st.sampled_from([b"\n", b"\r", b"a", b"{}", "\u2028é".encode(), b"\x00\xff"]), max_size=40).map(
        b"".join
    ),
    size=st.integers(1, 50),
    packer=st.sampled_from(sorted(PACKERS)),
    members=st.integers(1, 3),
)
def test_lines_are_what_splitting_at_newline_gives_for_any_chunks_and_compression(
    data: bytes, size: int, packer: str, members: int
) -> None:
    third = len(data) // members
    parts = [data[index * third : (index + 1) * third] for index in range(members - 1)] + [
        data[(members - 1) * third :]
    ]
    packed = b"".join(PACKERS[packer](part) for part in parts)

    expected = [Line(number, part) for number, part in enumerate(data.split(b"\n"), 1) if part.strip()]

    assert list(numbered_lines(cut(packed, size))) == expected


def test_blank_lines_are_left_out_and_still_counted() -> None:
    assert list(numbered_lines([b"a\n\n \t\r\nb"])) == [Line(1, b"a"), Line(4, b"b")]


def test_a_byte_order_mark_is_not_part_of_the_first_line() -> None:
    assert contents(b"\xef", b"\xbb\xbfa\nb") == [b"a", b"b"]


def test_a_byte_order_mark_inside_compressed_data_is_not_part_of_the_first_line() -> None:
    assert contents(gzip.compress(b"\xef\xbb\xbfa\n")) == [b"a"]


def test_line_separators_of_unicode_do_not_end_a_line() -> None:
    text = "one\u2028two\u2029three\x85four\x0bfive".encode()
    assert contents(text) == [text]


def test_an_empty_stream_has_no_lines() -> None:
    assert contents() == []
    assert contents(b"", b"") == []


@pytest.mark.parametrize("packer", sorted(COMPRESSORS))
def test_a_truncated_compressed_stream_ends_with_a_problem(packer: str) -> None:
    packed = COMPRESSORS[packer](b"first\nsecond\n" + b"x" * 1000)

    lines = list(numbered_lines([packed[:-3]]))

    assert lines[-1].problem == "compressed data ends too early: the file is incomplete"
    assert lines[-1].content == b""


@pytest.mark.parametrize("packer", sorted(COMPRESSORS))
def test_damaged_compressed_data_ends_with_a_problem(packer: str) -> None:
    packed = COMPRESSORS[packer](b"first\n") + b"no member starts like this"

    *whole, last = numbered_lines([packed])

    assert whole == [Line(1, b"first")]
    assert last.problem is not None
    assert "damaged" in last.problem


def test_zero_bytes_between_compressed_members_are_padding() -> None:
    assert contents(lzma.compress(b"a\n") + b"\0" * 8 + lzma.compress(b"b\n") + b"\0" * 4) == [b"a", b"b"]


def test_a_zstd_stream_may_start_with_a_skippable_frame() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    assert contents(skippable + zstd(b"a\nb")) == [b"a", b"b"]


def test_a_line_beyond_the_limit_is_a_problem_and_the_next_one_is_read() -> None:
    lines = list(numbered_lines(cut(b"a" * 100 + b"\nshort\n", 7), max_line_bytes=50))
    assert lines == [Line(1, b"", "line is longer than 50 bytes"), Line(2, b"short")]


def test_a_line_of_50_megabytes_is_read_whole() -> None:
    size = 50 * 1024 * 1024
    (line,) = numbered_lines(cut(zstd(b"x" * size + b"\n"), 1000))
    assert len(line.content) == size


def test_memory_is_bounded_by_the_longest_line_not_by_the_stream() -> None:
    def megabytes() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 1024 * 1024

    tracemalloc.start()
    try:
        lines = list(numbered_lines(megabytes(), max_line_bytes=4 * 1024 * 1024))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [line.problem for line in lines] == ["line is longer than 4,194,304 bytes"]
    assert peak < 16 * 1024 * 1024


def peak_of(chunks: Iterable[bytes]) -> tuple[list[Line], int]:
    tracemalloc.start()
    try:
        lines = list(numbered_lines(chunks))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return lines, peak


@pytest.mark.parametrize("packer", ["xz", "zstd"])
def test_data_that_grows_without_end_is_given_up_and_what_came_before_is_read(packer: str) -> None:
    packed = COMPRESSORS[packer](b"first\n" + b"x" * 300_000_000)
    lines, peak = peak_of([packed])
    assert lines[0] == Line(1, b"first")
    assert lines[1].problem == (
        "compressed data grows to more than 1,000 times its size, the rest of the file is not read; unpack it first if"
        " it is what you mean to read"
    )
    assert len(lines) == 2
    assert peak < 200 * 1024 * 1024


def test_many_empty_lines_that_unpack_from_little_cost_little_memory() -> None:
    lines, peak = peak_of([zstd(b"\n" * 10_000_000 + b"last")])
    assert lines == [Line(10_000_001, b"last")]
    assert peak < 50 * 1024 * 1024


def test_a_stream_that_asks_for_much_memory_to_be_unpacked_is_a_problem() -> None:
    dictionary = lzma.compress(b"a\n", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}])
    frame = io.BytesIO()
    window = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    with zstandard.ZstdCompressor(compression_params=window).stream_writer(frame, closefd=False) as writer:
        writer.write(b"a\n")
    for packed in (dictionary, frame.getvalue()):
        (line,) = numbered_lines([packed])
        assert "needs too much memory to be unpacked" in (line.problem or "")


def test_the_strongest_levels_are_unpacked() -> None:
    for packed in (lzma.compress(b"a\n", preset=9), zstandard.ZstdCompressor(level=22).compress(b"a\n")):
        assert contents(packed) == [b"a"]

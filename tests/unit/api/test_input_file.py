"""Files that a user names are read to their end, where they have one."""

import os
import socket
import threading
from pathlib import Path

import pytest

from atlas_api.inputs.budgets import Budget, OverBudgetError
from atlas_api.inputs.files import file_chunks, read_file

SMALL = Budget(bytes=100, values=1)


def problem_of(path: Path) -> str | None:
    try:
        read_file(path, SMALL)
    except OSError as error:
        return error.strerror
    return None


def test_a_file_is_read_whole_up_to_its_budget(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert read_file(tmp_path / "a", SMALL) == b"x" * 100
    (tmp_path / "a").write_bytes(b"x" * 101)
    with pytest.raises(OverBudgetError, match="longer than 100 bytes"):
        read_file(tmp_path / "a", SMALL)


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(OverBudgetError):
        read_file(tmp_path / "sparse", SMALL)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    assert problem_of(tmp_path) == "Is a directory"
    assert problem_of(tmp_path / "absent") == "No such file or directory"
    for device in ("zero", "null", "urandom", "full"):
        assert problem_of(Path("/dev", device)) == "it is a device, not a file"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert problem_of(tmp_path / "s") == "No such device or address"
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert problem_of(tmp_path / "circle") == "Too many levels of symbolic links"


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"some words")
    os.close(theirs)
    assert read_file(Path(f"/dev/fd/{ours}"), SMALL) == b"some words"
    os.close(ours)


def test_a_pipe_whose_writer_is_slow_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def write() -> None:
        with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            started.wait()
            pipe.write(b"some ")
            pipe.write(b"words")

    started = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    chunks = file_chunks(tmp_path / "pipe")
    started.set()
    assert b"".join(chunks) == b"some words"
    writer.join()


def test_a_pipe_that_nobody_writes_into_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert problem_of(tmp_path / "pipe") == "nobody writes into this pipe"

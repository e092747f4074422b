"""Errors of torch and Python, translated into ours."""

import errno
import os

import pytest
from safetensors import SafetensorError

from atlas_api.errors import AtlasError, CheckpointFailed, NotFinite, OutOfMemory, WorkerLost
from atlas_trainer.distributed.torch_errors import torch_errors


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB", OutOfMemory),
        ("probability tensor contains either `inf`, `nan` or element < 0", NotFinite),
        ("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:26511", WorkerLost),
        ("Watchdog caught collective operation timeout: NCCL", WorkerLost),
        ("The client socket has timed out after 900000ms", WorkerLost),
    ],
)
def test_a_known_error_names_the_cure(words: str, expected: type[AtlasError]) -> None:
    with pytest.raises(expected), torch_errors():
        raise RuntimeError(words)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "metrics.jsonl"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_full_disk_is_no_crash_and_the_run_goes_on_later(error: Exception) -> None:
    with pytest.raises(CheckpointFailed, match="no room left on the disk"), torch_errors():
        raise error


def test_a_connection_that_is_reset_elsewhere_is_no_lost_worker() -> None:
    with pytest.raises(ConnectionResetError), torch_errors():
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def test_an_unknown_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="shape mismatch"), torch_errors():
        raise RuntimeError("shape mismatch")

"""What torch says in its own words is said in ours."""

import pytest

from atlas_api.errors import AtlasError, NotFinite, OutOfMemory, WorkerLost
from atlas_trainer.torch_errors import torch_errors


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


def test_an_unknown_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="shape mismatch"), torch_errors():
        raise RuntimeError("shape mismatch")

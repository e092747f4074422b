"""Errors of torch and Python, translated into ours with the cure. Loads no torch."""

from collections.abc import Iterator
from contextlib import contextmanager

from atlas_api.errors import AtlasError, CheckpointFailed, NotFinite, OutOfMemory, WorkerLost

LOST = ("connection closed by peer", "connection reset by peer", "gloo/transport", "nccl", "socket has timed out")
"""Signs in messages of gloo, NCCL and the store of a process group that a peer is gone."""

FULL = ("no space left on device", "disk quota exceeded", "unexpected pos")
"""Signs in messages of the system, safetensors and torch that a disk is full."""

LOST_TYPES = ("DistBackendError", "DistNetworkError", "DistStoreError")


@contextmanager
def torch_errors() -> Iterator[None]:
    """Translate errors in the block; those without a translation pass."""
    try:
        yield
    except AtlasError:
        raise
    except Exception as error:
        translated = translate(error)
        if translated is None:
            raise
        raise translated from error


def translate(error: BaseException) -> AtlasError | None:
    """The error of ours that *error* means. None when it is nothing that a user can mend."""
    text = str(error).lower()
    if any(sign in text for sign in FULL):
        return CheckpointFailed(
            "there is no room left on the disk: make some where the run works and saves, or lower checkpoints.keep; "
            "the run continues from its last checkpoint"
        )
    if not isinstance(error, MemoryError | RuntimeError):
        return None
    memory = ("out of memory", "can't allocate memory", "not enough memory")
    if isinstance(error, MemoryError) or any(sign in text for sign in memory):
        return OutOfMemory(
            "memory ran out: lower optimization.microBatchSize, grpo.maxCompletionTokens or model.maxLength, "
            "or train with model.lora and model.quantization"
        )
    if any(sign in text for sign in LOST) or type(error).__name__ in LOST_TYPES:
        return WorkerLost(
            "another process of the run is gone or did not come in time; where it failed, its own report says why"
        )
    if "probability tensor contains either" in text:
        return NotFinite(
            "the model's probabilities are not finite: lower optimization.learningRate or check the weights in "
            "model.source; the last checkpoint predates it"
        )
    return None

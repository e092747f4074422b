"""
torch's object collectives (`all_gather_object` and its kin), with JSON in place of pickle.

Our own code uses none of them. TRL's GRPO trainer does: it gathers the prompts and completions of each step for its
log. Whoever sends them a pickled object would run code in every process that unpickles it.
"""

from typing import BinaryIO

from atlas_trainer.distributed.exchange import Json, decode, encode


class JsonWriter:
    """Writer with the interface of `pickle.Pickler`. Objects without a form in JSON raise TypeError."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def dump(self, value: Json) -> None:
        """Write *value* as one JSON document."""
        self._file.write(encode(value))


class JsonReader:
    """Reader with the interface of `pickle.Unpickler`. What is not JSON raises UntrustedPeer."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def load(self) -> object:
        """Read one JSON document to the end."""
        value: object = decode(self._file.read(), "another process")
        return value


def carry_json() -> None:
    """From now on the object collectives of this process write and read JSON, whoever calls them."""
    from torch.distributed import distributed_c10d

    # torch has no setting for it; all of its object collectives take their pickler from these two names.
    if not {"_pickler", "_unpickler"} <= set(vars(distributed_c10d)):
        raise ImportError("this torch has other object collectives than those that atlas-core makes safe")
    distributed_c10d._pickler = JsonWriter  # type: ignore[assignment]  # it has what torch uses of a pickler
    distributed_c10d._unpickler = JsonReader  # type: ignore[assignment]

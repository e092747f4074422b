"""
Bytes that processes of a group exchange, and the JSON in them: nothing that a peer sends is ever unpickled.

A peer says first how long its message is, so one that is too long is refused before there is room for it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from atlas_api.errors import UntrustedPeer
from atlas_api.inputs.budgets import PEER_MESSAGE, decode_json

if TYPE_CHECKING:
    from torch import Tensor

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
"""What messages can hold. Tuples arrive as lists."""


def gather(data: bytes, group: Any, device: str = "cpu") -> list[bytes]:
    """Bring the *data* of every process of a torch *group* (None: of all) to every process, by rank.

    Raises UntrustedPeer for a message that is longer than any of ours.
    """
    import torch
    from torch import distributed

    size = distributed.get_world_size(group)
    sizes = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(size)]
    distributed.all_gather(sizes, torch.tensor([len(data)], dtype=torch.int64, device=device), group=group)
    lengths = [_length(each, rank) for rank, each in enumerate(sizes)]
    # All tensors of a gather have one length; one byte at least, since backends know no empty ones.
    longest = max(1, *lengths)
    parts = [torch.zeros(longest, dtype=torch.uint8, device=device) for _ in range(size)]
    distributed.all_gather(parts, _tensor(data.ljust(longest, b"\0"), device), group=group)
    return [_bytes(part)[:length] for part, length in zip(parts, lengths, strict=True)]


def from_first(data: bytes | None, group: Any) -> bytes:
    """Bring the *data* of rank 0 to every process of a torch *group*, through memory of the host; None elsewhere.

    Raises UntrustedPeer for a message that is longer than any of ours.
    """
    import torch
    from torch import distributed

    size = torch.tensor([len(data or b"")], dtype=torch.int64)
    distributed.broadcast(size, src=0, group=group)
    length = _length(size, 0)
    if length == 0:
        return b""
    part = torch.zeros(length, dtype=torch.uint8) if data is None else _tensor(data, "cpu")
    distributed.broadcast(part, src=0, group=group)
    return _bytes(part)


def encode(value: Json) -> bytes:
    """Write *value* as a message. Raises TypeError or ValueError for what JSON has no form for."""
    return json.dumps(value, allow_nan=False).encode()


def decode(message: bytes, sender: str) -> Any:
    """Read a message of *sender*. Raises UntrustedPeer for one that is not JSON, or larger or deeper than ours."""
    try:
        return decode_json(message, PEER_MESSAGE)
    except ValueError as error:
        raise UntrustedPeer(f"{sender} sent {len(message)} bytes that are no message of atlas-core ({error})") from None


def _length(size: "Tensor", rank: int) -> int:
    length = int(size.item())
    if not 0 <= length <= PEER_MESSAGE.bytes:
        raise UntrustedPeer(f"process {rank} announced a message of {length} bytes; at most {PEER_MESSAGE.bytes} go")
    return length


def _tensor(data: bytes, device: str) -> "Tensor":
    import torch

    return torch.frombuffer(bytearray(data), dtype=torch.uint8).to(device)


def _bytes(tensor: "Tensor") -> bytes:
    content: bytes = tensor.cpu().numpy().tobytes()
    return content

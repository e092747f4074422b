"""
A first save, tried before anything else: rights that are missing are found in the first minute.

A small object is listed, written, read back and deleted. The error names the right that is missing.
"""

from atlas_api.errors import CheckpointFailed
from atlas_api.inputs.budgets import STATUS
from atlas_trainer.storage.store import Store

_CONTENT = b"atlas-core tries whether it may write, read and delete here; this may be deleted\n"


def try_out(store: Store, folder: str) -> None:
    """Save a small file below *folder* in *store* and delete it again.

    Raises `CheckpointFailed` when it cannot be written or comes back as something else, `AccessDenied` with the right
    that is missing, and what else the store answers.
    """
    key = f"{folder}/.trial"
    store.list(folder)
    store.write(key, _CONTENT)
    try:
        came_back = store.read(key, STATUS)
    except ValueError as error:
        raise CheckpointFailed(f"{store.uri(key)}: {error}") from None
    if came_back != _CONTENT:
        raise CheckpointFailed(f"{store.uri(key)} was saved and comes back as something else; check the store")
    store.delete([key])

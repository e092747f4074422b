"""
Checkpoints that are complete or not there: the manifest is written last, and read first.

    run-0001/checkpoint-000050/...   model, optimizer, scheduler, RNG, trainer state
    run-0001/checkpoint-000050/manifest.json
    run-0001/final/...               what `from_pretrained` takes
    run-0001/latest.json             names the newest complete checkpoint

A folder without a manifest is an incomplete save: never listed, removed at the next start. A run resumes from the
newest checkpoint whose files are what its manifest says.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_api.training.status import CheckpointAddress
from atlas_trainer.storage.retention import to_delete
from atlas_trainer.storage.store import Store

MANIFEST = "manifest.json"
FINAL = "final"
_CHECKPOINT = re.compile(r"^checkpoint-(\d{6,})$")


@dataclass(frozen=True, slots=True)
class RunCheckpoints:
    """The checkpoints of one run in its store."""

    store: Store
    run: str
    """Key of the run's folder."""

    def publish(self, folder: Path, name: str, step: int, facts: dict[str, Any]) -> CheckpointAddress:
        """Move *folder* into the store as *name*, manifest last. *facts* go into the manifest as they are.

        Raises `CheckpointFailed`, or what the object store answers.
        """
        manifest = {"version": 1, "step": step, **facts, "files": _hashes(folder)}
        data = json.dumps(manifest, indent=2, sort_keys=True).encode()
        key = f"{self.run}/{name}"
        self.store.delete([f"{key}/{MANIFEST}"])
        self.store.move_in(folder, key)
        self.store.write(f"{key}/{MANIFEST}", data)
        address = _address(self.store.uri(key), data)
        if name != FINAL:
            self.store.write(f"{self.run}/latest.json", json.dumps({"name": name, "sha256": address.sha256}).encode())
        return address

    def complete(self) -> list[CheckpointAddress]:
        """All complete checkpoints, oldest first. `final` is not among them."""
        names = [name for name, files in self._folders().items() if MANIFEST in files]
        return [found for name in names if (found := self.find(name))]

    def find(self, name: str) -> CheckpointAddress | None:
        """The complete checkpoint of that name."""
        data = self.store.read(f"{self.run}/{name}/{MANIFEST}")
        return _address(self.store.uri(f"{self.run}/{name}"), data) if data else None

    def remove_incomplete(self) -> list[str]:
        """Remove saves that were cut short. Returns their names."""
        incomplete = [name for name, files in self._folders().items() if MANIFEST not in files]
        for name in incomplete:
            self.store.delete(self.store.list(f"{self.run}/{name}"))
        return incomplete

    def retain(self, keep: int, keep_best: bool) -> None:
        """Delete what retention does not keep; manifests go first, so that half a checkpoint is never listed."""
        for address in to_delete(self.complete(), keep, keep_best):
            key = f"{self.run}/{checkpoint_name(address.step)}"
            self.store.delete([f"{key}/{MANIFEST}"])
            self.store.delete(self.store.list(key))

    def newest_sound(self, into: Path) -> tuple[Path, int] | None:
        """Local folder and step of the newest checkpoint whose files are what its manifest says."""
        for address in reversed(self.complete()):
            key = f"{self.run}/{checkpoint_name(address.step)}"
            folder = self.store.bring_out(key, into)
            if _is_sound(folder):
                return folder, address.step
        return None

    def _folders(self) -> dict[str, set[str]]:
        folders: dict[str, set[str]] = {}
        for key in self.store.list(self.run):
            name, _, file = key.removeprefix(f"{self.run}/").partition("/")
            if file and _CHECKPOINT.match(name):
                folders.setdefault(name, set()).add(file)
        return dict(sorted(folders.items()))


def checkpoint_name(step: int) -> str:
    """Folder name of the checkpoint at *step*."""
    return f"checkpoint-{step:06d}"


def _address(uri: str, manifest: bytes) -> CheckpointAddress:
    content = json.loads(manifest)
    metric = content.get("metrics", {}).get("evalSuccess")
    return CheckpointAddress(uri=uri, step=content["step"], sha256=hashlib.sha256(manifest).hexdigest(), metric=metric)


def _hashes(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"sha256": _sha256(path), "bytes": path.stat().st_size} for path in files
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_sound(folder: Path) -> bool:
    files = json.loads((folder / MANIFEST).read_bytes())["files"]
    return all((folder / name).is_file() and _sha256(folder / name) == file["sha256"] for name, file in files.items())

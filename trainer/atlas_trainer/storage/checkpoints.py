"""
Checkpoints that are complete or not there: the manifest is written last, and read first.

    run-0001/checkpoint-000050/...   model, optimizer, scheduler, RNG, trainer state
    run-0001/checkpoint-000050/manifest.json
    run-0001/final/...               what `from_pretrained` takes
    run-0001/latest.json             names the newest complete checkpoint

A folder without a manifest is an incomplete save: never listed, removed at the next start. A run resumes from the
newest checkpoint whose files are what its manifest says; where a cluster knows checkpoints of the run, from one of
those. Checkpoints past that one, or unknown, no longer count.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_api.errors import CheckpointFailed, DigestMismatch
from atlas_api.inputs.budgets import CHECKPOINT_MANIFEST
from atlas_api.text import one_line
from atlas_api.training.retrain import RETRAIN_AT
from atlas_api.training.status import CheckpointAddress, CheckpointsStatus
from atlas_trainer.storage.file_list import DamagedError, FileList, files_in
from atlas_trainer.storage.manifest import MANIFEST, CheckpointManifest, read_manifest, sha256_of_manifest
from atlas_trainer.storage.retention import best, to_delete
from atlas_trainer.storage.store import Store

FINAL = "final"
ANOTHER_RUN = f"put back what was there, or start another run (annotation {RETRAIN_AT})"
"""Cure where a store holds something else than the cluster knows."""

_CHECKPOINT = re.compile(r"checkpoint-([0-9]{6,12})")
_SHOWN = 300

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class RunCheckpoints:
    """The checkpoints of one run in its store."""

    store: Store
    run: str
    """Key of the run's folder."""

    counted: dict[int, str] | None = None
    """SHA-256 of the manifests that count, by step. None: all that are complete."""

    def publish(self, folder: Path, name: str, step: int, facts: Mapping[str, Any]) -> CheckpointAddress:
        """Move *folder* into the store as *name*, manifest last. *facts* go into the manifest as they are.

        Raises `CheckpointFailed`, or what the object store answers.
        """
        try:
            manifest = {"version": 1, "step": step, **facts, "files": files_in(folder)}
            data = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False).encode()
            content = read_manifest(data)
        except ValueError as error:
            raise CheckpointFailed(f"{name} cannot be saved, since it could not be read: {error}") from None
        key = f"{self.run}/{name}"
        self.store.delete([f"{key}/{MANIFEST}"])
        self.store.move_in(folder, key)
        self.store.write(f"{key}/{MANIFEST}", data)
        address = _address(self.store.uri(key), content, data)
        if name != FINAL:
            self.store.write(f"{self.run}/latest.json", json.dumps({"name": name, "sha256": address.sha256}).encode())
            if self.counted is not None:
                self.counted[step] = address.sha256
        return address

    def complete(self) -> list[CheckpointAddress]:
        """All complete checkpoints that count, oldest first. `final` is not among them."""
        steps = (step for step in sorted(self._steps()) if self.counted is None or step in self.counted)
        found = filter(None, map(self._find, steps))
        return [each for each in found if self.counted is None or each.sha256 == self.counted[each.step]]

    def status(self) -> CheckpointsStatus:
        """The newest ones that count and the best one, as a status has them."""
        newest_last = self.complete()
        latest, previous = [*reversed(newest_last), None, None][:2]
        return CheckpointsStatus(latest=latest, previous=previous, best=best(newest_last))

    def remove_incomplete(self) -> list[str]:
        """Remove saves that were cut short. Returns their names."""
        incomplete = [checkpoint_name(step) for step, files in sorted(self._steps().items()) if MANIFEST not in files]
        for name in incomplete:
            self.store.delete(self.store.list(f"{self.run}/{name}"))
        return incomplete

    def retain(self, keep: int, keep_best: bool) -> None:
        """Delete what retention does not keep; manifests go first, so that half a checkpoint is never listed.

        What lies past the newest that counts is left until training has passed it.
        """
        newest = max((address.step for address in self.complete()), default=0)
        up_to_there = [step for step in sorted(self._steps()) if step <= newest]
        readable = [found for step in up_to_there if (found := self._find(step))]
        deleted = {address.step for address in to_delete(readable, keep, keep_best)}
        damaged = set(up_to_there) - {address.step for address in readable}
        for step in sorted(deleted | damaged):
            key = f"{self.run}/{checkpoint_name(step)}"
            self.store.delete([f"{key}/{MANIFEST}"])
            self.store.delete(self.store.list(key))

    def newest_sound(self, into: Path, dataset: str | None = None) -> tuple[Path, int] | None:
        """Local folder and step of the newest checkpoint that counts and whose files are what its manifest says.

        From then on those past it, or all when there is none, no longer count. Raises `DigestMismatch` when it was
        trained on another dataset than that of digest *dataset*; when another one lies in the place of one that counts;
        and when none of those that count is left, but others are.
        """
        steps = [step for step, files in sorted(self._steps().items(), reverse=True) if MANIFEST in files]
        strangers = [] if self.counted is None else [step for step in steps if step not in self.counted]
        if strangers:
            self._pass_over(strangers[0], f"the cluster does not know it ({len(strangers)} of this kind)")
        for step in (step for step in steps if self.counted is None or step in self.counted):
            try:
                folder = self._sound(step, into, dataset)
            except ValueError as error:
                self._pass_over(step, str(error))
                continue
            self.counted = {address.step: address.sha256 for address in self.complete() if address.step <= step}
            return folder, step
        if self.counted and strangers:
            known = ", ".join(f"{sha256} (step {step})" for step, sha256 in sorted(self.counted.items()))
            raise DigestMismatch(
                f"{self.store.uri(self.run)} holds {checkpoint_name(strangers[0])}, and none of the checkpoints that "
                f"the cluster knows: {known}; {ANOTHER_RUN}"
            )
        self.counted = {}
        return None

    def bring_out(self, step: int, sha256: str, into: Path) -> Path:
        """Local folder of the checkpoint at *step* whose manifest has that SHA-256. Raises `CheckpointFailed`."""
        try:
            listed, _ = self._manifest(step)
            if sha256_of_manifest(listed.data) != sha256:
                raise DamagedError(f"{MANIFEST} is another one than the first process found")
            return self.store.bring_out(listed, into)
        except ValueError as error:
            uri = f"{self.store.uri(self.run)}/{checkpoint_name(step)}"
            raise CheckpointFailed(f"{uri}: {error}; did somebody else write there?") from None

    def _sound(self, step: int, into: Path, dataset: str | None) -> Path:
        """Local folder of the checkpoint at *step*. ValueError when it is damaged."""
        listed, manifest = self._manifest(step)
        sha256, uri = sha256_of_manifest(listed.data), self.store.uri(listed.key)
        if self.counted is not None and sha256 != self.counted[step]:
            raise DigestMismatch(
                f"{uri}: its manifest has the SHA-256 {sha256}, the cluster knows {self.counted[step]}: somebody else "
                f"wrote there; {ANOTHER_RUN}"
            )
        if dataset is not None and manifest.dataset_digest not in (None, dataset):
            raise DigestMismatch(
                f"{uri}: it was trained on the dataset {manifest.dataset_digest}, that of the run is {dataset}; "
                f"{ANOTHER_RUN}"
            )
        return self.store.bring_out(listed, into)

    def _find(self, step: int) -> CheckpointAddress | None:
        """Address of the checkpoint at *step*. None for one that is incomplete or damaged."""
        try:
            listed, manifest = self._manifest(step)
        except ValueError:
            return None
        return _address(self.store.uri(listed.key), manifest, listed.data)

    def _manifest(self, step: int) -> tuple[FileList, CheckpointManifest]:
        """The list of files of a checkpoint, and the manifest that it is from. ValueError when it cannot be read."""
        key = f"{self.run}/{checkpoint_name(step)}"
        data = self.store.read(f"{key}/{MANIFEST}", CHECKPOINT_MANIFEST)
        if data is None:
            raise DamagedError(f"{MANIFEST} is missing")
        manifest = read_manifest(data)
        if manifest.step != step:
            raise DamagedError(f"{MANIFEST} is damaged: it is that of step {manifest.step}")
        return FileList(key, MANIFEST, data, manifest.files), manifest

    def _pass_over(self, step: int, why: str) -> None:
        uri = f"{self.store.uri(self.run)}/{checkpoint_name(step)}"
        _log.warning("%s is passed over: %s", one_line(uri, _SHOWN), one_line(why, _SHOWN))

    def _steps(self) -> dict[int, set[str]]:
        """Names of the files of each checkpoint, complete or not, by step."""
        steps: dict[int, set[str]] = {}
        for key in self.store.list(self.run):
            name, _, file = key.removeprefix(f"{self.run}/").partition("/")
            found = _CHECKPOINT.fullmatch(name)
            if file and found and checkpoint_name(int(found[1])) == name:
                steps.setdefault(int(found[1]), set()).add(file)
        return steps


def checkpoint_name(step: int) -> str:
    """Folder name of the checkpoint at *step*."""
    return f"checkpoint-{step:06d}"


def _address(uri: str, manifest: CheckpointManifest, data: bytes) -> CheckpointAddress:
    metric = manifest.metrics.get("evalSuccess")
    return CheckpointAddress(uri=uri, step=manifest.step, sha256=sha256_of_manifest(data), metric=metric)

"""Which store a manifest names."""

from pathlib import Path

import pytest

from atlas_api import InvalidManifest
from atlas_api.training.checkpoints import Checkpoints, VolumeCheckpoints
from atlas_trainer.storage.store import open_store


def on_claim(path: str = "") -> Checkpoints:
    return Checkpoints(volume=VolumeCheckpoints(claim_name="models", path=path))


def test_a_claim_is_a_folder_below_its_mount_with_an_address_of_its_own(tmp_path: Path) -> None:
    store = open_store(on_claim("team/atlas"), tmp_path)
    store.write("agents/demo/status.json", b"{}")
    assert (tmp_path / "team/atlas/agents/demo/status.json").read_bytes() == b"{}"
    assert store.uri("agents/demo/run-0001/final") == "pvc://models/team/atlas/agents/demo/run-0001/final"


def test_a_whole_claim_has_no_path(tmp_path: Path) -> None:
    assert open_store(on_claim(), tmp_path).uri("agents/demo") == "pvc://models/agents/demo"


def test_a_claim_that_is_not_mounted_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=r"spec.checkpoints.volume: needs a cluster.*set local or s3"):
        open_store(on_claim(), tmp_path / "nothing")

"""Which store a manifest names."""

import os
from pathlib import Path

import pytest

from atlas_api import InvalidManifest
from atlas_api.errors import CheckpointFailed
from atlas_api.inputs.budgets import STATUS
from atlas_api.training.checkpoints import Checkpoints, S3Checkpoints, VolumeCheckpoints
from atlas_trainer.storage.file_list import DamagedError
from atlas_trainer.storage.runs import training_folder
from atlas_trainer.storage.store import LocalStore, open_store


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


def test_no_link_leads_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "status.json").write_bytes(b"theirs")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "agents").symlink_to(tmp_path / "elsewhere")
    store = LocalStore(tmp_path / "runs")
    with pytest.raises(DamagedError, match=r"leads out of .* by a symbolic link"):
        store.read("agents/status.json", STATUS)
    with pytest.raises(CheckpointFailed, match=r"leads out of .* by a symbolic link"):
        store.write("agents/status.json", b"ours")
    with pytest.raises(CheckpointFailed, match=r"leads out of .* by a symbolic link"):
        store.list("agents")
    store.delete(["agents/status.json"])
    assert (tmp_path / "elsewhere" / "status.json").read_bytes() == b"theirs"


def test_a_store_that_is_itself_a_link_is_used(tmp_path: Path) -> None:
    (tmp_path / "large-disk").mkdir()
    (tmp_path / "runs").symlink_to(tmp_path / "large-disk")
    store = LocalStore(tmp_path / "runs")
    store.write("agents/status.json", b"{}")
    assert store.read("agents/status.json", STATUS) == b"{}"
    assert list(store.list("agents")) == ["agents/status.json"]


def test_a_link_in_the_place_of_the_draft_of_a_file_is_not_followed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "runs")
    (tmp_path / "runs").mkdir()
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "runs" / f".status.json.{os.getpid()}.tmp").symlink_to(tmp_path / "theirs")
    store.write("status.json", b"ours")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert (tmp_path / "runs" / "status.json").read_bytes() == b"ours"


def test_what_is_no_file_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "status.json")
    assert LocalStore(tmp_path).read("status.json", STATUS) is None
    assert LocalStore(tmp_path.parent).list(tmp_path.name) == {}


@pytest.mark.parametrize("prefix", ["../../home", "a/../../..", "..", "//etc"])
def test_the_folder_beside_an_object_store_lies_in_the_cache_whatever_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store = open_store(Checkpoints(s3=S3Checkpoints(uri=f"s3://models/{prefix}", endpoint="http://127.0.0.1:9")))
    folder = training_folder("agents/demo", store)
    assert folder.resolve().is_relative_to(tmp_path / "atlas-core" / "runs")

"""Checkpoints are complete or not there."""

import json
from pathlib import Path

import pytest

from atlas_api.errors import CheckpointFailed
from atlas_api.training.status import CheckpointAddress
from atlas_trainer.storage.checkpoints import RunCheckpoints, checkpoint_name
from atlas_trainer.storage.store import LocalStore


def run_in(tmp_path: Path) -> RunCheckpoints:
    return RunCheckpoints(LocalStore(tmp_path / "store"), "agents/demo/run-0001")


def publish(run: RunCheckpoints, tmp_path: Path, step: int, success: float | None = None) -> CheckpointAddress:
    folder = tmp_path / "saving"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights" * step)
    (folder / "sub" / "state.json").write_text("{}")
    metrics = {} if success is None else {"evalSuccess": success}
    return run.publish(folder, checkpoint_name(step), step, {"metrics": metrics})


def test_a_published_checkpoint_is_listed_with_its_metric(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    address = publish(run, tmp_path, 50, success=0.7)
    assert run.complete() == [address]
    assert address.metric == 0.7
    assert (tmp_path / "store/agents/demo/run-0001/checkpoint-000050/manifest.json").exists()
    assert json.loads((tmp_path / "store/agents/demo/run-0001/latest.json").read_text())["sha256"] == address.sha256


def test_a_folder_without_manifest_is_never_listed_and_is_removed(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    publish(run, tmp_path, 50)
    torn = tmp_path / "store/agents/demo/run-0001/checkpoint-000100"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    assert [address.step for address in run.complete()] == [50]
    assert run.remove_incomplete() == ["checkpoint-000100"]
    assert not torn.exists()


def test_resume_passes_over_a_checkpoint_whose_files_changed(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    publish(run, tmp_path, 50)
    publish(run, tmp_path, 100)
    (tmp_path / "store/agents/demo/run-0001/checkpoint-000100/model.safetensors").write_bytes(b"rotten")
    found = run.newest_sound(tmp_path / "resume")
    assert found is not None
    assert found[1] == 50


def test_publishing_a_step_again_replaces_it(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    publish(run, tmp_path, 50)
    address = publish(run, tmp_path, 50, success=0.9)
    assert run.complete() == [address]


def test_retention_deletes_whole_folders(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    for step, success in ((50, 0.9), (100, 0.1), (150, 0.2), (200, 0.3)):
        publish(run, tmp_path, step, success)
    run.retain(keep=2, keep_best=True)
    assert [address.step for address in run.complete()] == [50, 150, 200]
    assert not (tmp_path / "store/agents/demo/run-0001/checkpoint-000100").exists()


def test_every_file_is_as_readable_as_a_new_one_whatever_a_library_made_it(tmp_path: Path) -> None:
    folder = tmp_path / "saving"
    (folder / "sub").mkdir(parents=True)
    for name in ("model.safetensors", "sub/state.json"):
        (folder / name).write_bytes(b"{}")
        (folder / name).chmod(0o600)
    (folder / "sub").chmod(0o700)
    run_in(tmp_path).publish(folder, "final", 4, {})
    (tmp_path / "new").write_bytes(b"")
    (tmp_path / "new-folder").mkdir()
    final = tmp_path / "store/agents/demo/run-0001/final"
    for path in (final, *final.rglob("*")):
        like = tmp_path / ("new-folder" if path.is_dir() else "new")
        assert oct(path.stat().st_mode) == oct(like.stat().st_mode), path


def test_a_name_that_could_not_be_read_back_is_not_published(tmp_path: Path) -> None:
    folder = tmp_path / "saving"
    folder.mkdir()
    (folder / "a:b").write_bytes(b"x")
    with pytest.raises(CheckpointFailed, match=r'checkpoint-000050 cannot be saved.* "a:b" is no name'):
        run_in(tmp_path).publish(folder, checkpoint_name(50), 50, {})

"""A checkpoint whose manifest is odd is passed over for the one before: a word in the log, never a traceback."""

import json
import random
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from support.trainer.odd_manifests import DAMAGED, NAMES, Change, edited

from atlas_trainer.storage.checkpoints import RunCheckpoints, checkpoint_name
from atlas_trainer.storage.file_list import DamagedError, checked_name
from atlas_trainer.storage.manifest import read_manifest
from atlas_trainer.storage.store import LocalStore

FOLDER = "agents/demo/run-0001"


@pytest.fixture
def run(tmp_path: Path) -> RunCheckpoints:
    """A run with checkpoints at the steps 50 and 100."""
    run = RunCheckpoints(LocalStore(tmp_path / "store"), FOLDER)
    for step in (50, 100):
        saving = tmp_path / "saving"
        saving.mkdir()
        (saving / "model.safetensors").write_bytes(b"weights" * step)
        run.publish(saving, checkpoint_name(step), step, {"metrics": {}, "dataset": {"digest": "d" * 64}})
    return run


def damage(tmp_path: Path, change: Change) -> None:
    manifest = tmp_path / "store" / FOLDER / "checkpoint-000100" / "manifest.json"
    manifest.write_bytes(change(manifest.read_bytes()))


@pytest.mark.parametrize("change", DAMAGED.values(), ids=DAMAGED)
def test_the_checkpoint_before_a_damaged_one_is_resumed_from(
    run: RunCheckpoints, tmp_path: Path, change: Change, caplog: pytest.LogCaptureFixture
) -> None:
    damage(tmp_path, change)
    found = run.newest_sound(tmp_path / "resume")
    assert found is not None
    assert found[1] == 50
    assert [address.step for address in run.complete()] == [50]
    (said,) = caplog.messages
    assert said.startswith(f"{tmp_path}/store/{FOLDER}/checkpoint-000100 is passed over: ")
    assert len(said) < 700
    assert "\n" not in said


@pytest.mark.parametrize("change", [edited(more={"than": ["we", "know"]}), edited(metrics=...), edited(dataset=...)])
def test_a_manifest_may_say_more_or_less_than_is_needed(run: RunCheckpoints, tmp_path: Path, change: Change) -> None:
    damage(tmp_path, change)
    found = run.newest_sound(tmp_path / "resume")
    assert found is not None
    assert found[1] == 100


def test_a_file_that_no_manifest_lists_makes_its_checkpoint_unsound(run: RunCheckpoints, tmp_path: Path) -> None:
    (tmp_path / "store" / FOLDER / "checkpoint-000100" / "pytorch_model.bin").write_bytes(b"pickle")
    found = run.newest_sound(tmp_path / "resume")
    assert found is not None
    assert found[1] == 50


def test_links_that_lead_out_of_the_store_are_not_followed(run: RunCheckpoints, tmp_path: Path) -> None:
    newest = tmp_path / "store" / FOLDER / "checkpoint-000100"
    (newest / "model.safetensors").rename(tmp_path / "outside")
    (newest / "model.safetensors").symlink_to(tmp_path / "outside")
    found = run.newest_sound(tmp_path / "resume")
    assert found is not None
    assert found[1] == 50
    assert (tmp_path / "outside").exists()


def test_what_is_past_a_damaged_checkpoint_does_not_crowd_out_new_ones(run: RunCheckpoints, tmp_path: Path) -> None:
    (tmp_path / "store" / FOLDER / "checkpoint-000100" / "model.safetensors").write_bytes(b"rotten")
    run.newest_sound(tmp_path / "resume")
    saving = tmp_path / "saving"
    saving.mkdir()
    (saving / "model.safetensors").write_bytes(b"weights")
    run.publish(saving, checkpoint_name(60), 60, {})
    run.retain(keep=1, keep_best=False)
    assert [address.step for address in run.complete()] == [60]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    if name != "manifest.json":
        with pytest.raises(DamagedError, match="no name of a file below it"):
            checked_name(name)


@pytest.mark.parametrize("name", ["model.safetensors", "a/b c/ü.json", "...", "..a", "global_step5/mp_rank_00.pt", "~"])
def test_names_of_files_are_taken(name: str) -> None:
    assert checked_name(name) == name


def test_2000_mutated_manifests_are_read_or_refused_and_cost_no_memory() -> None:
    good = json.dumps(
        {
            "version": 1,
            "step": 100,
            "metrics": {"evalSuccess": 0.5},
            "dataset": {"digest": "d" * 64},
            "files": {f"part-{number}.bin": {"bytes": number, "sha256": "0" * 64} for number in range(20)},
        },
        indent=2,
    ).encode()
    dice = random.Random(16)
    read = 0
    tracemalloc.start()
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(dice.randint(1, 8)):
            place = dice.randrange(len(data) + 1)
            part = dice.choice(
                [b"[", b"{", b"]", b"}", b'"', b",", b"null", b"-1", b"1e999", b"../", b"\0", b"\xff", b""]
            )
            data[place : place + dice.choice([0, 1, 1, 9, 200])] = part * dice.choice([1, 1, 2, 1000])
        with suppress(DamagedError):
            read += read_manifest(bytes(data)).step == 100
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()
    assert 0 < read < 2000

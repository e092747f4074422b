"""What somebody else may put into a bucket: names that lead elsewhere, other lengths, other digests, too much."""

import dataclasses
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.server.bucket import Bucket
from support.trainer.chat_templates import CHATML, make_tokenizer
from support.trainer.measured import make_result, make_run
from support.trainer.odd_manifests import DAMAGED, Change
from support.trainer.trainings import make_training, write_export

from atlas_api.errors import CheckpointFailed, DigestMismatch, InvalidManifest
from atlas_api.inputs.budgets import STATUS, Budget, OverBudgetError
from atlas_trainer.dataset.dataset import Dataset
from atlas_trainer.dataset.rows_file import read_parquet, write_parquet
from atlas_trainer.main_process import MainProcess
from atlas_trainer.reporting.reporter import Reporter
from atlas_trainer.storage.checkpoints import RunCheckpoints, checkpoint_name
from atlas_trainer.storage.file_list import files_in
from atlas_trainer.storage.known import Known
from atlas_trainer.storage.runs import locate, read_status
from atlas_trainer.storage.s3_store import S3Store

RUN = "agents/demo/run-0001"
PREFIX = f"models/atlas/{RUN}"
TOKENIZER = make_tokenizer(CHATML)
A, B = "a" * 64, "b" * 64


def store_in(bucket: Bucket) -> S3Store:
    return S3Store(bucket.client, bucket.name, "models/atlas")


def publish(run: RunCheckpoints, tmp_path: Path, step: int, **facts: Any) -> str:
    """Publish a checkpoint. Returns the SHA-256 of its manifest."""
    folder = tmp_path / "saving"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights" * step)
    (folder / "sub" / "state.json").write_text("{}")
    return run.publish(folder, checkpoint_name(step), step, facts).sha256


@pytest.fixture
def run(bucket: Bucket, tmp_path: Path) -> RunCheckpoints:
    """A run with checkpoints at the steps 50 and 100."""
    run = RunCheckpoints(store_in(bucket), RUN)
    publish(run, tmp_path, 50)
    publish(run, tmp_path, 100)
    return run


def resumed(run: RunCheckpoints, tmp_path: Path) -> int | None:
    found = run.newest_sound(tmp_path / "work" / "resume")
    return found[1] if found else None


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name",
    [
        "../../outside",
        "sub/../../../outside",
        "//abs/outside",
        "../checkpoint-000100x/outside",
        "a\\b",
        "extra.bin",
        "./x",
    ],
)
def test_only_what_the_manifest_lists_is_brought_out_and_nothing_lands_elsewhere(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.put(f"{PREFIX}/checkpoint-000100/{name}", b"alias ls=rm")
    before = files_of(tmp_path)
    assert resumed(run, tmp_path) == 50
    assert files_of(tmp_path) - before == {
        f"work/resume/{each}" for each in ("manifest.json", "model.safetensors", "sub/state.json")
    }
    assert any("is not listed in manifest.json" in message for message in caplog.messages)


def test_objects_that_only_stand_for_folders_are_no_files(run: RunCheckpoints, bucket: Bucket, tmp_path: Path) -> None:
    bucket.put(f"{PREFIX}/checkpoint-000100/", b"")
    bucket.put(f"{PREFIX}/checkpoint-000100/sub/", b"")
    assert resumed(run, tmp_path) == 100


@pytest.mark.parametrize("change", DAMAGED.values(), ids=DAMAGED)
def test_the_checkpoint_before_a_damaged_one_is_resumed_from(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path, change: Change
) -> None:
    key = f"{PREFIX}/checkpoint-000100/manifest.json"
    bucket.put(key, change(bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read()))
    assert resumed(run, tmp_path) == 50


@pytest.mark.parametrize("content", [b"", b"rotten", b"weights" * 99 + b"weighty", b"weights" * 101])
def test_weights_of_another_length_or_content_are_passed_over(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path, content: bytes
) -> None:
    bucket.put(f"{PREFIX}/checkpoint-000100/model.safetensors", content)
    assert resumed(run, tmp_path) == 50


def test_what_lay_in_the_place_of_a_checkpoint_goes_when_it_is_published(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put(f"{PREFIX}/checkpoint-000150/left-behind.bin", b"old")
    publish(run, tmp_path, 150)
    assert resumed(run, tmp_path) == 150


def test_a_run_number_or_step_in_other_digits_or_of_enormous_length_is_none(
    run: RunCheckpoints, bucket: Bucket
) -> None:
    for name in ("checkpoint-٠٠٠٢٠٠", "checkpoint-" + "9" * 500, "checkpoint-0000200", "checkpoint-000200 "):
        bucket.put(f"{PREFIX}/{name}/manifest.json", b"{}")
    assert run.remove_incomplete() == []
    assert [address.step for address in run.complete()] == [50, 100]


# What the cluster knows


def test_another_checkpoint_in_the_place_of_one_that_is_known_is_refused_with_both_digests(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path
) -> None:
    known = {address.step: address.sha256 for address in run.complete()}
    swapped = publish(run, tmp_path, 100, attempt="a stranger's")
    attempt = RunCheckpoints(store_in(bucket), RUN, dict(known))
    with pytest.raises(
        DigestMismatch, match=rf"{swapped}, the cluster knows {known[100]}.*start another run"
    ) as refused:
        resumed(attempt, tmp_path)
    assert (refused.value.exit_code, refused.value.failure) == (49, "user")


def test_a_checkpoint_past_the_known_ones_is_passed_over(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = {address.step: address.sha256 for address in run.complete()}
    publish(run, tmp_path, 999)
    attempt = RunCheckpoints(store_in(bucket), RUN, known)
    assert resumed(attempt, tmp_path) == 100
    assert attempt.status().latest == attempt.complete()[-1]
    assert [address.step for address in attempt.complete()] == [50, 100]
    assert "checkpoint-000999 is passed over: the cluster does not know it" in caplog.text


def test_of_known_checkpoints_a_damaged_one_is_passed_over_for_the_one_before(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path
) -> None:
    known = {address.step: address.sha256 for address in run.complete()}
    bucket.put(f"{PREFIX}/checkpoint-000100/manifest.json", b"{")
    assert resumed(RunCheckpoints(store_in(bucket), RUN, known), tmp_path) == 50


def test_when_no_known_checkpoint_is_left_but_others_are_the_run_does_not_go_on(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path
) -> None:
    attempt = RunCheckpoints(store_in(bucket), RUN, {75: A})
    with pytest.raises(DigestMismatch, match=rf"holds checkpoint-000100, and none .* knows: {A} \(step 75\)"):
        resumed(attempt, tmp_path)


def test_when_nothing_is_left_the_run_begins_again(bucket: Bucket, tmp_path: Path) -> None:
    assert resumed(RunCheckpoints(store_in(bucket), RUN, {75: A}), tmp_path) is None


def test_before_anything_was_reported_nothing_in_the_store_counts(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path
) -> None:
    attempt = RunCheckpoints(store_in(bucket), RUN, {})
    assert resumed(attempt, tmp_path) is None
    sha256 = publish(attempt, tmp_path, 60)
    assert [address.sha256 for address in attempt.complete()] == [sha256]


def test_a_checkpoint_of_another_dataset_is_refused_without_a_cluster_too(bucket: Bucket, tmp_path: Path) -> None:
    run = RunCheckpoints(store_in(bucket), RUN)
    publish(run, tmp_path, 50, dataset={"digest": A})
    assert run.newest_sound(tmp_path / "resume", A) is not None
    with pytest.raises(DigestMismatch, match=rf"dataset {A}, that of the run is {B}"):
        run.newest_sound(tmp_path / "resume", B)


def test_another_process_takes_the_checkpoint_of_the_first_one_only(
    run: RunCheckpoints, bucket: Bucket, tmp_path: Path
) -> None:
    sha256 = run.complete()[-1].sha256
    assert run.bring_out(100, sha256, tmp_path / "resume") == tmp_path / "resume"
    with pytest.raises(CheckpointFailed, match="another one than the first process found"):
        run.bring_out(100, A, tmp_path / "resume")
    bucket.put(f"{PREFIX}/checkpoint-000100/sub/state.json", b"[]")
    with pytest.raises(CheckpointFailed, match=r"sub/state\.json.* SHA-256"):
        run.bring_out(100, sha256, tmp_path / "resume")


# The dataset


def main_process(bucket: Bucket, folder: Path, known: Known | None = None) -> MainProcess:
    run = make_run(folder)
    reporter = Reporter(run, folder / "work" / "run-0001", Console(file=io.StringIO()))
    return MainProcess(run, store_in(bucket), reporter, folder / "scratch", known)


def frozen(bucket: Bucket, folder: Path) -> Dataset:
    write_export(folder)
    return main_process(bucket, folder).freeze_dataset(TOKENIZER)


def swap_rows(bucket: Bucket, folder: Path) -> str:
    """Put other rows with their own digest in the place of a dataset. Returns that digest."""
    rows, new = folder / "rows.parquet", hashlib.sha256()
    bucket.client.download_file(bucket.name, f"{PREFIX}/dataset/rows.parquet", str(rows))
    changed = [(dataclasses.replace(row, reference="Obey."), side) for row, side in read_parquet(rows)]
    write_parquet(rows, changed)
    for row, side in changed:
        new.update(row.canonical().encode() + (b" eval\n" if side == "eval" else b"\n"))
    key = f"{PREFIX}/dataset/dataset.json"
    index = json.loads(bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read())
    index |= {"digest": new.hexdigest(), "files": files_in(folder, ["rows.parquet"])}
    bucket.put(key, json.dumps(index).encode())
    bucket.put(f"{PREFIX}/dataset/rows.parquet", rows.read_bytes())
    return new.hexdigest()


def test_the_next_attempt_takes_the_dataset_that_the_cluster_knows(bucket: Bucket, tmp_path: Path) -> None:
    first = frozen(bucket, tmp_path)
    assert main_process(bucket, tmp_path, Known({}, first.digest)).freeze_dataset(TOKENIZER) == first


def test_rows_that_were_swapped_with_their_digest_are_refused(bucket: Bucket, tmp_path: Path) -> None:
    first = frozen(bucket, tmp_path)
    swapped = swap_rows(bucket, tmp_path)
    with pytest.raises(DigestMismatch, match=rf"holds the dataset {swapped}, the cluster knows {first.digest}"):
        main_process(bucket, tmp_path, Known({}, first.digest)).freeze_dataset(TOKENIZER)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *[("dataset.json", text) for text in (b"", b"[]", b"{}", b'{"files": {}}', b"[" * 100_000, b" " * (5 << 20))],
        ("rows.parquet", b""),
        ("rows.parquet", b"PAR1 is not all of it PAR1"),
        ("extra.bin", b"x"),
        ("../../outside", b"x"),
    ],
)
def test_a_damaged_dataset_is_named_with_its_cure(bucket: Bucket, tmp_path: Path, name: str, content: bytes) -> None:
    frozen(bucket, tmp_path)
    bucket.put(f"{PREFIX}/dataset/{name}", content)
    with pytest.raises(CheckpointFailed, match=r"s3://traces/.*/dataset does not hold the dataset .*; start a new run"):
        main_process(bucket, tmp_path).freeze_dataset(TOKENIZER)


# Small documents


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b" " * (2 << 20), b'{"phase": 1}', b"null"]
)
def test_a_status_that_cannot_be_read_is_named_and_never_read_without_end(
    bucket: Bucket, tmp_path: Path, content: bytes
) -> None:
    store = store_in(bucket)
    bucket.put("models/atlas/agents/demo/status.json", content)
    named = r"^s3://traces/models/atlas/agents/demo/status\.json: .*move it away"
    with pytest.raises(InvalidManifest, match=named):
        read_status(store, make_training(tmp_path))
    if len(content) > STATUS.bytes:
        with pytest.raises(OverBudgetError):
            store.read("agents/demo/status.json", STATUS)


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b" " * (2 << 20), b'{"startedAt": ["2026"]}', b'{"startedAt": NaN}']
)
def test_a_claim_that_cannot_be_read_is_left_alone(bucket: Bucket, tmp_path: Path, content: bytes) -> None:
    bucket.put(f"{PREFIX}/run.json", content)
    assert locate(make_run(tmp_path), store_in(bucket)).apart


def test_no_more_is_read_than_the_budget_allows(bucket: Bucket) -> None:
    bucket.put(f"{PREFIX}/metrics.jsonl", b"x" * 1001)
    store = store_in(bucket)
    assert store.read(f"{RUN}/metrics.jsonl", Budget(1001, 1)) == b"x" * 1001
    with pytest.raises(OverBudgetError, match="longer than 1,000 bytes"):
        store.read(f"{RUN}/metrics.jsonl", Budget(1000, 1))


def test_results_of_evaluations_that_cannot_be_read_are_passed_over(bucket: Bucket, tmp_path: Path) -> None:
    good = json.dumps(make_result(2).to_json()).encode()
    odd = {
        "step-000001.json": b"[" * 100_000,
        "step-000002.json": good,
        "step-000003.json": good,
        "step-000004.json": b"null",
        "step-000005.json": b'{"step": 5, "success": "all of it"}',
        "step-000006.json": good.replace(b'"step": 2', b'"step": 6').replace(b'"tokens": 8.0', b'"tokens": NaN'),
        "../../status.json": good,
        "other.txt": b"x",
    }
    for name, content in odd.items():
        bucket.put(f"{PREFIX}/evaluations/{name}", content)
    main = main_process(bucket, tmp_path)
    main._recall_results(100)
    assert list(main.results) == [2]

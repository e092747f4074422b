"""Checkpoints and whole runs in a real S3 API."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.server.bucket import Bucket
from support.trainer.measured import make_run
from support.trainer.trainings import make_training
from transformers import AutoModelForCausalLM

from atlas_api import AtlasTraining
from atlas_api.errors import AccessDenied, SourceMissing, ZeroSteps
from atlas_api.inputs.budgets import STATUS
from atlas_api.pods.run_report import RunReport
from atlas_core.commands.run import run
from atlas_trainer.storage.checkpoints import RunCheckpoints, checkpoint_name
from atlas_trainer.storage.runs import training_folder
from atlas_trainer.storage.s3_store import S3Store
from atlas_trainer.storage.store import open_store
from atlas_trainer.train import train


def store_in(bucket: Bucket) -> S3Store:
    return S3Store(bucket.client, bucket.name, "models/atlas")


def publish(run: RunCheckpoints, tmp_path: Path, step: int) -> None:
    folder = tmp_path / "saving"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights" * step)
    run.publish(folder, checkpoint_name(step), step, {"metrics": {}})


def test_a_checkpoint_comes_back_as_it_was_published(bucket: Bucket, tmp_path: Path) -> None:
    run = RunCheckpoints(store_in(bucket), "agents/demo/run-0001")
    publish(run, tmp_path, 50)
    found = run.newest_sound(tmp_path / "resume")
    assert found == (tmp_path / "resume", 50)
    assert (tmp_path / "resume" / "model.safetensors").read_bytes() == b"weights" * 50
    assert run.complete()[0].uri == f"s3://{bucket.name}/models/atlas/agents/demo/run-0001/checkpoint-000050"


def test_an_upload_without_manifest_is_never_listed_and_is_removed(bucket: Bucket, tmp_path: Path) -> None:
    store = store_in(bucket)
    run = RunCheckpoints(store, "agents/demo/run-0001")
    publish(run, tmp_path, 50)
    store.write("agents/demo/run-0001/checkpoint-000100/model.safetensors", b"half")
    assert [address.step for address in run.complete()] == [50]
    assert run.remove_incomplete() == ["checkpoint-000100"]
    assert all("000100" not in key for key in store.list("agents/demo/run-0001"))


def test_retention_deletes_objects(bucket: Bucket, tmp_path: Path) -> None:
    run = RunCheckpoints(store_in(bucket), "agents/demo/run-0001")
    for step in (50, 100, 150):
        publish(run, tmp_path, step)
    run.retain(keep=1, keep_best=False)
    assert [address.step for address in run.complete()] == [150]


def s3_training(folder: Path, bucket: Bucket, **checkpoints: Any) -> AtlasTraining:
    address = {"uri": f"s3://{bucket.name}/models/{folder.name}", "endpoint": bucket.endpoint}
    return make_training(folder, checkpoints={"s3": {**address, **checkpoints}, "everySteps": 2, "keep": 1})


def test_a_whole_run_leaves_everything_in_the_store(bucket: Bucket, folder: Path) -> None:
    training = s3_training(folder, bucket)
    run(training, fresh=False, console=Console(quiet=True))
    store = open_store(training.spec.checkpoints)
    names = {key.removeprefix("agents/demo/").split("/")[1] for key in store.list("agents/demo") if "run-0001" in key}
    assert names >= {"run.json", "dataset", "checkpoint-000004", "latest.json", "final", "report.html", "metrics.jsonl"}
    status = json.loads(store.read("agents/demo/status.json", STATUS) or b"")
    assert status["model"]["uri"] == store.uri("agents/demo/run-0001/final")
    for key in store.list("agents/demo/run-0001/final"):
        bucket.download(f"models/{folder.name}/{key}", folder / "served")
    AutoModelForCausalLM.from_pretrained(folder / "served")


def test_another_machine_starts_the_next_run_beside_the_first(bucket: Bucket, folder: Path) -> None:
    training = s3_training(folder, bucket)
    store = open_store(training.spec.checkpoints)
    run(training, fresh=False, console=Console(quiet=True))
    shutil.rmtree(training_folder(training.key, store))
    run(training, fresh=False, console=Console(quiet=True))
    status = json.loads(store.read("agents/demo/status.json", STATUS) or b"")
    assert status["run"]["number"] == 2
    assert [entry["run"] for entry in status["history"]] == [1]


def test_what_the_store_no_longer_holds_is_forgotten_here_as_well(bucket: Bucket, folder: Path) -> None:
    training = s3_training(folder, bucket)
    store = open_store(training.spec.checkpoints)
    run(training, fresh=False, console=Console(quiet=True))
    store.delete(store.list("agents/demo"))
    run(training, fresh=False, console=Console(quiet=True))
    status = json.loads(store.read("agents/demo/status.json", STATUS) or b"")
    assert (status["run"]["number"], status.get("history", [])) == (1, [])


def test_what_ended_a_run_is_reported_also_when_the_store_is_gone_by_then(bucket: Bucket, folder: Path) -> None:
    def remove_bucket(report: RunReport) -> None:
        if report.phase == "Failed":
            for page in bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name):
                for entry in page.get("Contents", []):
                    bucket.client.delete_object(Bucket=bucket.name, Key=entry["Key"])
            bucket.client.delete_bucket(Bucket=bucket.name)

    out = io.StringIO()
    checkpoints = s3_training(folder, bucket).spec.checkpoints.model_dump(mode="json", by_alias=True)
    with pytest.raises(ZeroSteps):
        train(
            make_run(folder, checkpoints=checkpoints, optimization={"batchSize": 400}),
            Console(file=out),
            send=remove_bucket,
        )
    assert "Run 1 of agents/demo failed" in out.getvalue()


def test_a_missing_bucket_is_reported_before_training(s3_endpoint: str, folder: Path) -> None:
    checkpoints = {"s3": {"uri": "s3://nowhere/models", "endpoint": s3_endpoint}}
    with pytest.raises(SourceMissing, match="nowhere"):
        run(make_training(folder, checkpoints=checkpoints), fresh=False, console=Console(quiet=True))


def test_the_keys_of_a_secret_come_in_the_variables_that_pods_are_given(
    bucket: Bucket, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_CHECKPOINTS_AWS_ACCESS_KEY_ID", "AKIAPOD")
    monkeypatch.setenv("ATLAS_CHECKPOINTS_AWS_SECRET_ACCESS_KEY", "hidden")
    training = s3_training(folder, bucket, credentialsFrom={"secretRef": {"name": "s3"}})
    store = open_store(training.spec.checkpoints)
    store.write("agents/demo/status.json", b"{}")
    assert store.read("agents/demo/status.json", STATUS) == b"{}"
    assert isinstance(store, S3Store)
    signed = store.client.generate_presigned_url("get_object", Params={"Bucket": bucket.name, "Key": "a"})
    assert "AKIAPOD" in signed


def test_a_missing_key_of_a_secret_is_named_and_the_others_are_not_shown(
    bucket: Bucket, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_CHECKPOINTS_AWS_ACCESS_KEY_ID", "AKIAPOD")
    training = s3_training(folder, bucket, credentialsFrom={"secretRef": {"name": "s3"}})
    with pytest.raises(SourceMissing, match=r"ATLAS_CHECKPOINTS_AWS_SECRET_ACCESS_KEY .*Secret s3") as caught:
        open_store(training.spec.checkpoints)
    assert "AKIAPOD" not in str(caught.value)


def test_a_credentials_file_without_keys_is_refused(bucket: Bucket, folder: Path) -> None:
    (folder / "credentials").write_text("[default]\n")
    training = s3_training(folder, bucket, credentialsFrom={"file": str(folder / "credentials")})
    with pytest.raises(AccessDenied, match="credentials"):
        run(training, fresh=False, console=Console(quiet=True))

"""One attempt as a pod executes it: its run file, and its reports however it ends."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.kubernetes.fake_api_server import FakeApiServer
from support.trainer.measured import make_run
from support.trainer.tiny_model import save_tiny_model
from support.trainer.trainings import write_export

from atlas_api.pods.run_report import RunReport
from atlas_trainer.__main__ import main


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeApiServer]:
    with FakeApiServer(tmp_path) as running:
        yield running


def write_run(folder: Path, **spec: Any) -> Path:
    path = folder / "run.json"
    path.write_text(make_run(folder, number=4, **spec).model_dump_json(by_alias=True, exclude_none=True))
    return path


def execute(file: Path, server: FakeApiServer, attempt: int = 1, **variables: str) -> int:
    """Execute the run in *file* in a pod that can reach *server*. Returns the exit code."""
    environment = {**server.environment, "ATLAS_ATTEMPT": str(attempt), **variables}
    return main([str(file)], environment, file.parent / "termination-log", server.account)


def left(folder: Path) -> RunReport:
    return RunReport.model_validate_json((folder / "termination-log").read_bytes())


def test_a_run_is_reported_from_its_first_step_to_its_model(tmp_path: Path, server: FakeApiServer) -> None:
    save_tiny_model(tmp_path / "model")
    write_export(tmp_path)
    assert execute(write_run(tmp_path), server, attempt=3) == 0
    reports = [patch.report for patch in server.patches]
    assert {(report["run"], report["attempt"]) for report in reports} == {(4, 3)}
    assert [report["phase"] for report in reports[:-1]] == ["Running"] * (len(reports) - 1)
    ended = left(tmp_path)
    assert RunReport.model_validate_json(json.dumps(reports[-1])) == ended
    assert (ended.phase, ended.exit_code) == ("Succeeded", None)
    assert ended.model is not None
    assert ended.model.uri == str(tmp_path / "runs/agents/demo/run-0004/final")
    assert ended.checkpoints.latest is not None
    assert ended.checkpoints.latest.step == 4


def test_a_run_ends_well_and_truthfully_when_the_api_server_refuses_everything(
    tmp_path: Path, server: FakeApiServer
) -> None:
    server.status = 403
    save_tiny_model(tmp_path / "model")
    write_export(tmp_path)
    optimization = {"maxSteps": 1, "batchSize": 8}
    assert execute(write_run(tmp_path, optimization=optimization, evaluation={"baseline": False}), server) == 0
    assert server.asked
    assert left(tmp_path).phase == "Succeeded"


def test_a_wrong_field_is_reported_before_anything_else(tmp_path: Path, server: FakeApiServer) -> None:
    file = write_run(tmp_path)
    file.write_text(file.read_text().replace('"groupSize":4', '"groupSize":"four"'))
    assert execute(file, server) == 2
    for report in (left(tmp_path), RunReport.model_validate_json(json.dumps(server.newest))):
        assert (report.run, report.phase, report.reason, report.exit_code) == (4, "Failed", "InvalidManifest", 2)
        assert "spec.grpo.groupSize" in (report.message or "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path, server: FakeApiServer) -> None:
    assert execute(tmp_path / "absent.json", server) == 2
    assert f"{tmp_path}/absent.json cannot be read" in (left(tmp_path).message or "")


def test_a_missing_source_is_reported_without_a_model_being_loaded(tmp_path: Path, server: FakeApiServer) -> None:
    save_tiny_model(tmp_path / "model")
    assert execute(write_run(tmp_path), server) == 22
    assert (left(tmp_path).reason, server.newest["reason"]) == ("SourceMissing", "SourceMissing")


@pytest.fixture
def broken_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that lacks a package, which nobody expects."""
    monkeypatch.setitem(sys.modules, "transformers", None)


@pytest.mark.usefixtures("broken_image")
def test_a_crash_is_reported_with_its_last_line(tmp_path: Path, server: FakeApiServer) -> None:
    save_tiny_model(tmp_path / "model")
    assert execute(write_run(tmp_path), server) == 1
    assert (left(tmp_path).reason, left(tmp_path).exit_code) == ("Crashed", 1)
    assert "ModuleNotFoundError" in (left(tmp_path).message or "")


@pytest.mark.usefixtures("broken_image")
def test_what_the_recipe_takes_from_secrets_is_neither_reported_nor_logged(
    tmp_path: Path, server: FakeApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    save_tiny_model(tmp_path / "model")
    secret = {"name": "TOKEN", "secretKeyRef": {"name": "hub", "key": "token"}}
    # The error names a package, which is the secret here.
    file = write_run(tmp_path, compute={"env": [secret]})
    assert execute(file, server, TOKEN="transformers") == 1
    printed = capsys.readouterr().err
    assert "ModuleNotFoundError" in printed
    assert "transformers" not in printed + (left(tmp_path).message or "") + json.dumps(server.newest)


def test_an_attempt_that_finds_other_files_than_the_cluster_knows_ends_before_it_trains(
    tmp_path: Path, server: FakeApiServer
) -> None:
    save_tiny_model(tmp_path / "model")
    write_export(tmp_path)
    file = write_run(tmp_path)
    assert execute(file, server) == 0
    saved = left(tmp_path).checkpoints
    digest = json.loads((tmp_path / "runs/agents/demo/run-0004/dataset/dataset.json").read_text())["digest"]
    assert saved.latest is not None
    known = {
        "ATLAS_KNOWN_CHECKPOINTS": f"{saved.latest.step}:{saved.latest.sha256}",
        "ATLAS_KNOWN_DATASET": digest,
    }
    assert execute(file, server, 2, **known) == 0
    assert execute(file, server, 3, **known | {"ATLAS_KNOWN_DATASET": "a" * 64}) == 49
    ended = left(tmp_path)
    assert (ended.reason, ended.exit_code, ended.phase) == ("DigestMismatch", 49, "Failed")
    assert digest in str(ended.message)
    assert "a" * 64 in str(ended.message)
    swapped = {"ATLAS_KNOWN_CHECKPOINTS": f"{saved.latest.step}:{'b' * 64}"}
    assert execute(file, server, 4, **known | swapped) == 49
    assert "b" * 64 in str(left(tmp_path).message)


@pytest.mark.parametrize("status", [b"{", b"[]", b"[" * 100_000])
def test_a_damaged_status_in_the_store_ends_no_attempt(tmp_path: Path, server: FakeApiServer, status: bytes) -> None:
    save_tiny_model(tmp_path / "model")
    write_export(tmp_path)
    (tmp_path / "runs/agents/demo").mkdir(parents=True)
    (tmp_path / "runs/agents/demo/status.json").write_bytes(status)
    optimization = {"maxSteps": 1, "batchSize": 8}
    assert execute(write_run(tmp_path, optimization=optimization, evaluation={"baseline": False}), server) == 0
    assert (tmp_path / "runs/agents/demo/status.json.unreadable").read_bytes() == status

"""What a pod says of its attempt, however the attempt ends."""

from pathlib import Path

import pytest
from support.kubernetes.fake_api_server import FakeApiServer

from atlas_api.errors import NothingMatched, Preempted, SourceMissing, WorkerLost
from atlas_api.pods.run_report import RunReport
from atlas_trainer.reporting.pod_reporter import Voice

IN_POD = {"ATLAS_ATTEMPT": "2"}


def voice(folder: Path, is_main: bool = True, **environment: str) -> Voice:
    return Voice({**IN_POD, **environment}, is_main, folder / "termination-log")


def left(folder: Path) -> RunReport:
    return RunReport.model_validate_json((folder / "termination-log").read_bytes())


def running() -> RunReport:
    return RunReport(run=1, attempt=2, phase="Running", metrics={"reward": 0.5})


def test_an_error_before_the_first_report_is_told(tmp_path: Path) -> None:
    told = voice(tmp_path)
    told.failed(1, 2, NothingMatched("no session\ncan be learnt from"))
    told.close()
    report = left(tmp_path)
    assert (report.phase, report.reason, report.exit_code) == ("Failed", "NothingMatched", 30)
    assert report.message == "no session can be learnt from"


def test_an_error_after_which_the_run_can_go_on_is_an_interruption(tmp_path: Path) -> None:
    told = voice(tmp_path)
    told.failed(1, 2, Preempted("stopped by SIGTERM"))
    told.close()
    assert (left(tmp_path).phase, left(tmp_path).exit_code) == ("Interrupted", 143)


def test_a_crash_keeps_what_was_known_and_gives_the_last_line_of_the_traceback(tmp_path: Path) -> None:
    told = voice(tmp_path)
    told.say(running())
    told.failed(1, 2, KeyError("loss"))
    told.close()
    report = left(tmp_path)
    assert (report.phase, report.reason, report.exit_code) == ("Failed", "Crashed", 1)
    assert (report.message, report.metrics) == ("KeyError: 'loss'", {"reward": 0.5})


def test_secrets_are_taken_out_of_what_libraries_say(tmp_path: Path) -> None:
    told = voice(tmp_path, ATLAS_CHECKPOINTS_AWS_SECRET_ACCESS_KEY="wJalrXUtnFEMI")
    told.failed(1, 2, RuntimeError("postgresql://atlas:hunter2@db/atlas refused wJalrXUtnFEMI"))
    told.close()
    assert left(tmp_path).message == "RuntimeError: postgresql://…@db/atlas refused …"


def test_a_password_is_taken_out_though_the_address_around_it_is_not_said(tmp_path: Path) -> None:
    told = voice(tmp_path, ATLAS_TRACES_URL="postgresql://atlas:hunter%402@db/atlas")
    told.failed(1, 2, RuntimeError("password 'hunter@2' (sent as hunter%402) was refused"))
    told.close()
    assert left(tmp_path).message == "RuntimeError: password '…' (sent as …) was refused"


def test_variables_that_the_recipe_takes_from_secrets_are_taken_out_too(tmp_path: Path) -> None:
    told = voice(tmp_path, HF_TOKEN="hf_abcdef", MODE="fast")
    told.hide(["HF_TOKEN", "ABSENT"])
    told.failed(1, 2, RuntimeError("fast download with hf_abcdef was refused"))
    told.close()
    assert left(tmp_path).message == "RuntimeError: fast download with … was refused"


def test_secrets_are_taken_out_of_what_the_reporter_tells(tmp_path: Path) -> None:
    told = voice(tmp_path, ATLAS_REWARD_TOKEN="s3cr3t-token")
    told.say(RunReport(run=1, attempt=2, phase="Failed", message="AtlasError: refused s3cr3t-token"))
    told.close()
    assert left(tmp_path).message == "AtlasError: refused …"


def test_an_error_that_quotes_what_is_no_text_is_told_all_the_same(tmp_path: Path) -> None:
    told = voice(tmp_path)
    told.failed(1, 2, SourceMissing("\udcff.jsonl \x1b[2J is gone"))
    told.close()
    assert left(tmp_path).message == "\ufffd.jsonl \ufffd[2J is gone"


def test_an_end_that_was_told_is_not_told_otherwise(tmp_path: Path) -> None:
    told = voice(tmp_path)
    told.say(RunReport(run=1, attempt=2, phase="Succeeded"))
    told.failed(1, 2, SourceMissing("gone"))
    told.close()
    assert left(tmp_path).phase == "Succeeded"


def test_that_a_peer_is_gone_does_not_replace_what_the_peer_said(tmp_path: Path) -> None:
    peer, first = voice(tmp_path, is_main=False), voice(tmp_path)
    for told, error in ((peer, MemoryError("no memory")), (first, WorkerLost("gone"))):
        told.failed(1, 2, error)
        told.close()
    assert left(tmp_path).message == "MemoryError: no memory"


def test_a_process_after_the_first_does_not_replace_what_was_said(tmp_path: Path) -> None:
    first, peer = voice(tmp_path), voice(tmp_path, is_main=False)
    for told, error in ((first, SourceMissing("no bucket")), (peer, Preempted("stopped by SIGTERM"))):
        told.failed(1, 2, error)
        told.close()
    assert left(tmp_path).reason == "SourceMissing"


def test_only_the_first_process_reports_to_the_cluster(tmp_path: Path) -> None:
    with FakeApiServer(tmp_path) as server:
        for is_main in (False, True):
            told = Voice(server.environment, is_main, tmp_path / "termination-log", server.account)
            told.say(running().model_copy(update={"metrics": {"first": float(is_main)}}))
            told.close()
    assert [patch.report["metrics"] for patch in server.patches] == [{"first": 1.0}]


@pytest.mark.parametrize("is_main", [True, False])
def test_nothing_is_said_outside_a_pod(tmp_path: Path, is_main: bool) -> None:
    told = Voice({}, is_main, tmp_path / "termination-log")
    told.failed(1, 1, SourceMissing("gone"))
    told.close()
    assert not (tmp_path / "termination-log").exists()

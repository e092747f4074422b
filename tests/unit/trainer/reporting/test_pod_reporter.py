"""Reports of a pod on its attempt, however the attempt ends."""

from pathlib import Path

import pytest
from support.kubernetes.fake_api_server import FakeApiServer

from atlas_api.errors import NothingMatched, Preempted, SourceMissing, WorkerLost
from atlas_api.pods.run_report import RunReport
from atlas_trainer.reporting.pod_reporter import PodReporter

IN_POD = {"ATLAS_ATTEMPT": "2"}


def make_reporter(folder: Path, is_main: bool = True, **environment: str) -> PodReporter:
    return PodReporter({**IN_POD, **environment}, is_main, folder / "termination-log")


def left(folder: Path) -> RunReport:
    return RunReport.model_validate_json((folder / "termination-log").read_bytes())


def running() -> RunReport:
    return RunReport(run=1, attempt=2, phase="Running", metrics={"reward": 0.5})


def test_an_error_before_the_first_report_is_reported(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    reporter.failed(1, 2, NothingMatched("no session\ncan be learnt from"))
    reporter.close()
    report = left(tmp_path)
    assert (report.phase, report.reason, report.exit_code) == ("Failed", "NothingMatched", 30)
    assert report.message == "no session can be learnt from"


def test_an_error_after_which_the_run_can_go_on_is_an_interruption(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    reporter.failed(1, 2, Preempted("stopped by SIGTERM"))
    reporter.close()
    assert (left(tmp_path).phase, left(tmp_path).exit_code) == ("Interrupted", 143)


def test_a_crash_keeps_what_was_known_and_gives_the_last_line_of_the_traceback(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    reporter.send(running())
    reporter.failed(1, 2, KeyError("loss"))
    reporter.close()
    report = left(tmp_path)
    assert (report.phase, report.reason, report.exit_code) == ("Failed", "Crashed", 1)
    assert (report.message, report.metrics) == ("KeyError: 'loss'", {"reward": 0.5})


def test_secrets_that_libraries_quote_are_redacted(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path, ATLAS_CHECKPOINTS_AWS_SECRET_ACCESS_KEY="wJalrXUtnFEMI")
    reporter.failed(1, 2, RuntimeError("postgresql://atlas:hunter2@db/atlas refused wJalrXUtnFEMI"))
    reporter.close()
    assert left(tmp_path).message == "RuntimeError: postgresql://…@db/atlas refused …"


def test_a_password_is_redacted_also_without_the_address_around_it(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path, ATLAS_TRACES_URL="postgresql://atlas:hunter%402@db/atlas")
    reporter.failed(1, 2, RuntimeError("password 'hunter@2' (sent as hunter%402) was refused"))
    reporter.close()
    assert left(tmp_path).message == "RuntimeError: password '…' (sent as …) was refused"


def test_variables_that_the_recipe_takes_from_secrets_are_redacted_too(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path, HF_TOKEN="hf_abcdef", MODE="fast")
    reporter.redact_variables(["HF_TOKEN", "ABSENT"])
    reporter.failed(1, 2, RuntimeError("fast download with hf_abcdef was refused"))
    reporter.close()
    assert left(tmp_path).message == "RuntimeError: fast download with … was refused"


def test_reports_that_are_passed_on_are_redacted(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path, ATLAS_REWARD_TOKEN="s3cr3t-token")
    reporter.send(RunReport(run=1, attempt=2, phase="Failed", message="AtlasError: refused s3cr3t-token"))
    reporter.close()
    assert left(tmp_path).message == "AtlasError: refused …"


def test_an_error_that_quotes_what_is_no_text_is_reported_all_the_same(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    reporter.failed(1, 2, SourceMissing("\udcff.jsonl \x1b[2J is gone"))
    reporter.close()
    assert left(tmp_path).message == r"\udcff.jsonl \u001b[2J is gone"


def test_an_end_that_is_reported_is_not_replaced(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    reporter.send(RunReport(run=1, attempt=2, phase="Succeeded"))
    reporter.failed(1, 2, SourceMissing("gone"))
    reporter.close()
    assert left(tmp_path).phase == "Succeeded"


def test_that_a_peer_is_gone_does_not_replace_the_report_of_the_peer(tmp_path: Path) -> None:
    peer, main = make_reporter(tmp_path, is_main=False), make_reporter(tmp_path)
    for reporter, error in ((peer, MemoryError("no memory")), (main, WorkerLost("gone"))):
        reporter.failed(1, 2, error)
        reporter.close()
    assert left(tmp_path).message == "MemoryError: no memory"


def test_another_process_does_not_replace_the_report_of_the_main_one(tmp_path: Path) -> None:
    main, peer = make_reporter(tmp_path), make_reporter(tmp_path, is_main=False)
    for reporter, error in ((main, SourceMissing("no bucket")), (peer, Preempted("stopped by SIGTERM"))):
        reporter.failed(1, 2, error)
        reporter.close()
    assert left(tmp_path).reason == "SourceMissing"


def test_only_the_main_process_reports_to_the_cluster(tmp_path: Path) -> None:
    with FakeApiServer(tmp_path) as server:
        for is_main in (False, True):
            reporter = PodReporter(server.environment, is_main, tmp_path / "termination-log", server.account)
            reporter.send(running().model_copy(update={"metrics": {"main": float(is_main)}}))
            reporter.close()
    assert [patch.report["metrics"] for patch in server.patches] == [{"main": 1.0}]


@pytest.mark.parametrize("is_main", [True, False])
def test_nothing_is_reported_outside_a_pod(tmp_path: Path, is_main: bool) -> None:
    reporter = PodReporter({}, is_main, tmp_path / "termination-log")
    reporter.failed(1, 1, SourceMissing("gone"))
    reporter.close()
    assert not (tmp_path / "termination-log").exists()

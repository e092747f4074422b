"""Reports reach the API server when it works, and training never notices when it does not."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.kubernetes.fake_api_server import FakeApiServer
from support.trainer.measured import START, make_dataset

from atlas_api import parse
from atlas_api.pods.cluster_report import RETRY_SECONDS, ClusterReport
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import Progress


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeApiServer]:
    with FakeApiServer(tmp_path) as running:
        yield running


def make_report(step: int) -> RunReport:
    progress = Progress(step=step, max_steps=9, percent=step * 11, updated_at=START)
    return RunReport(run=1, attempt=1, phase="Running", progress=progress, dataset=make_dataset())


def steps(server: FakeApiServer) -> list[int]:
    return [patch.report["progress"]["step"] for patch in server.patches]


def sink_to(server: FakeApiServer) -> ClusterReport:
    sink = ClusterReport.of(server.environment, server.account)
    assert sink is not None
    return sink


def until(condition: Callable[[], object]) -> None:
    while not condition():
        threading.Event().wait(0.01)


def test_a_report_is_merged_into_the_config_map_under_its_key(server: FakeApiServer) -> None:
    sink = sink_to(server)
    sink.send(make_report(1))
    sink.close()
    (patch,) = server.patches
    assert patch.path == "/api/v1/namespaces/agents/configmaps/demo-1-progress"
    assert (patch.token, patch.content_type) == ("Bearer token-1", "application/merge-patch+json")
    assert (patch.key, parse(RunReport, patch.report)) == ("report", make_report(1))


def test_a_pod_that_shares_the_config_map_reports_under_a_key_of_its_own(server: FakeApiServer) -> None:
    sink = ClusterReport.of({**server.environment, "ATLAS_REPORT_AS": "judges-7d4b9-x2x7q"}, server.account)
    assert sink is not None
    sink.send(make_report(1))
    sink.close()
    assert [patch.key for patch in server.patches] == ["judges-7d4b9-x2x7q"]


def test_of_many_reports_at_once_the_newest_arrives(server: FakeApiServer) -> None:
    sink = sink_to(server)
    for step in range(10):
        sink.send(make_report(step))
    sink.close()
    assert steps(server)[-1] == 9
    assert len(server.patches) <= 2


def test_a_slow_server_holds_nobody_up_and_gets_the_newest_when_it_wakes(server: FakeApiServer) -> None:
    server.answering.clear()
    sink = sink_to(server)
    sink.send(make_report(1))
    until(lambda: server.asked)
    for step in (2, 3, 4):
        sink.send(make_report(step))
    server.answering.set()
    sink.close()
    assert steps(server) == [1, 4]


def test_a_token_that_was_replaced_is_used(server: FakeApiServer) -> None:
    sink = sink_to(server)
    sink.send(make_report(1))
    until(lambda: server.patches)
    (server.account / "token").write_text("token-2")
    sink.send(make_report(2))
    sink.close()
    assert [patch.token for patch in server.patches] == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refused_report_is_followed_by_the_next_one(server: FakeApiServer, status: int) -> None:
    server.status = status
    sink = sink_to(server)
    sink.send(make_report(1))
    until(lambda: server.asked)
    server.status = 200
    sink.send(make_report(2))
    sink.close()
    assert steps(server)[-1] == 2


def test_a_refused_report_is_tried_again_while_there_is_no_newer_one(server: FakeApiServer) -> None:
    server.status = 503
    host, port = (server.environment[f"KUBERNETES_SERVICE_{part}"] for part in ("HOST", "PORT"))
    sink = ClusterReport("agents/demo-1-progress", f"https://{host}:{port}", server.account, again_seconds=0)
    sink.send(make_report(1))
    until(lambda: server.asked)
    server.status = 200
    until(lambda: server.patches)
    sink.close()
    assert steps(server) == [1]


def test_the_last_report_is_tried_until_it_arrives(server: FakeApiServer) -> None:
    server.status = 503
    sink = sink_to(server)
    sink.send(make_report(1))
    until(lambda: server.asked)
    closing = threading.Thread(target=sink.close)
    closing.start()
    until(lambda: len(server.asked) > 1)
    server.status = 200
    closing.join()
    assert steps(server) == [1]


def test_a_failure_is_logged_once_without_the_token(server: FakeApiServer, caplog: pytest.LogCaptureFixture) -> None:
    server.status = 403
    sink = sink_to(server)
    with caplog.at_level(logging.WARNING):
        sink.send(make_report(1))
        until(lambda: server.asked)
        closing = threading.Thread(target=sink.close)
        closing.start()
        until(lambda: len(server.asked) > 2)
        server.status = 200
        closing.join()
    (record,) = caplog.records
    assert "agents/demo-1-progress (the API server answers 403); work goes on" in record.getMessage()
    assert "token-1" not in caplog.text


def test_a_server_that_is_gone_is_given_up(server: FakeApiServer, caplog: pytest.LogCaptureFixture) -> None:
    server.stop()
    sink = sink_to(server)
    sink.send(make_report(1))
    until(lambda: "ConnectionRefusedError" in caplog.text)
    sink.close(seconds=0)


def test_nothing_is_tried_after_the_last_report_was_given_up(server: FakeApiServer) -> None:
    server.status = 403
    sink = sink_to(server)
    sink.send(make_report(1))
    until(lambda: server.asked)
    sink.close(seconds=0)
    threading.Event().wait(RETRY_SECONDS * 1.5)
    assert len(server.asked) == 1


def test_a_server_that_nobody_vouches_for_is_told_nothing(
    server: FakeApiServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other").mkdir()
    other = FakeApiServer(tmp_path / "other")
    (server.account / "ca.crt").write_bytes((other.account / "ca.crt").read_bytes())
    other._server.server_close()
    sink = sink_to(server)
    sink.send(make_report(1))
    until(lambda: "SSLCertVerificationError" in caplog.text)
    sink.close(seconds=0)
    assert server.asked == []


def test_without_a_cluster_there_is_no_sink() -> None:
    assert ClusterReport.of({}) is None
    assert ClusterReport.of({"ATLAS_PROGRESS": "agents/demo-1-progress"}) is None

"""What the service says of itself: log lines, its configuration, its report to the operator."""

import asyncio
import json
import logging
import sys
from pathlib import Path

from support.kubernetes.fake_api_server import FakeApiServer
from support.rewardservice.served import service_manifest

from atlas_api import parse
from atlas_api.json_log import JsonFormatter
from atlas_api.pods.cluster_report import ClusterReport
from atlas_api.rewardservice.spec import RewardService
from atlas_api.rewardservice.status import JudgeReport, JudgesReport
from atlas_rewards.server.http.public_configuration import public_configuration
from atlas_rewards.server.logs import describe
from atlas_rewards.server.operator_report import keep_reporting

SECRET_WORDS = "nobody's business"


def test_an_error_is_logged_with_its_place_and_without_its_words() -> None:
    try:
        raise ValueError("the completion said: private words")
    except ValueError:
        record = logging.LogRecord("service", logging.ERROR, __file__, 1, "it failed", None, sys.exc_info())
    line = json.loads(JsonFormatter(describe).format(record))
    assert (line["level"], line["message"], line["error"]) == ("error", "it failed", "ValueError")
    assert Path(__file__).name in line["traceback"]
    assert line["time"].endswith("+00:00")


def test_of_a_group_of_errors_each_is_logged_with_its_place_and_without_its_words() -> None:
    words = f"the completion said: {SECRET_WORDS}"

    def fails() -> None:
        raise KeyError(words)

    async def many() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(fails))

    try:
        asyncio.run(many())
    except ExceptionGroup:
        record = logging.LogRecord("service", logging.ERROR, __file__, 1, "it failed", None, sys.exc_info())
    text = JsonFormatter(describe).format(record)
    (inner,) = json.loads(text)["errors"]
    assert inner["error"] == "KeyError"
    assert "in fails" in inner["traceback"]
    assert SECRET_WORDS not in text


def test_what_is_shown_of_a_configuration_holds_no_secret() -> None:
    model = {"model": "m", "baseUrl": "http://user:hunter2@host:80/v1?key=hunter2", "extra": {"api_key": "hunter2"}}
    manifest = service_manifest("", models={"small": model}, tokenFrom={"env": "TOKEN"})
    reference = {"name": "B", "secretKeyRef": {"name": "b", "key": "b"}}
    manifest["spec"]["env"] = [{"name": "A", "value": "hunter2"}, reference]
    document = public_configuration(parse(RewardService, manifest).spec)
    assert document["models"]["small"]["baseUrl"] == "http://host:80/v1"
    assert document["tokenFrom"] == {"env": "TOKEN"}
    assert [each["name"] for each in document["env"]] == ["A", "B"]
    assert "hunter2" not in json.dumps(document)


def report_of(p99: int) -> JudgesReport:
    judge = JudgeReport(name="accuracy", state="Answering", p50_ms=1, p99_ms=p99, error_rate=0.0)
    return JudgesReport(revision="abc", judges=(judge,))


def test_the_operator_hears_of_changes_only(tmp_path: Path) -> None:
    reports = [report_of(5), report_of(5), report_of(5), report_of(7)]

    async def tell(sink: ClusterReport) -> None:
        left, all_taken = iter(reports), asyncio.Event()

        def report() -> JudgesReport:
            if (now := next(left, None)) is None:  # the last one was taken before one more is asked for
                all_taken.set()
            return now or reports[-1]

        reporting = asyncio.create_task(keep_reporting(sink, report, seconds=0.01))
        await all_taken.wait()
        reporting.cancel()

    with FakeApiServer(tmp_path) as server:
        sink = ClusterReport.of(server.environment, server.account)
        assert sink is not None
        asyncio.run(tell(sink))
        sink.close()
        sent = [parse(JudgesReport, patch.report) for patch in server.patches]
    assert sent[-1] == report_of(7)
    assert len(sent) <= 2

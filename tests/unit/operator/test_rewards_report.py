"""What pods say of their judges, as the status tells it: within bounds, and not too often."""

from datetime import timedelta

import pytest
from support.kube_objects import BEGIN, after
from support.reward_services import judges_report
from support.rewards_life import RewardsLife

from atlas_operator.labels import FIELD_MANAGER
from atlas_operator.observed import Document
from atlas_operator.rewards_reconcile import FIGURES_SECONDS, without_figures
from atlas_operator.status_writes import pause

SILENT = {"state": "Failing", "reason": "unreachable"}


def test_judges_that_fail_degrade_a_service_that_is_ready() -> None:
    life = RewardsLife().answers().says(judges_report(accuracy={}, helpfulness=SILENT)).settle()
    assert (life.statuses()["Ready"], life.statuses()["Degraded"]) == ("True", "True")
    assert life.status["display"] == {"ready": "1/1", "judges": "1/2", "p99": "840ms"}


@pytest.mark.parametrize("said", ["", "[]", "{", '{"judges": 7}', '{"judges": [7, {"name": 8}]}', "[" * 70_000])
def test_a_report_that_makes_no_sense_says_nothing(said: str) -> None:
    life = RewardsLife().answers()
    life.child("ConfigMap", "judges-judges")["data"] = {"report": said}
    life.settle()
    assert [(each["name"], each["state"]) for each in life.status["judges"]] == [
        ("accuracy", "Unknown"),
        ("helpfulness", "Unknown"),
    ]


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ({"p50Ms": 1234, "p99Ms": 9876.5, "errorRate": 0.1234}, {"p50Ms": 1200, "p99Ms": 9900, "errorRate": 0.12}),
        ({"p50Ms": -1, "p99Ms": 1e300, "errorRate": 2}, {}),
        ({"p50Ms": True, "p99Ms": "7", "errorRate": None}, {}),
        ({"reason": "x" * 500}, {"reason": "x" * 64}),
        ({"state": "Splendid"}, {"state": "Unknown"}),
        ({"state": ["Answering"]}, {"state": "Unknown"}),
    ],
)
def test_figures_are_believed_within_bounds(said: Document, stored: Document) -> None:
    report = {
        "judges": [{"name": "accuracy", "state": "Answering", **said}, {"name": "stranger", "state": "Answering"}]
    }
    life = RewardsLife().answers().says(report).settle()
    accuracy, helpfulness = life.status["judges"]
    assert accuracy == {"name": "accuracy", "state": "Answering", **stored}
    assert helpfulness == {"name": "helpfulness", "state": "Unknown"}


@pytest.mark.parametrize(
    ("said", "seconds_since_the_last_write", "expected"),
    [
        ({"p99Ms": 900}, 20, 40),
        ({"p99Ms": 900}, 61, None),
        ({"p99Ms": 842}, 20, None),
        ({"state": "Failing"}, 20, None),
    ],
    ids=["figures wait", "figures are due", "the same with two digits", "a judge falls silent"],
)
def test_figures_alone_are_written_once_a_minute(
    said: Document, seconds_since_the_last_write: int, expected: float | None
) -> None:
    life = RewardsLife().answers().says(judges_report(accuracy={}, helpfulness={})).settle()
    life.service["metadata"]["managedFields"] = [{"manager": FIELD_MANAGER, "time": after(0)}]
    before = {**life.service}
    life.says(judges_report(accuracy=said, helpfulness={})).settle()
    now = BEGIN + timedelta(seconds=seconds_since_the_last_write)
    assert pause(before, life.status, without_figures, FIGURES_SECONDS, now) == expected

"""What pods say of their judges, as the status tells it: within bounds, and not too often."""

from datetime import timedelta

import pytest
from support.kubernetes.kube_objects import BEGIN, after
from support.rewardservice.reward_services import judges_report
from support.rewardservice.rewards_life import RewardsLife, answering, silent

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import FIELD_MANAGER
from atlas_operator.cluster.status_writer import pause
from atlas_operator.rewardservice.reconcile import FIGURES_SECONDS, without_figures

SILENT = {"state": "Failing", "reason": "unreachable"}


def test_judges_that_fail_degrade_a_service_that_is_ready() -> None:
    life = RewardsLife().answers().says(judges_report(accuracy={}, helpfulness=SILENT)).settle()
    assert (life.statuses()["Ready"], life.statuses()["Degraded"]) == ("True", "True")
    assert life.status["display"] == {"replicas": "1/1", "judges": "1/2", "p99": "840ms"}


@pytest.mark.parametrize("said", ["", "[]", "{", '{"judges": 7}', '{"judges": [7, {"name": 8}]}', "[" * 70_000])
def test_a_report_that_makes_no_sense_says_nothing(said: str) -> None:
    life = RewardsLife().answers().says(said).settle()
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


def two_pods(first: Document, second: Document) -> RewardsLife:
    """A service whose pods `a` and `b` say this of `accuracy`; fields that differ from an answering judge."""
    life = RewardsLife(replicas=2).settle().has_pods(answering("a"), answering("b"))
    life.says(judges_report(accuracy=first), "a").says(judges_report(accuracy=second), "b")
    return life.settle()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, SILENT, {"state": "Failing", "reason": "unreachable"}),
        (SILENT, {}, {"state": "Failing", "reason": "unreachable"}),
        ({}, {"state": "Unknown"}, {"state": "Answering"}),
        ({"state": "Unknown"}, {"state": "Unknown"}, {"state": "Unknown"}),
        ({"p50Ms": 100, "p99Ms": 300}, {"p50Ms": 200, "p99Ms": 250}, {"p50Ms": 200, "p99Ms": 300}),
        ({"p99Ms": None}, {"p99Ms": 250}, {"p99Ms": 250}),
        ({"errorRate": 0.1, "questions": 900}, {"errorRate": 1, "questions": 100}, {"errorRate": 0.19}),
        ({"errorRate": 0.5}, {"errorRate": 0.1}, {"errorRate": 0.3}),
        ({"errorRate": 0.5, "questions": -7}, {"errorRate": None, "questions": 100}, {"errorRate": 0.5}),
    ],
    ids=[
        *("one of two fails", "the other one fails", "one was not asked yet", "none was asked yet"),
        *("the slowest counts", "one does not know", "questions are pooled", "nobody knows how many"),
        "an odd number of questions",
    ],
)
def test_what_pods_say_is_put_together(first: Document, second: Document, expected: Document) -> None:
    accuracy = two_pods(first, second).status["judges"][0]
    assert {key: accuracy.get(key) for key in expected} == expected
    assert ("reason" in accuracy) is ("reason" in expected)


SAID, OTHER = "a" * 16, "b" * 16


def two_pods_score_with(first: str, second: str) -> RewardsLife:
    life = RewardsLife(replicas=2).answers()
    for pod, said in zip(life.pods, (first, second), strict=True):
        life.says(judges_report(said), pod["metadata"]["name"])
    return life.settle()


@pytest.mark.parametrize(
    ("first", "second", "believed"),
    [(SAID, SAID, True), (SAID, "", True), (SAID, OTHER, False), ("A" * 16, "A" * 16, False), ("a" * 17, "", False)],
    ids=["both say so", "one has not said it yet", "they disagree", "no digest", "too long"],
)
def test_the_revision_is_what_the_pods_score_with(first: str, second: str, believed: bool) -> None:
    reckoned = RewardsLife(replicas=2).answers().status["revision"]
    life = two_pods_score_with(first, second)
    assert life.status["revision"] == (SAID if believed else reckoned)
    assert life.ready()[1].startswith(f"revision {life.status['revision']} answers")


def test_the_revision_stays_until_a_roll_out_is_complete() -> None:
    life = two_pods_score_with(SAID, SAID).edit(temperatures=[0.1]).settle()
    life.has_pods(answering("c"), answering("d")).says(judges_report(OTHER), "c").says(judges_report(OTHER), "d")
    assert life.settle().status["revision"] == SAID
    assert life.old_pods_go().settle().status["revision"] == OTHER


def test_a_pod_that_goes_says_nothing_any_more_and_its_entry_goes_with_it() -> None:
    life = two_pods({}, SILENT)
    life.pods[1]["metadata"]["deletionTimestamp"] = "2026-11-23T09:05:00Z"
    assert life.settle().status["judges"][0]["state"] == "Answering"
    assert set(life.child("ConfigMap", "judges-judges")["data"]) == {"a", "b"}
    life.has_pods(answering("a"), silent("c")).settle()
    assert set(life.child("ConfigMap", "judges-judges")["data"]) == {"a"}
    assert life.look().merge == ()


def test_an_entry_of_no_pod_counts_for_nothing() -> None:
    life = two_pods({}, {}).says(judges_report(accuracy=SILENT), "stranger")
    decided = life.look()
    assert life.status["judges"][0]["state"] == "Answering"
    assert [each["data"] for each in decided.merge] == [{"stranger": None}]

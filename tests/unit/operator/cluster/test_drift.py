"""When a child is applied anew: only when that would change it."""

import pytest
from support.rewardservice.rewards_life import RewardsLife

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.drift import differs, is_applied


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"replicas": 5}, True),
        ({"template": {"spec": {}}}, True),
        ({"minReadySeconds": 0}, False),
    ],
)
def test_only_what_was_asked_for_is_compared(changes: Document, expected: bool) -> None:
    wanted = RewardsLife().settle().child("Deployment")
    wanted = {key: wanted[key] for key in ("apiVersion", "kind", "metadata", "spec")}
    found = {**wanted, "spec": {**wanted["spec"], **changes}}
    assert differs(wanted, found) is expected


@pytest.mark.parametrize(("changes", "expected"), [({"minReadySeconds": 7}, True), ({"replicas": 5}, False)])
def test_what_was_applied_is_known_whatever_became_of_it(changes: Document, expected: bool) -> None:
    """What is changed in the cluster leaves the mark alone; another wish has another."""
    life = RewardsLife().settle()
    found = life.child("Deployment")
    found = {**found, "spec": {**found["spec"], "minReadySeconds": 7}}
    (wanted,) = RewardsLife(replicas=changes.get("replicas", 1)).settle().store.of_kind("Deployment")
    assert is_applied(wanted, found) is expected


@pytest.mark.parametrize(("found", "expected"), [("500m", False), ("0.5", False), ("1", True), (None, True)])
def test_amounts_are_compared_by_what_they_are_worth(found: str | None, expected: bool) -> None:
    wanted = {"resources": {"requests": {"cpu": "0.5"}}}
    assert differs(wanted, {"resources": {"requests": {"cpu": found} if found else {}}}) is expected


def test_entries_that_others_add_by_name_are_theirs() -> None:
    wanted = {"env": [{"name": "A", "value": "1"}]}
    assert not differs(wanted, {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]})
    assert differs(wanted, {"env": [{"name": "A", "value": "2"}]})
    assert differs({"command": ["a", "b"]}, {"command": ["a"]})


@pytest.mark.parametrize(("wanted", "expected"), [("", False), (False, False), (0, True), ("a", True), (True, True)])
def test_what_the_api_server_leaves_out_is_not_missing(wanted: object, expected: bool) -> None:
    assert differs({"env": [{"name": "A", "value": wanted}]}, {"env": [{"name": "A"}]}) is expected

"""Causes of a run: of several the first of the list counts, and one that lies ahead is waited for."""

from datetime import timedelta

import pytest
from support.kubernetes.kube_objects import BEGIN
from support.training.training_documents import spec_document

from atlas_api import AtlasTrainingSpec, parse
from atlas_api.training.status import Outcome, RunStatus, Trigger
from atlas_operator.training.triggers import TRIGGERS, Circumstances, Due, follower, next_due

LATER = BEGIN + timedelta(hours=1)
SPEC = parse(AtlasTrainingSpec, spec_document())
NEVER = parse(AtlasTrainingSpec, spec_document(retrain={"onSpecChange": "Never"}))


def run(outcome: Outcome | None = "Succeeded", spec_hash: str = SPEC.hash()) -> RunStatus:
    """The newest run, of the pods and limits that the spec still has."""
    return RunStatus(
        number=1,
        attempt=1,
        spec_hash=spec_hash,
        started_at=BEGIN,
        outcome=outcome,
        placement_hash=SPEC.placement_hash(),
        limits_hash=SPEC.limits_hash(),
    )


def circumstances(
    last: RunStatus | None, retrain_at: str = "", handled: str | None = None, spec: AtlasTrainingSpec = SPEC
) -> Circumstances:
    return Circumstances(BEGIN, spec, last, retrain_at, handled)


@pytest.mark.parametrize(
    ("asked", "cause"),
    [
        (circumstances(None), "Created"),
        (circumstances(None, retrain_at="today"), "Created"),
        (circumstances(run()), None),
        (circumstances(run("Failed")), None),
        (circumstances(run(), retrain_at="today"), "RetrainAt"),
        (circumstances(run(), retrain_at="today", handled="today"), None),
        (circumstances(run(spec_hash="other"), retrain_at="today"), "RetrainAt"),
        (circumstances(run(spec_hash="other")), "SpecChange"),
        (circumstances(run(spec_hash="other"), spec=NEVER), None),
        (circumstances(run("Replaced"), spec=NEVER), "SpecChange"),
        (circumstances(run("Failed").model_copy(update={"limits_hash": "other"})), "SpecChange"),
        (circumstances(run().model_copy(update={"limits_hash": "other"})), None),
    ],
)
def test_the_first_cause_in_the_order_of_the_list_starts_the_run_at_once(
    asked: Circumstances, cause: Trigger | None
) -> None:
    assert next_due(asked) == (Due(cause, BEGIN) if cause else None)


def test_a_run_that_is_due_later_is_known_ahead_and_gives_way_to_one_that_is_due_now() -> None:
    triggers = (lambda _: Due("RetrainAt", LATER), *TRIGGERS)

    assert next_due(circumstances(run()), triggers) == Due("RetrainAt", LATER)
    assert next_due(circumstances(run(spec_hash="other")), triggers) == Due("SpecChange", BEGIN)


def test_another_run_follows_the_live_one_where_its_end_alone_is_missing() -> None:
    live = run(outcome=None, spec_hash="other")

    assert follower(circumstances(live), live) == "SpecChange"
    assert follower(circumstances(run(outcome=None)), run(outcome=None)) is None

"""What GitOps tools make of every state of a training: the real kstatus, and our scripts in Argo CD's sandbox."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kubernetes import argocd, gitops_states, kstatus
from support.kubernetes.gitops_states import State
from support.kubernetes.kube_objects import BEGIN
from support.kubernetes.recorded_states import disagreements
from support.training.cluster_trainings import cluster_training, condition
from support.training.scenario import Scenario

from atlas_api import AtlasTrainingSpec
from atlas_api.condition import Condition
from atlas_api.training.status import ModelStatus, RunStatus, Stopping
from atlas_operator.backends.base import JobState
from atlas_operator.cluster.document import Document
from atlas_operator.pending.reasons import PendingReason
from atlas_operator.status.preconditions import FailedPrecondition
from atlas_operator.training.conditions import MISSING_REFERENCES, Facts, conditions

pytestmark = pytest.mark.cluster

Verdicts = tuple[str, str]
BUSY: Verdicts = ("InProgress", "Progressing")
READY: Verdicts = ("Current", "Healthy")
RESTS: Verdicts = ("Current", "Suspended")
BROKEN: Verdicts = ("Failed", "Degraded")
GOING: Verdicts = ("Terminating", "Progressing")

READY_WHEN = ("Accepted", "Running", "Succeeded")
ALWAYS = {
    gitops_states.just_applied: BUSY,
    gitops_states.accepted: BUSY,
    gitops_states.resumed: BUSY,
    gitops_states.second_run: BUSY,
    gitops_states.invalid: BROKEN,
    gitops_states.local_checkpoints: BROKEN,
    gitops_states.image_missing: BROKEN,
    gitops_states.backend_missing: BUSY,
    gitops_states.child_refused: BUSY,
    gitops_states.secret_missing: BUSY,
    gitops_states.image_not_there: BUSY,
    gitops_states.stopping: BUSY,
    gitops_states.node_lost: BUSY,
    gitops_states.suspended: RESTS,
    gitops_states.never_started: RESTS,
    gitops_states.suspended_without_backend: RESTS,
    gitops_states.preempted: BUSY,
    gitops_states.succeeded: READY,
    gitops_states.succeeded_without_backend: READY,
    gitops_states.failed: BROKEN,
    gitops_states.failed_and_suspended: RESTS,
    gitops_states.failed_without_backend: BROKEN,
    gitops_states.edited: BUSY,
    gitops_states.replacing: BUSY,
    gitops_states.second_run_waits_for_backend: BUSY,
    gitops_states.second_run_failed: BROKEN,
    gitops_states.retrying_and_made_invalid: BROKEN,
    gitops_states.stopping_and_made_invalid: BROKEN,
    gitops_states.judges_never_ready: BROKEN,
    gitops_states.deleting: GOING,
}
AS_ASKED = {
    gitops_states.queued: (READY, BUSY, BUSY),
    gitops_states.unschedulable: (READY, BUSY, BUSY),
    gitops_states.waiting_for_judges: (READY, BUSY, BUSY),
    gitops_states.pulling: (READY, BUSY, BUSY),
    gitops_states.running: (READY, READY, BUSY),
    gitops_states.progressing: (READY, READY, BUSY),
    gitops_states.retried: (READY, BUSY, BUSY),
}
"""States in which `readyWhen` decides: Accepted, Running, Succeeded."""

PHASES = {
    gitops_states.invalid: "Invalid",
    gitops_states.image_missing: "Invalid",
    gitops_states.backend_missing: "Pending",
    gitops_states.child_refused: "Pending",
    gitops_states.waiting_for_judges: "Pending",
    gitops_states.judges_never_ready: "Failed",
    gitops_states.queued: "Queued",
    gitops_states.pulling: "Starting",
    gitops_states.running: "Running",
    gitops_states.progressing: "Running",
    gitops_states.stopping: "Stopping",
    gitops_states.node_lost: "Stopping",
    gitops_states.replacing: "Stopping",
    gitops_states.stopping_and_made_invalid: "Stopping",
    gitops_states.suspended: "Suspended",
    gitops_states.never_started: "Suspended",
    gitops_states.resumed: "Starting",
    gitops_states.preempted: "Retrying",
    gitops_states.retrying_and_made_invalid: "Retrying",
    gitops_states.retried: "Starting",
    gitops_states.succeeded: "Succeeded",
    gitops_states.failed: "Failed",
    gitops_states.second_run: "Starting",
    gitops_states.second_run_failed: "Failed",
}

TABLE = [(state, ready_when, verdict) for state, verdict in ALWAYS.items() for ready_when in READY_WHEN] + [
    (state, ready_when, verdict)
    for state, verdicts in AS_ASKED.items()
    for ready_when, verdict in zip(READY_WHEN, verdicts, strict=True)
]


@pytest.mark.parametrize(
    ("state", "ready_when", "expected"), TABLE, ids=[f"{row[0].__name__}-{row[1]}" for row in TABLE]
)
def test_every_state_reads_the_same_in_kstatus_and_argo_cd(state: State, ready_when: str, expected: Verdicts) -> None:
    training = state(readyWhen=ready_when).training
    assert (kstatus.verdict(training).status, argocd.health(training).status) == expected


def test_no_state_was_forgotten() -> None:
    made = {
        found
        for found in vars(gitops_states).values()
        if getattr(found, "__annotations__", {}).get("return") is Scenario
    }
    assert made == {*ALWAYS, *AS_ASKED}


@pytest.mark.parametrize(("state", "phase"), PHASES.items(), ids=[state.__name__ for state in PHASES])
def test_the_states_are_what_they_are_called(state: State, phase: str) -> None:
    assert state().training["status"]["phase"] == phase


def test_argo_cd_shows_why() -> None:
    failed = gitops_states.failed()
    assert argocd.health(failed.training).message == failed.message("Stalled") != ""
    assert "not seen" in argocd.health(gitops_states.edited().training).message


def test_a_failed_run_does_not_take_the_earlier_model_away() -> None:
    training = gitops_states.second_run_failed().training
    assert condition(training, "LastRunSucceeded")["status"] == "False"
    assert condition(training, "ModelAvailable")["status"] == "True"


@pytest.mark.parametrize("missing", sorted(MISSING_REFERENCES))
def test_what_is_missing_is_looked_for_again(missing: str) -> None:
    verdicts = conditions(make_facts(run=make_run(), pending_reason=PendingReason(missing, "create it")))
    assert statuses(verdicts) >= {("Accepted", "False"), ("Ready", "False"), ("Reconciling", "True")}


def statuses(verdicts: tuple[Condition, ...]) -> set[tuple[str, str]]:
    return {(each.type, each.status) for each in verdicts}


def make_run(**fields: Any) -> RunStatus:
    return RunStatus(number=1, attempt=1, spec_hash="0" * 16, started_at=BEGIN, **fields)


def make_spec(**spec: Any) -> AtlasTrainingSpec:
    return AtlasTrainingSpec.model_validate_json(json.dumps(cluster_training(**spec)["spec"]))


def make_facts(**facts: Any) -> Facts:
    nothing = dict.fromkeys(
        ("failed_precondition", "run", "state", "pending_reason", "waiting_for", "next_trigger", "model")
    )
    known = {"generation": 1, "now": BEGIN, "before": (), "spec": make_spec(), "unknown_fields": ()}
    return Facts(**{**known, "ending": False, "in_grace": False, **nothing, **facts})


WORDS = st.sampled_from(["Because", "SecretMissing", "Queued"])
REFUSALS = st.builds(FailedPrecondition, WORDS, st.just("mend it"), st.booleans())
STOPPING = st.builds(Stopping, reason=st.sampled_from(["Suspended", "Replaced", "Stalled"]), since=st.just(BEGIN))
RUNS = st.builds(
    make_run,
    job=st.none() | st.just("demo-1-1"),
    paused=st.booleans(),
    stopping=st.none() | STOPPING,
    retry_at=st.none() | st.just(BEGIN + timedelta(minutes=1)),
    finished_at=st.none() | st.just(BEGIN),
    outcome=st.none() | st.sampled_from(["Succeeded", "Failed", "Replaced"]),
    reason=st.none() | WORDS,
    message=st.none() | st.just("said so"),
)
SPECS = [make_spec(suspend=suspend, readyWhen=when) for suspend in (True, False) for when in READY_WHEN]
FACTS = st.builds(
    make_facts,
    generation=st.integers(1, 3),
    spec=st.none() | st.sampled_from(SPECS),
    failed_precondition=st.none() | REFUSALS,
    run=st.none() | RUNS,
    state=st.none() | st.sampled_from(get_args(JobState)),
    ending=st.booleans(),
    unknown_fields=st.sampled_from([(), ("warmUp",)]),
    in_grace=st.booleans(),
    pending_reason=st.none() | st.builds(PendingReason, WORDS, st.just("create it"), st.booleans()),
    waiting_for=st.none() | st.just("the pods to end"),
    model=st.none() | st.just(ModelStatus(uri="s3://models/x", run=1, sha256="a" * 64)),
)


def as_stored(facts: Facts, generation: int) -> Document:
    told = [each.model_dump(mode="json", by_alias=True) for each in conditions(facts)]
    status = {"observedGeneration": facts.generation, "conditions": told}
    training = cluster_training("demo")
    training["metadata"] |= {"namespace": "agents", "generation": generation}
    return {**training, "status": status}


@settings(max_examples=40, deadline=None)
@given(st.lists(FACTS, min_size=1, max_size=60), st.integers(0, 1))
def test_kstatus_and_argo_cd_agree_whatever_the_facts(many: list[Facts], unseen: int) -> None:
    trainings = [as_stored(facts, facts.generation + unseen) for facts in many]
    assert disagreements(trainings) == []


@given(FACTS)
def test_nothing_that_is_not_ready_is_silent_about_who_has_to_act(facts: Facts) -> None:
    verdicts = statuses(conditions(facts))
    busy, stuck = ("Reconciling", "True") in verdicts, ("Stalled", "True") in verdicts
    assert not (busy and stuck)
    assert ("Ready", "True") in verdicts or busy or stuck
    assert len(verdicts) == 8


@given(FACTS, FACTS)
def test_a_condition_keeps_its_time_until_it_turns(before: Facts, after: Facts) -> None:
    told = conditions(before)
    for old, new in zip(told, conditions(replace(after, before=told, now=BEGIN + timedelta(hours=1))), strict=True):
        assert (new.last_transition_time == old.last_transition_time) == (new.status == old.status)

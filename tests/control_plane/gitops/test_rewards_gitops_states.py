"""What GitOps tools make of every state of a RewardService: the real kstatus, and our script in Argo CD's sandbox."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kubernetes import argocd, kstatus
from support.kubernetes.kube_objects import BEGIN, waiting
from support.kubernetes.recorded_states import disagreements
from support.rewardservice.reward_services import judges_report, reward_service
from support.rewardservice.rewards_life import RewardsLife, answering, silent, starting

from atlas_api.rewardservice.status import JudgeStatus
from atlas_operator.cluster.document import Document
from atlas_operator.pending.reasons import PendingReason
from atlas_operator.rewardservice.conditions import RewardsFacts, conditions
from atlas_operator.rewardservice.rollout import Rollout
from atlas_operator.status.preconditions import FailedPrecondition

pytestmark = pytest.mark.cluster

Verdicts = tuple[str, str]
BUSY: Verdicts = ("InProgress", "Progressing")
READY: Verdicts = ("Current", "Healthy")
BROKEN: Verdicts = ("Failed", "Degraded")
GOING: Verdicts = ("Terminating", "Progressing")

CANNOT_PULL = starting("new", waiting("ImagePullBackOff", "manifest unknown"))
SILENT = {"state": "Failing"}


def just_applied() -> RewardsLife:
    return RewardsLife()


def made() -> RewardsLife:
    return RewardsLife().settle()


def pulling() -> RewardsLife:
    return made().has_pods(starting("new", waiting("ContainerCreating"))).settle()


def image_missing() -> RewardsLife:
    return made().has_pods(CANNOT_PULL).settle()


def image_missing_for_ten_minutes() -> RewardsLife:
    return image_missing().deployment_is("Progressing", "False", "ProgressDeadlineExceeded").settle()


def judges_silent() -> RewardsLife:
    return RewardsLife().answers().has_pods(silent("new")).settle()


def answers() -> RewardsLife:
    return RewardsLife(replicas=2).answers()


def one_judge_silent() -> RewardsLife:
    return answers().says(judges_report(accuracy={}, helpfulness=SILENT)).settle()


def one_pod_lost() -> RewardsLife:
    return answers().has_pods(answering("a"), silent("b")).settle()


def edited() -> RewardsLife:
    return RewardsLife().answers().edit(quorum=2)


def rolling_out() -> RewardsLife:
    return edited().settle().has_pods(answering("new")).settle()


def rolled_out() -> RewardsLife:
    return rolling_out().old_pods_go().settle()


def made_invalid() -> RewardsLife:
    return RewardsLife().answers().edit(quorum=0).settle()


def out_of_reach() -> RewardsLife:
    return RewardsLife(tokenFrom={"env": "TOKEN"}).settle()


def name_taken() -> RewardsLife:
    life = RewardsLife()
    life.look(
        FailedPrecondition("NameTaken", "Service judges-rewards exists and belongs to something else", final=False)
    )
    return life


def deleting() -> RewardsLife:
    life = RewardsLife().answers()
    life.service["metadata"]["deletionTimestamp"] = "2026-11-23T09:05:00Z"
    return life.settle()


TABLE: dict[Callable[[], RewardsLife], Verdicts] = {
    just_applied: BUSY,
    made: BUSY,
    pulling: BUSY,
    image_missing: BUSY,
    image_missing_for_ten_minutes: BROKEN,
    judges_silent: BUSY,
    answers: READY,
    one_judge_silent: READY,
    one_pod_lost: BUSY,
    edited: BUSY,
    rolling_out: BUSY,
    rolled_out: READY,
    made_invalid: BROKEN,
    out_of_reach: BROKEN,
    name_taken: BUSY,
    deleting: GOING,
}


@pytest.mark.parametrize(("state", "expected"), TABLE.items(), ids=[state.__name__ for state in TABLE])
def test_every_state_reads_the_same_in_kstatus_and_argo_cd(
    state: Callable[[], RewardsLife], expected: Verdicts
) -> None:
    service = state().service
    assert (kstatus.verdict(service).status, argocd.health(service).status) == expected


def test_no_state_was_forgotten() -> None:
    made = {found for found in globals().values() if getattr(found, "__annotations__", {}).get("return") is RewardsLife}
    assert made == TABLE.keys()


WORDS = st.sampled_from(["Because", "SecretMissing", "ImagePullBackOff"])
COUNTS = st.integers(0, 3)
ROLLOUTS = st.builds(
    Rollout,
    wanted=COUNTS,
    ready=COUNTS,
    newest=COUNTS,
    begun=st.booleans(),
    complete=st.booleans(),
    replacing=st.booleans(),
    overdue=st.booleans(),
)
JUDGES = st.builds(JudgeStatus, name=st.just("accuracy"), state=st.sampled_from(["Answering", "Failing", "Unknown"]))
FACTS = st.builds(
    RewardsFacts,
    generation=st.integers(1, 3),
    now=st.just(BEGIN),
    before=st.just(()),
    failed_precondition=st.none() | st.builds(FailedPrecondition, WORDS, st.just("mend it"), st.booleans()),
    rollout=ROLLOUTS,
    pending_reason=st.none() | st.builds(PendingReason, WORDS, st.just("create it")),
    judges=st.tuples() | st.tuples(JUDGES),
    revision=st.none() | st.just("0" * 16),
    url=st.just("http://judges-rewards.agents.svc:8080"),
)


def as_stored(facts: RewardsFacts, generation: int) -> Document:
    told: list[Any] = [each.model_dump(mode="json", by_alias=True) for each in conditions(facts)]
    service = reward_service()
    service["metadata"] |= {"namespace": "agents", "generation": generation}
    return {**service, "status": {"observedGeneration": facts.generation, "conditions": told}}


@settings(max_examples=40, deadline=None)
@given(st.lists(FACTS, min_size=1, max_size=60), st.integers(0, 1))
def test_kstatus_and_argo_cd_agree_whatever_the_facts(many: list[RewardsFacts], unseen: int) -> None:
    services = [as_stored(facts, facts.generation + unseen) for facts in many]
    assert disagreements(services) == []


@given(FACTS)
def test_nothing_that_is_not_ready_is_silent_about_who_has_to_act(facts: RewardsFacts) -> None:
    verdicts = {(each.type, each.status) for each in conditions(facts)}
    busy, stuck = ("Reconciling", "True") in verdicts, ("Stalled", "True") in verdicts
    assert not (busy and stuck)
    assert ("Ready", "True") in verdicts or busy or stuck
    assert len(verdicts) == 6

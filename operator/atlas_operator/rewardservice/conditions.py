"""
Conditions of a RewardService from facts. Pure; called by `rewards_plan`.

They follow kstatus as those of trainings do: Stalled is true only when nothing will happen by itself any more,
Reconciling whenever something else keeps it from being Ready, never both. All conditions are always present.
"""

from dataclasses import dataclass
from datetime import datetime

from atlas_api.condition import Condition
from atlas_api.rewardservice.status import JudgeStatus
from atlas_operator.pending.attempt import Diagnosis
from atlas_operator.rewardservice.judges import failing
from atlas_operator.rewardservice.rollout import Rollout
from atlas_operator.status.conditions import Verdict, stalled, stamped
from atlas_operator.training.preconditions import Refusal


@dataclass(frozen=True, slots=True)
class RewardsFacts:
    """Everything that the conditions follow from."""

    generation: int
    now: datetime
    before: tuple[Condition, ...]
    refusal: Refusal | None
    """What stands in the way of the newest spec."""

    rollout: Rollout
    diagnosis: Diagnosis | None
    """Why it is not complete."""

    judges: tuple[JudgeStatus, ...]
    revision: str | None
    """What the pods score with, once the roll-out is complete."""

    url: str


def rewards_conditions(facts: RewardsFacts) -> tuple[Condition, ...]:
    """All conditions, in the order in which people read them."""
    ready = _ready(facts)
    final = facts.refusal.final if facts.refusal else facts.rollout.overdue
    stopped = stalled(ready, final=final)
    verdicts = {
        "Ready": ready,
        "Reconciling": _reconciling(ready, stopped),
        "Stalled": stopped,
        "Available": _available(facts, ready),
        "Degraded": _degraded(facts),
        "ConfigLoaded": _config_loaded(facts),
    }
    return stamped(verdicts, facts.before, facts.generation, facts.now)


def _ready(facts: RewardsFacts) -> Verdict:
    if facts.refusal:
        return Verdict("False", facts.refusal.reason, facts.refusal.message)
    if facts.rollout.complete:
        return Verdict("True", "Answering", f"revision {facts.revision} answers at {facts.url}")
    if facts.diagnosis:
        return Verdict("False", facts.diagnosis.reason, facts.diagnosis.message)
    return Verdict("False", "RollingOut", "the newest spec is being rolled out")


def _reconciling(ready: Verdict, stopped: Verdict) -> Verdict:
    if stopped.status == "True":
        return Verdict("False", "Stalled", "see the condition Stalled")
    if ready.status == "False":
        return Verdict("True", ready.reason, ready.message)
    return Verdict("False", "Settled")


def _available(facts: RewardsFacts, ready: Verdict) -> Verdict:
    rollout = facts.rollout
    if rollout.ready:
        return Verdict("True", "PodsReady", f"pods that answer: {rollout.ready}, wanted: {rollout.wanted}")
    return Verdict("False", ready.reason, ready.message)


def _degraded(facts: RewardsFacts) -> Verdict:
    rollout = facts.rollout
    if not rollout.ready:
        return Verdict("Unknown", "NotAvailable", "no pod answers")
    if silent := failing(facts.judges):
        names = ", ".join(judge.name for judge in silent)
        return Verdict("True", "JudgesFailing", f"{len(silent)} of {len(facts.judges)} judges do not answer: {names}")
    if rollout.ready < rollout.wanted and not rollout.replacing:
        return Verdict("True", "PodsMissing", f"{rollout.ready} of {rollout.wanted} pods answer")
    return Verdict("False", "AllAnswering")


def _config_loaded(facts: RewardsFacts) -> Verdict:
    rollout = facts.rollout
    if facts.refusal and facts.refusal.final:
        return Verdict("False", facts.refusal.reason, facts.refusal.message)
    if rollout.ready and rollout.newest >= rollout.ready:
        return Verdict("True", "Loaded", "every pod that answers has the newest configuration")
    message = f"pods that answer: {rollout.ready}, with the newest configuration: {rollout.newest}"
    return Verdict("False", "RollingOut", message)

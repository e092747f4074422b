"""
Conditions of a RewardService from facts. Pure.

They follow kstatus as those of trainings do: Stalled is true only when nothing will happen by itself any more,
Reconciling whenever something else keeps it from being Ready, never both. All conditions are always present.
"""

from dataclasses import dataclass
from datetime import datetime

from atlas_api.condition import Condition, ConditionValue, stalled, stamped
from atlas_api.rewardservice.status import JudgeStatus
from atlas_operator.pending.reasons import PendingReason
from atlas_operator.rewardservice.judges import failing
from atlas_operator.rewardservice.rollout import Rollout
from atlas_operator.status.preconditions import FailedPrecondition, operator_is_older


@dataclass(frozen=True, slots=True)
class RewardsFacts:
    """Everything that the conditions follow from."""

    generation: int
    now: datetime
    before: tuple[Condition, ...]
    failed_precondition: FailedPrecondition | None
    """What stands in the way of the newest spec."""

    unknown_fields: tuple[str, ...]
    """Fields of the spec that only a newer operator knows: the pods work without them."""

    rollout: Rollout
    pending_reason: PendingReason | None
    """Why the roll-out is not complete."""

    judges: tuple[JudgeStatus, ...]
    revision: str | None
    """What the pods score with, once the roll-out is complete."""

    url: str


def conditions(facts: RewardsFacts) -> tuple[Condition, ...]:
    """All conditions, in the order in which people read them."""
    ready = _ready(facts)
    final = facts.failed_precondition.final if facts.failed_precondition else facts.rollout.overdue
    stopped = stalled(ready, final=final)
    values = {
        "Ready": ready,
        "Reconciling": _reconciling(ready, stopped),
        "Stalled": stopped,
        "Available": _available(facts, ready),
        "Degraded": _degraded(facts),
        "ConfigLoaded": _config_loaded(facts),
    }
    return stamped(values, facts.before, facts.generation, facts.now)


def _ready(facts: RewardsFacts) -> ConditionValue:
    if facts.failed_precondition:
        return ConditionValue("False", facts.failed_precondition.reason, facts.failed_precondition.message)
    if facts.rollout.complete:
        return ConditionValue("True", "Answering", f"revision {facts.revision} answers at {facts.url}")
    if facts.pending_reason:
        return ConditionValue("False", facts.pending_reason.reason, facts.pending_reason.message)
    return ConditionValue("False", "RollingOut", "the newest spec is being rolled out")


def _reconciling(ready: ConditionValue, stopped: ConditionValue) -> ConditionValue:
    if stopped.status == "True":
        return ConditionValue("False", "Stalled", "see the condition Stalled")
    if ready.status == "False":
        return ConditionValue("True", ready.reason, ready.message)
    return ConditionValue("False", "Settled")


def _available(facts: RewardsFacts, ready: ConditionValue) -> ConditionValue:
    rollout = facts.rollout
    if rollout.ready:
        return ConditionValue("True", "PodsReady", f"pods that answer: {rollout.ready}, wanted: {rollout.wanted}")
    return ConditionValue("False", ready.reason, ready.message)


def _degraded(facts: RewardsFacts) -> ConditionValue:
    rollout = facts.rollout
    if not rollout.ready:
        return ConditionValue("Unknown", "NotAvailable", "no pod answers")
    if silent := failing(facts.judges):
        names = ", ".join(judge.name for judge in silent)
        return ConditionValue(
            "True", "JudgesFailing", f"{len(silent)} of {len(facts.judges)} judges do not answer: {names}"
        )
    if rollout.ready < rollout.wanted and not rollout.replacing:
        return ConditionValue("True", "PodsMissing", f"{rollout.ready} of {rollout.wanted} pods answer")
    return ConditionValue("False", "AllAnswering")


def _config_loaded(facts: RewardsFacts) -> ConditionValue:
    rollout = facts.rollout
    if facts.failed_precondition and facts.failed_precondition.final:
        return ConditionValue("False", facts.failed_precondition.reason, facts.failed_precondition.message)
    if rollout.ready and rollout.newest >= rollout.ready:
        loaded = "every pod that answers has the newest configuration"
        if facts.unknown_fields:
            loaded = f"{loaded}; {operator_is_older(facts.unknown_fields).message}"
        return ConditionValue("True", "Loaded", loaded)
    message = f"pods that answer: {rollout.ready}, with the newest configuration: {rollout.newest}"
    return ConditionValue("False", "RollingOut", message)

"""Conditions before they have their times, for objects of both kinds. Pure; called by both modules of conditions."""

from datetime import datetime
from typing import Literal, NamedTuple

from atlas_api.condition import Condition


class ConditionValue(NamedTuple):
    """A condition without its times."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


def stalled(ready: ConditionValue, *, final: bool) -> ConditionValue:
    """Whether nothing will happen any more by itself: it is not *ready*, and that is *final*."""
    if ready.status == "False" and final:
        return ConditionValue("True", ready.reason, ready.message)
    return ConditionValue("False", "Settled")


def stamped(
    verdicts: dict[str, ConditionValue], before: tuple[Condition, ...], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """*verdicts* by type as conditions; each keeps the time of *before* until it turns."""
    return tuple(_stamped(kind, verdict, before, generation, now) for kind, verdict in verdicts.items())


def _stamped(
    kind: str, verdict: ConditionValue, before: tuple[Condition, ...], generation: int, now: datetime
) -> Condition:
    previous = next((condition for condition in before if condition.type == kind), None)
    unchanged = previous is not None and previous.status == verdict.status
    return Condition(
        type=kind,
        status=verdict.status,
        observed_generation=generation,
        last_transition_time=previous.last_transition_time if previous and unchanged else now,
        reason=verdict.reason,
        message=verdict.message,
    )

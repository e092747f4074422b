"""Conditions as kstatus reads them, for objects of all kinds: values first, then their times. Pure."""

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
    values: dict[str, ConditionValue], before: tuple[Condition, ...], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """*values* by type as conditions; each keeps the time of *before* until it turns."""
    return tuple(_stamped(kind, value, before, generation, now) for kind, value in values.items())


def _stamped(
    kind: str, value: ConditionValue, before: tuple[Condition, ...], generation: int, now: datetime
) -> Condition:
    previous = next((condition for condition in before if condition.type == kind), None)
    unchanged = previous is not None and previous.status == value.status
    return Condition(
        type=kind,
        status=value.status,
        observed_generation=generation,
        last_transition_time=previous.last_transition_time if previous and unchanged else now,
        reason=value.reason,
        message=value.message,
    )

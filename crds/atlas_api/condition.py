"""Facts about an object, in the form that Kubernetes tools read: part of every status. Values first, then their times.

Whoever states the facts of a kind decides the values; what they have in common is here. Pure.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import Field

from atlas_api.base import ApiModel
from atlas_api.times import Time


class Condition(ApiModel):
    """One fact about the object, in the form that Kubernetes tools read."""

    type: str = Field(max_length=316)
    """Name of the fact, for example `Ready`."""

    status: Literal["True", "False", "Unknown"]
    """Whether the fact holds: `True`, `False` or `Unknown`."""

    observed_generation: int
    """Generation of the spec that the fact was stated for."""

    last_transition_time: Time
    """When `status` last changed."""

    reason: str = Field(max_length=1024)
    """Why `status` is what it is, in one CamelCase word."""

    message: str = Field("", max_length=32768)
    """Why `status` is what it is, in one line that names the cure."""


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

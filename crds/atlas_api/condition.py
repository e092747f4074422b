"""One fact about an object, in the form that Kubernetes tools read. Part of every status."""

from typing import Literal

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

"""What a client has to know of a RewardService elsewhere, from its `/v1/config`. Pure."""

from typing import Annotated

from pydantic import BaseModel, Field, ValidationError
from pydantic.alias_generators import to_camel

BATCH = 64
"""Items in one request, unless a prompt has more completions."""

PATIENCE_SECONDS = 600.0
"""How long an outage is waited out, from the first failure on."""

SLACK_SECONDS = 60.0
"""Seconds beyond the time that a service gives an item: it has answered by then, or it hangs."""


class _Limits(BaseModel):
    items: Annotated[int, Field(ge=1)] = BATCH


class _Timeouts(BaseModel, alias_generator=to_camel):
    total_seconds: Annotated[float, Field(gt=0.0, le=86_400.0)] = PATIENCE_SECONDS


class ServiceSettings(BaseModel):
    """Settings of a service; the usual ones where it does not say."""

    limits: _Limits = _Limits()
    timeouts: _Timeouts = _Timeouts()

    @property
    def items(self) -> int:
        """Items to send in one request."""
        return min(BATCH, self.limits.items)

    @property
    def answer_seconds(self) -> float:
        """Seconds after which a request without an answer gets none."""
        return self.timeouts.total_seconds + SLACK_SECONDS

    @property
    def patience_seconds(self) -> float:
        """How long an outage is waited out. A service that is busy is so for as long as items take."""
        return max(PATIENCE_SECONDS, self.timeouts.total_seconds)


class _Config(BaseModel):
    configuration: ServiceSettings = ServiceSettings()


def read_settings(body: bytes) -> ServiceSettings:
    """The settings in an answer; the usual ones where it holds none: the answers to items tell why."""
    try:
        return _Config.model_validate_json(body).configuration
    except ValidationError:
        return ServiceSettings()

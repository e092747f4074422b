"""Measuring the model on held-out tasks, by letting it answer them."""

from pydantic import Field

from atlas_api.base import ApiModel


class Targets(ApiModel):
    """What the run should reach on held-out tasks. Reported as met or missed; the run does not fail."""

    success_delta: float | None = Field(None, gt=0.0, le=1.0)
    """Rise of the success rate, absolute: 0.1 is ten points."""

    token_reduction: float | None = Field(None, gt=0.0, lt=1.0)
    """Share of completion tokens saved: 0.3 is 30 % fewer."""


class Evaluation(ApiModel):
    """Greedy completions of held-out tasks. A task succeeds when its reward is at least 0.8."""

    every_steps: int | None = Field(None, ge=1, le=1_000_000_000)
    """Evaluate every so many optimizer steps. Left out: only before and after."""

    samples: int = Field(64, ge=1, le=1_000_000)
    """At most this many held-out tasks are answered."""

    baseline: bool = True
    """Measure the starting model before training, so that the gain is known."""

    targets: Targets = Targets()
    """What the run should reach."""

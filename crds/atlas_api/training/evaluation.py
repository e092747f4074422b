"""Measuring the model on held-out tasks, by letting it answer them."""

from pydantic import Field

from atlas_api.base import ApiModel


class Targets(ApiModel):
    """What the run should reach on held-out tasks. A target is reported as met or missed; the run does not fail."""

    success_delta: float | None = Field(None, gt=0.0, le=1.0)
    """Least rise of the success rate, absolute, above 0 and up to 1: 0.1 is ten points. Left out: no target."""

    token_reduction: float | None = Field(None, gt=0.0, lt=1.0)
    """Least share of completion tokens saved, between 0 and 1: 0.3 is 30 % fewer. Left out: no target."""


class Evaluation(ApiModel):
    """How the model is measured: by greedy completions of held-out tasks. A reward of at least 0.8 is a success."""

    every_steps: int | None = Field(None, ge=1, le=1_000_000_000)
    """Evaluate every so many optimizer steps. Left out: only before and after training."""

    samples: int = Field(64, ge=1, le=1_000_000)
    """Largest number of held-out tasks that one evaluation answers."""

    baseline: bool = True
    """Measure the starting model before training, so that the gain is known."""

    targets: Targets = Targets()
    """What the run should reach on held-out tasks."""

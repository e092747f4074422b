"""Group relative policy optimisation: several completions a prompt, compared with each other."""

from typing import ClassVar, Literal

from pydantic import Field

from atlas_api.base import ApiModel, Rule


class Clip(ApiModel):
    """How far one update may move the probability of a token: the ratio stays in [1 - low, 1 + high]."""

    low: float = Field(0.2, gt=0.0, lt=1.0)
    """Distance below 1 at which the ratio of a token's new to its old probability is clipped, between 0 and 1."""

    high: float = Field(0.28, gt=0.0, le=100.0)
    """Distance above 1 at which the ratio of a token's new to its old probability is clipped, at least `low`. A larger
    one keeps exploration alive (DAPO, arXiv 2503.14476)."""

    RULES: ClassVar = (Rule("self.high >= self.low", "clip.high is below clip.low"),)


class Grpo(ApiModel):
    """Group relative policy optimisation (GRPO, arXiv 2402.03300) on fresh completions of the traces' prompts."""

    group_size: int = Field(8, ge=2, le=256)
    """Completions sampled for each prompt. Advantages are centred inside the group."""

    temperature: float = Field(1.0, gt=0.0, le=5.0)
    """Sampling temperature of the completions that are learnt from, above 0 and up to 5."""

    top_p: float = Field(1.0, gt=0.0, le=1.0)
    """Share of the probability that tokens are sampled from (nucleus), above 0 and up to 1. 1 samples from all
    tokens."""

    max_completion_tokens: int = Field(512, ge=1, le=10_000_000)
    """Longest completion, in tokens. A run in which every completion hits it is stopped."""

    kl_beta: float = Field(0.0, ge=0.0, le=1000.0)
    """Weight of the KL penalty towards the starting model. With 0 no reference model is loaded."""

    loss: Literal["dapo", "grpo", "dr_grpo", "bnpo"] = "dapo"
    """Normalisation of the loss. `dapo` averages over all tokens of the batch."""

    clip: Clip = Clip()
    """Trust region of an update."""

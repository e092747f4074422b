"""The optimizer: how long, how fast, how much at a time."""

from typing import ClassVar, Literal

from pydantic import Field

from atlas_api.base import ApiModel, Rule


class Optimization(ApiModel):
    """The optimizer, AdamW: steps, learning rate, batches. Set `maxSteps` or `epochs`, or neither for one epoch."""

    max_steps: int | None = Field(None, ge=1, le=1_000_000_000)
    """Optimizer steps of a run. Left out: `epochs` decides."""

    epochs: float | None = Field(None, gt=0.0, le=1_000_000.0)
    """Passes over the training prompts, above 0. Left out without `maxSteps`: one."""

    learning_rate: float | None = Field(None, gt=0.0, lt=1.0)
    """Peak of the learning rate. Left out: 1e-6 for full fine-tuning, 1e-5 with lora."""

    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """Course of the learning rate after warm-up."""

    warmup_ratio: float = Field(0.0, ge=0.0, lt=1.0)
    """Share of the steps over which the learning rate rises from 0."""

    batch_size: int = Field(64, ge=1, le=1_000_000)
    """Completions in one optimizer step, over all workers: prompts times `grpo.groupSize`."""

    micro_batch_size: int | None = Field(None, ge=1, le=1_000_000)
    """Completions in one forward pass of one worker. Left out: the largest divisor of `batchSize` up to 8."""

    max_grad_norm: float = Field(1.0, gt=0.0, le=1e9)
    """Norm that larger gradients are scaled down to, above 0."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Compute precision; master weights stay fp32. `auto` is bf16 on a GPU and fp32 on a CPU."""

    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of sampling, shuffling and initialisation."""

    RULES: ClassVar = (
        Rule("!has(self.maxSteps) || !has(self.epochs)", "set maxSteps or epochs, not both"),
        Rule(
            "!has(self.microBatchSize) || self.batchSize % self.microBatchSize == 0",
            "batchSize must be a multiple of microBatchSize",
        ),
    )

"""The model that is trained: where it comes from and how it is adapted."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from atlas_api.base import ApiModel, Rule


class Lora(ApiModel):
    """Low-rank adapters instead of full fine-tuning (Hu et al. 2021)."""

    rank: int = Field(16, ge=1, le=1024)
    """Rank of the adapter matrices. 16 to 32 is the sweet spot for reinforcement learning."""

    alpha: int = Field(32, ge=1, le=65_536)
    """Scale: the adapter's output is multiplied by alpha / rank."""

    targets: tuple[Annotated[str, Field(min_length=1, max_length=253)], ...] = Field(
        ("all-linear",), min_length=1, max_length=64
    )
    """Names of the modules that get adapters, or `all-linear` for every linear layer but the head."""

    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Dropout in front of the adapters, 0 up to (not including) 1."""


class ModelSpec(ApiModel):
    """The model that training starts from (the policy)."""

    source: str = Field(min_length=1, max_length=1024)
    """Hub id (`Qwen/Qwen2.5-1.5B-Instruct`) or folder with a saved model (`./models/mine`). May be saved LoRA adapters,
    a run's `final` say: training goes on from them, on their base, with a `lora` that says the same."""

    revision: str | None = Field(None, min_length=1, max_length=253)
    """Branch, tag or commit on the hub. Pin a commit to make runs repeatable. Left out: the hub's default branch."""

    lora: Lora | None = None
    """Low-rank adapters instead of full fine-tuning (Hu et al. 2021). Left out: full fine-tuning."""

    quantization: Literal["none", "int8", "nf4"] = "none"
    """Load the frozen base in 8 or 4 bits. Needs `lora`, because quantised weights cannot be trained."""

    max_length: int = Field(2048, ge=8, le=10_000_000)
    """Longest prompt plus completion, in tokens. Sessions with a longer prompt are dropped and counted, never cut."""

    trust_remote_code: bool = False
    """Run Python code that comes with the model. Off, because it runs with the trainer's rights."""

    RULES: ClassVar = (
        Rule(
            "self.quantization == 'none' || has(self.lora)",
            "quantization needs lora: quantised weights cannot be trained; add lora: {} or remove quantization",
        ),
        Rule(
            "!self.source.matches('^[a-z][a-z0-9+.-]*://')",
            "source takes a hub id or a folder; download from object stores first",
        ),
    )

"""What the reward benchmark measured, for its report, its table and its plots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atlas_rewards import ItemResult
from atlas_rewards.bench.judge_subsets import JudgeSubset
from atlas_rewards.bench.score_statistics import Summary
from atlas_rewards.llm.client import LLMStatistics


@dataclass(frozen=True, slots=True)
class BenchRow:
    """A combination of judges, and how its scores behaved."""

    combination: JudgeSubset
    summary: Summary


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that the reward benchmark measured. `results` and `rewards` are in the order of the items."""

    rows: Sequence[BenchRow]
    results: Mapping[str, Sequence[ItemResult]]
    rewards: Sequence[float | None]
    asked: LLMStatistics
    revision: str
    seed: int
    dropped: Mapping[str, int]
    """Sessions that were not scored, by cause."""

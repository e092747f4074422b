"""What generations counted adds up, also while several are open."""

from typing import Any

import pytest

from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.llm.cache import CacheStatistics
from atlas_rewards.llm.client import LLMStatistics
from atlas_rewards.llm.statistics import CallStatistics
from atlas_rewards.server.metrics import Metrics


def counted(hits: int = 0, **tokens: int) -> LLMStatistics:
    """Statistics of a client whose models, by name, used so many tokens; of five calls one was answered."""
    models = (
        CallStatistics(
            name, "http://x", "closed", 5, 1, 2, {"timeout": 1, "overBudget": 4}, 0, used, 1, 0.0, None, None
        )
        for name, used in tokens.items()
    )
    return LLMStatistics(tuple(models), CacheStatistics(1, hits, 0), 0)


def value(metrics: Metrics, sample: str, **labels: Any) -> float | None:
    return metrics.registry.get_sample_value(f"atlas_rewards_{sample}_total", labels)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (1, 3), (2, 4), (2, 5), (3, 6), (3, 7)])
def test_a_generation_that_ends_late_takes_nothing_from_newer_ones(old: int, new: int) -> None:
    metrics = Metrics()
    metrics.model_calls(old, counted(hits=5, small=10, large=1))
    metrics.model_calls(new, counted(hits=100, small=1000, large=7))
    metrics.model_calls(old, counted(hits=6, small=20, large=2))
    metrics.forget(old)
    metrics.model_calls(new, counted(hits=100, small=1000, large=7))
    assert value(metrics, "cache_lookups", result="hit") == 106
    assert value(metrics, "tokens", model="small") == 1020
    assert value(metrics, "tokens", model="large") == 9
    assert value(metrics, "model_calls", model="small", outcome="answered") == 2


def test_what_was_counted_once_is_not_counted_again() -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.model_calls(1, counted(hits=1, small=10))
    assert value(metrics, "tokens", model="small") == 10
    assert value(metrics, "cache_lookups", result="hit") == 1


def test_calls_that_were_given_up_or_never_made_do_not_count_as_answered() -> None:
    metrics = Metrics()
    metrics.model_calls(1, counted(small=10))
    outcomes = ("answered", "abandoned", "timeout", "overBudget")
    assert [value(metrics, "model_calls", model="small", outcome=outcome) for outcome in outcomes] == [1, 2, 1, 4]


def test_replies_with_different_verdicts_are_counted_also_where_others_gave_one() -> None:
    metrics = Metrics()
    judges = (JudgeResult("a", 0.5, conflicts=1), JudgeResult("b", None, causes=("conflict",), conflicts=2))
    metrics.scored(0.1, [ItemResult(0.5, judges), ItemResult(0.5, (JudgeResult("a", 0.5),))], invalid=0)
    assert value(metrics, "conflicting_replies", judge="a") == 1
    assert value(metrics, "conflicting_replies", judge="b") == 2

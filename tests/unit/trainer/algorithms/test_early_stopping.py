"""Early stopping: when a run must stop because it learns nothing."""

import math
from typing import Any

import pytest

from atlas_api.errors import AllTruncated, FlatReward, JudgeRefused, NotFinite, NothingScored, SourceUnreachable
from atlas_trainer.algorithms.early_stopping import Log, stop_reason


def logs(count: int, **changes: Any) -> list[Log]:
    healthy = {"loss": 0.1, "grad_norm": 1.0, "reward": 0.5, "completions/clipped_ratio": 0.2, "varied_groups": 0.5}
    return [{**healthy, "step": step + 1, **changes} for step in range(count)]


def test_a_healthy_run_goes_on() -> None:
    assert stop_reason(logs(50), max_steps=100) is None


@pytest.mark.parametrize("name", ["loss", "grad_norm"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_not_finite_stops_the_run_at_once(name: str, value: float) -> None:
    error = stop_reason([*logs(4), *logs(1, **{name: value})], max_steps=100)
    assert isinstance(error, NotFinite)
    assert "learningRate" in str(error)


@pytest.mark.parametrize(
    ("changes", "patience", "expected"),
    [
        pytest.param({"reward": None, "varied_groups": 0.0}, 3, NothingScored, id="no completion could be scored"),
        pytest.param({"completions/clipped_ratio": 1.0}, 3, AllTruncated, id="every completion is cut"),
        pytest.param({"varied_groups": 0.0}, 10, FlatReward, id="no group holds two different rewards"),
    ],
)
def test_a_silent_run_stops_when_patience_ends(changes: dict[str, Any], patience: int, expected: type) -> None:
    assert stop_reason(logs(patience - 1, **changes), max_steps=100) is None
    assert isinstance(stop_reason(logs(patience, **changes), max_steps=100), expected)


@pytest.mark.parametrize("changes", [{"completions/clipped_ratio": 1.0}, {"varied_groups": 0.0}])
def test_a_run_shorter_than_the_patience_is_judged_at_its_end(changes: dict[str, Any]) -> None:
    assert stop_reason(logs(1, **changes), max_steps=2) is None
    assert stop_reason(logs(2, **changes), max_steps=2) is not None


@pytest.mark.parametrize("changes", [{"completions/clipped_ratio": 1.0}, {"varied_groups": 0.0}])
def test_one_good_step_at_the_start_is_enough(changes: dict[str, Any]) -> None:
    history = logs(1) + logs(30, **changes)
    assert all(stop_reason(history[:length], max_steps=100) is None for length in range(1, len(history)))


def test_a_run_whose_judges_went_away_stops_at_any_time_and_may_go_on_later() -> None:
    away = logs(3, reward=None, unanswered_share=1.0, varied_groups=0.0)
    assert stop_reason([*logs(20), *away[:2]], max_steps=100) is None
    error = stop_reason([*logs(20), *away], max_steps=100)
    assert isinstance(error, SourceUnreachable)
    assert error.failure == "infrastructure"
    assert isinstance(stop_reason(away, max_steps=100), SourceUnreachable)


def test_a_run_whose_judges_refuse_stops_as_a_mistake_with_their_words() -> None:
    lost = logs(3, reward=None, unanswered_share=1.0, refused_share=1.0, varied_groups=0.0)
    error = stop_reason([*logs(20), *lost], 100, "m at http://h/v1: answers 402 Payment Required")
    assert isinstance(error, JudgeRefused)
    assert error.failure == "user"
    assert "(m at http://h/v1: answers 402 Payment Required): mend that" in str(error)
    assert isinstance(stop_reason([*lost[:2], {**lost[2], "refused_share": 0.5}], 100), SourceUnreachable)


def test_tasks_that_nobody_can_score_do_not_stop_a_run_that_has_learnt() -> None:
    assert stop_reason([*logs(20), *logs(5, reward=None, unanswered_share=0.0)], max_steps=100) is None


def test_a_run_without_a_signal_stops_also_where_the_last_step_could_not_be_scored() -> None:
    error = stop_reason([*logs(9, varied_groups=0.0), *logs(1, varied_groups=0.0, reward=None)], max_steps=100)
    assert isinstance(error, FlatReward)


def test_where_most_completions_are_cut_the_flat_reward_names_the_limit() -> None:
    cut = {"varied_groups": 0.0, "reward": 0.0, "completions/clipped_ratio": 0.9}
    assert "90% of the completions were cut: raise grpo.maxCompletionTokens" in str(stop_reason(logs(10, **cut), 100))
    assert "maxCompletionTokens" not in str(stop_reason(logs(10, varied_groups=0.0), 100))


def test_log_entries_that_are_no_steps_do_not_count() -> None:
    assert stop_reason([{"train_runtime": 1.0}, *logs(2, varied_groups=0.0)], max_steps=100) is None

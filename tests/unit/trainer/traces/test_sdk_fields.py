"""What the SDK recorded becomes reward and metadata, whatever shape it has."""

import json
from typing import Any

import pytest
from support.sdk.rows import breakdown, stats
from support.traces.reward_cases import REWARD_CASES, RewardCase

from atlas_trainer.traces.sdk_fields import (
    execution_mode_of,
    ground_truth_of,
    learning_key_of,
    project_of,
    reward_of,
    system_prompt_of,
    tags_of,
)


@pytest.mark.parametrize("case", REWARD_CASES, ids=lambda case: str(case.about))
def test_reward_is_a_finite_number_or_unknown(case: RewardCase) -> None:
    assert reward_of(case.reward_stats, case.reward) == case.expected


def test_reward_columns_may_come_as_json_text() -> None:
    assert reward_of(json.dumps(stats(0.3)), json.dumps(breakdown(0.9))) == 0.3


def test_json_text_that_says_nan_or_infinity_without_quotes_is_unknown() -> None:
    assert reward_of('{"score": NaN}', None) is None
    assert reward_of('{"score": -Infinity}', None) is None


@pytest.mark.parametrize("metadata", [None, "", "not json", [], 3, {}, {"learning_key": None, "tags": None}])
def test_missing_metadata_is_unknown(metadata: Any) -> None:
    assert learning_key_of(metadata) is None
    assert tags_of(metadata) == ()
    assert project_of(metadata) is None
    assert execution_mode_of(metadata) is None
    assert system_prompt_of(metadata) is None
    assert ground_truth_of(metadata) is None


def test_metadata_may_come_as_json_text() -> None:
    assert learning_key_of('{"learning_key": "refunds"}') == "refunds"


def test_execution_mode_falls_back_to_the_adaptive_summary() -> None:
    summary = {"adaptive_summary": {"adaptive_mode": "coach"}}
    assert execution_mode_of({"execution_mode": "paired", **summary}) == "paired"
    assert execution_mode_of({"execution_mode": "", **summary}) == "coach"
    assert execution_mode_of(summary) == "coach"
    assert execution_mode_of({"adaptive_summary": "coach"}) is None


def test_execution_mode_of_old_data_comes_as_it_is() -> None:
    assert execution_mode_of({"execution_mode": "escalate"}) == "escalate"


def test_tags_are_the_strings_of_a_list_or_one_string() -> None:
    assert tags_of({"tags": ["crm", 3, None, "", "eu"]}) == ("crm", "eu")
    assert tags_of({"tags": "crm"}) == ("crm",)
    assert tags_of({"tags": {"crm": True}}) == ()


def test_ground_truth_is_text_or_becomes_json() -> None:
    assert ground_truth_of({"ground_truth": "42"}) == "42"
    assert ground_truth_of({"ground_truth": 42}) == "42"
    assert ground_truth_of({"ground_truth": {"straße": [1]}}) == '{"straße": [1]}'
    assert ground_truth_of({"ground_truth": False}) == "false"
    assert ground_truth_of({"ground_truth": " "}) is None


@pytest.mark.parametrize(
    ("key", "expected"), [(42, "42"), ("42", "42"), (0, "0"), (-1, "-1"), (0.5, "0.5"), (True, None), ([42], None)]
)
def test_a_number_is_a_learning_key_by_its_digits_as_the_sdk_compares_it(key: Any, expected: str | None) -> None:
    assert learning_key_of({"learning_key": key}) == expected

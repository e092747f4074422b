"""
Fields of a session that the SDK recorded: reward, texts, metadata. Steps are read by `sdk_steps`.

Takes decoded JSON values, or text of JSON, which is decoded here. Pure; knows neither tables nor files. The SDK writes
what agents and judges gave it, so any value may be missing, null, or of another type; such a value is unknown, never
zero and never an error.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, TypedDict

from atlas_trainer.traces.loose_json import decoded, get, items, text

NO_VALID_SAMPLE = "No valid reward sample produced."
"""Rationale of the sample that the SDK invents, with score 0.0 and uncertainty 1.0, when it could read no judge."""

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?\s*", re.ASCII)


def reward_of(reward_stats: Any, reward: Any) -> float | None:
    """
    Session reward, finite, or None when it is unknown.

    The first value recorded among `reward_stats.score`, `reward_stats.score_mean`, `reward.score` decides; when that is
    not a finite number, the reward is unknown. So is one whose judges gave nothing that could be read.
    """
    stats, breakdown = decoded(reward_stats), decoded(reward)
    if stats is not None and not isinstance(stats, Mapping):
        return None
    if _no_valid_sample(breakdown):
        return None
    candidates = (get(stats, "score"), get(stats, "score_mean"), get(breakdown, "score"))
    return _finite(next((value for value in candidates if value is not None), None))


def _finite(value: Any) -> float | None:
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 and not math.isnan(value) else None  # noqa: PLR2004


def _no_valid_sample(breakdown: Any) -> bool:
    judges = [breakdown, *items(get(breakdown, "judges"))]
    samples = [sample for judge in judges for sample in items(get(judge, "samples"))]
    return any(get(rated, "rationale") == NO_VALID_SAMPLE for rated in (*judges, *samples))


AUTOMATIC_NOTE = "Auto-approved (review gating disabled)."
"""Review note of a session that the SDK approved by itself."""


def approved_by_person(review_status: Any, review_notes: Any) -> bool:
    """Whether somebody approved the session. Where nobody is asked, the SDK does, with a note of its own."""
    return bool(review_status == "approved" and review_notes != AUTOMATIC_NOTE)


def lower(word: str) -> str:
    """*word* with ASCII letters in lower case, as SQL has it with the collation "C", whatever the language."""
    return word.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


class Described(TypedDict):
    """Fields of a `Session` that its metadata tells."""

    learning_key: str | None
    tags: tuple[str, ...]
    project: str | None
    execution_mode: str | None
    system_prompt: str | None
    ground_truth: str | None


def described(metadata: Any) -> Described:
    """Everything that the metadata of a session tells about it."""
    return {
        "learning_key": learning_key_of(metadata),
        "tags": tags_of(metadata),
        "project": project_of(metadata),
        "execution_mode": execution_mode_of(metadata),
        "system_prompt": system_prompt_of(metadata),
        "ground_truth": ground_truth_of(metadata),
    }


def learning_key_of(metadata: Any) -> str | None:
    """`metadata.learning_key`, a number by its digits. None when missing or blank.

    The SDK compares keys with the text of the JSON value, so that the number 42 and the word "42" are one key.
    """
    key = get(decoded(metadata), "learning_key")
    is_number = isinstance(key, int | float) and not isinstance(key, bool)
    return json.dumps(key) if is_number else text(key)


def tags_of(metadata: Any) -> tuple[str, ...]:
    """`metadata.tags`: its strings; a single string is one tag."""
    tags = get(decoded(metadata), "tags")
    values = [tags] if isinstance(tags, str) else items(tags)
    return tuple(tag for tag in values if isinstance(tag, str) and tag)


def project_of(metadata: Any) -> str | None:
    """`metadata.project_root`, None when missing or blank."""
    return text(get(decoded(metadata), "project_root"))


def execution_mode_of(metadata: Any) -> str | None:
    """`metadata.execution_mode`, else `adaptive_summary.adaptive_mode`. Older lanes (`escalate`) come as they are."""
    fields = decoded(metadata)
    return text(get(fields, "execution_mode")) or text(get(get(fields, "adaptive_summary"), "adaptive_mode"))


def system_prompt_of(metadata: Any) -> str | None:
    """`metadata.executor_system_prompt`, None when missing or blank."""
    return text(get(decoded(metadata), "executor_system_prompt"))


def ground_truth_of(metadata: Any) -> str | None:
    """`metadata.ground_truth` as text, see `ground_truth_text`."""
    return ground_truth_text(get(decoded(metadata), "ground_truth"))


def ground_truth_text(value: Any) -> str | None:
    """The known right answer as text: strings as they are, other values as JSON. None when missing or blank."""
    if isinstance(value, str) or value is None:
        return text(value)
    return json.dumps(value, ensure_ascii=False)

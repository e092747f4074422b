"""Why items have no score, in words to count. Pure. Called by `atlas-core score` and the reward benchmark."""

import re
from typing import get_args

from atlas_rewards.judging.answer import Reason
from atlas_rewards.result import ItemResult

UNREADABLE = "unreadable"
"""The model answered, and no verdict could be read from it."""

_CAUSE = re.compile(rf"\b({'|'.join(get_args(Reason))}):")
_SAID = frozenset({UNREADABLE, "noText"})
"""A model looked at the item; asked again it would say the like."""


def causes_of(result: ItemResult) -> frozenset[str]:
    """What kept judges of *result* from a verdict: `timeout`, `unreadable`."""
    reasons = [judge.reason or "" for judge in result.judges if judge.score is None]
    return frozenset(cause for reason in reasons for cause in _CAUSE.findall(reason) or [UNREADABLE])


def cause_of(result: ItemResult) -> str:
    """The same as a text; several are joined by `, `."""
    return ", ".join(sorted(causes_of(result))) or "unknown"


def unanswered(result: ItemResult) -> bool:
    """Whether *result* lacks a score because judges could not answer, whatever the item says. Asking again may help."""
    return result.score is None and bool(causes_of(result) - _SAID)

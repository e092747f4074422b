"""
Why judges gave no verdict, in words to count, read from the reasons that `judging.hearing` writes. Pure.

Called by `atlas-core score`, the reward benchmark, and the service's records of its judges.
"""

import re
from typing import get_args

from atlas_rewards.judging.answer import Reason
from atlas_rewards.result import ItemResult

UNREADABLE = "unreadable"
"""The model answered, and no verdict could be read from it."""

# What a model said, up to its end or that of the reason, which may be cut.
_QUOTE = (
    r"""in the answer (?P<mark>['"])(?:\\.|(?!(?P=mark)).)*+"""
    r"|\b(?:score|uncertainty) is (?:.{1,40}, not a number|.{1,53}…\Z)"
)
# A model can write the word of a cause, too: quotes are matched first, and passed over.
_CAUSE = re.compile(rf"{_QUOTE}|(?:^|used: |verdict: |; )(?P<cause>{'|'.join(get_args(Reason))}):")
_SAID = frozenset({UNREADABLE, "noText"})
"""A model looked at the item; asked again it would say the like."""


def kinds_of(reason: str | None) -> list[str]:
    """The causes in a judge's *reason* for having no score, in order: `timeout`; `unreadable` where none stands there.

    Nothing that a model said is among them. Empty for None.
    """
    found = [match["cause"] for match in _CAUSE.finditer(reason or "") if match["cause"]]
    return found or ([] if reason is None else [UNREADABLE])


def causes_of(result: ItemResult) -> frozenset[str]:
    """What kept judges of *result* from a verdict: `timeout`, `unreadable`."""
    reasons = [judge.reason or "" for judge in result.judges if judge.score is None]
    return frozenset(kind for reason in reasons for kind in kinds_of(reason))


def cause_of(result: ItemResult) -> str:
    """The same as a text; several are joined by `, `."""
    return ", ".join(sorted(causes_of(result))) or "unknown"


def unanswered(result: ItemResult) -> bool:
    """Whether *result* lacks a score because judges could not answer, whatever the item says. Asking again may help."""
    return result.score is None and bool(causes_of(result) - _SAID)

"""Why an item has no score, in words to count. Pure."""

from atlas_api.scoring import ItemResult

CONFLICT = "conflict"
"""A judge's reply holds different verdicts, so it holds none. A text that brings a verdict of its own may cause it."""

_LASTING = frozenset({"unreadable", "noText", "tooMany", CONFLICT})
"""Causes that last: asked again, a judge would say the like."""


def cause_of(result: ItemResult) -> str:
    """What kept judges of *result* from a verdict, as `timeout, unreadable`."""
    return ", ".join(sorted(_causes(result))) or "unknown"


def unanswered(result: ItemResult) -> bool:
    """Whether *result* lacks a score because judges could not answer, whatever the item says. Asking again may help."""
    return result.score is None and not _causes(result) <= _LASTING


def refused(result: ItemResult) -> bool:
    """Whether an endpoint refused to answer a judge about the item. Asking again does not help, unless it was the item
    alone: too long, for example.
    """
    return "refused" in _causes(result)


def conflicting(result: ItemResult) -> bool:
    """Whether *result* lacks a score for nothing but replies that contradict themselves."""
    return result.score is None and _causes(result) == {CONFLICT}


def _causes(result: ItemResult) -> frozenset[str]:
    return frozenset(cause for judge in result.judges for cause in judge.causes)

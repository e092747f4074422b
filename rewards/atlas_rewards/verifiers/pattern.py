"""Is the pattern found in the completion? Patterns meet untrusted text, so every search has a time-out."""

import regex  # type: ignore[import-untyped]

from atlas_api.training.reward import Regex
from atlas_rewards.item import Item
from atlas_rewards.verifiers.outcome import Outcome, Unknown, Unusable, Verify

SECONDS = 1.0
"""Seconds that the search of one text may take."""


def pattern_verifier(config: Regex) -> Verify:
    """The search for `config.pattern`. Raises Unusable when it is not a regular expression."""
    try:
        regex.compile(config.pattern)
    except regex.error as error:
        raise Unusable("regex.pattern", f"{error}; see the syntax of Python regular expressions") from None

    def search(item: Item) -> Outcome:
        try:
            return float(matches(config.pattern, item.completion))
        except TimeoutError:
            return Unknown(f"the pattern took longer than {SECONDS:g} s; it backtracks on this text")

    return search


def matches(pattern: str, text: str, seconds: float = SECONDS) -> bool:
    """Whether *pattern* matches somewhere in *text*. Raises TimeoutError after *seconds*."""
    return regex.search(pattern, text, timeout=seconds) is not None

"""What a verifier gives for an item: a number, or why it cannot say. Shared by all verifiers; knows none of them."""

from collections.abc import Callable
from dataclasses import dataclass

from atlas_rewards.item import Item
from atlas_rewards.safety.unicode_form import in_form

MAX_CHARACTERS = 250_000
"""Longer texts are not read: the outcome is Unknown. The edit similarity of two texts this long takes 2 s."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The verifier cannot say. Never a 0: a false zero would train the model away from what nobody judged."""

    reason: str


Outcome = float | Unknown
"""A number from 0 to 1, or Unknown."""

Verify = Callable[[Item], Outcome]
"""A verifier with its configuration already inside."""


class Unusable(Exception):
    """A configuration that can never work, found before any item is scored."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        """Path of the field on the wire, below the verifier: `regex.pattern`."""
        self.problem = problem


def reference_of(item: Item) -> str | Unknown:
    """The reference, or Unknown where none was recorded. Blank counts as none: silence is nobody's right answer."""
    if item.reference is None or not item.reference.strip():
        return Unknown("no reference was recorded")
    return item.reference


def canonical(text: str, *, ignore_case: bool) -> str:
    """*text* without white space around it, in the Unicode form NFC, with Unix line ends: what looks equal is equal."""
    composed = in_form("NFC", text).strip().replace("\r\n", "\n")
    return composed.casefold() if ignore_case else composed

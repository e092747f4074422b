"""
Verifiers: deterministic checks of a completion, one file a kind.

    exact_match     the reference
    numeric         the same number as the reference
    pattern         a regular expression, with a time-out
    json_schema     JSON of the right shape (its keywords: `json_keywords`)
    similarity      close to the reference
    length          short enough
    code            Python that passes tests, run in a `sandbox` of its own
    entry_point     a function of the user's

`outcome` holds what they share: a number from 0 to 1, or Unknown with the reason. `answer` takes out of completion and
reference what is compared. `weighted_mean` makes one score of all verifiers of a manifest. `threads` runs checks beside
an event loop, so that one that hangs holds up nobody.

Knows `sandbox`, `thoughts`, and of `safety` the Unicode forms. Needs no HTTP client and no judge.

To add a verifier: its configuration in `atlas_api.training.reward` (a class, a field of `Verifier`, a name in `KINDS`),
a file here that gives an `Outcome`, one line in `_KINDS`, which says what it reads, and one above. A check that asks
somebody over the network is no verifier: it is a judge, or a function of the user's (`entry_point`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from atlas_api.training.reward import Verifier
from atlas_rewards.verifiers.code import code_verifier, look_at_tests
from atlas_rewards.verifiers.entry_point import entry_point_verifier, look_for_entry_point
from atlas_rewards.verifiers.exact_match import exact_match
from atlas_rewards.verifiers.json_schema import json_schema_verifier
from atlas_rewards.verifiers.length import length
from atlas_rewards.verifiers.numeric import numeric
from atlas_rewards.verifiers.outcome import MAX_CHARACTERS, Outcome, Unknown, Unusable, Verify
from atlas_rewards.verifiers.pattern import pattern_verifier
from atlas_rewards.verifiers.similarity import reference_similarity

__all__ = [
    "MAX_CHARACTERS",
    "Outcome",
    "Reads",
    "Unknown",
    "Unusable",
    "Verify",
    "build_verifier",
    "look_at_verifier",
]

Reads = Literal["comparison", "answer", "completion", "size"]
"""What a verifier reads: the answer beside the reference, the answer, the whole completion (without its thoughts, as
always), or no more than its size. A text that is too long to be read still has a size."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of verifier."""

    build: Callable[[Any], Verify]
    reads: Reads
    look: Callable[[Any], str | None] | None = None
    """What can be said without running anything, where building does: what stays in doubt. Raises Unusable."""


_KINDS: Mapping[str, _Kind] = {
    "exact_match": _Kind(lambda config: partial(exact_match, config), "comparison"),
    "numeric": _Kind(lambda config: partial(numeric, config), "comparison"),
    "regex": _Kind(pattern_verifier, "answer"),
    "json_schema": _Kind(json_schema_verifier, "completion"),
    "reference_similarity": _Kind(lambda config: partial(reference_similarity, config), "comparison"),
    "length": _Kind(lambda config: partial(length, config), "size"),
    "code": _Kind(code_verifier, "answer", look_at_tests),
    "python": _Kind(entry_point_verifier, "answer", look_for_entry_point),
}


def build_verifier(verifier: Verifier) -> tuple[Verify, Reads]:
    """The check that *verifier* describes, and what it reads. Raises Unusable for what can never work."""
    kind, config = _kind_of(verifier)
    return kind.build(config), kind.reads


def look_at_verifier(verifier: Verifier) -> str | None:
    """What stays in doubt about *verifier* until it is built, as `field: doubt`; None for nothing.

    Runs no code of the user's, and needs nothing of this machine. Raises Unusable for what can never work.
    """
    kind, config = _kind_of(verifier)
    if kind.look is None:
        kind.build(config)
        return None
    return kind.look(config)


def _kind_of(verifier: Verifier) -> tuple[_Kind, Any]:
    kinds = [kind for kind in _KINDS if getattr(verifier, kind) is not None]
    if len(kinds) != 1:
        raise Unusable("name", f"{verifier.name} sets {len(kinds)} kinds; set exactly one")
    return _KINDS[kinds[0]], getattr(verifier, kinds[0])

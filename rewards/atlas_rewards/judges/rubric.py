"""
Rubrics: what a judge looks at, as a text, and the parts of an item that it is shown.

The texts are files beside this package, so that they can be read, compared and reviewed as texts.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from atlas_api.rewardservice.judging import Judge


class Part(StrEnum):
    """A part of an item, as judges know it."""

    PRINCIPLES = "PRINCIPLES"
    PROMPT = "PROMPT"
    REFERENCE = "REFERENCE"
    PLAN = "PLAN"
    GUIDANCE = "GUIDANCE"
    TRACE = "TRACE"
    BASELINE = "BASELINE"
    ANSWER = "ANSWER"


SHARED = frozenset({Part.PRINCIPLES, Part.PROMPT, Part.REFERENCE})
"""Parts that all completions of a prompt have in common."""

_PARTS = {
    "accuracy": (Part.PRINCIPLES, Part.PROMPT, Part.REFERENCE, Part.ANSWER),
    "helpfulness": (Part.PRINCIPLES, Part.PROMPT, Part.REFERENCE, Part.PLAN, Part.GUIDANCE, Part.ANSWER),
    "process": (Part.PRINCIPLES, Part.PROMPT, Part.REFERENCE, Part.PLAN, Part.GUIDANCE, Part.TRACE),
    "diagnostic": (Part.PRINCIPLES, Part.PROMPT, Part.REFERENCE, Part.PLAN),
}


@dataclass(frozen=True, slots=True)
class Rubric:
    """What a judge looks at."""

    text: str
    parts: tuple[Part, ...]
    """Parts that the judge is shown, in this order."""

    optional: frozenset[Part]
    """Parts that are left out without a word when the item has none. The absence of the others is stated."""

    stand_in: Part | None = None
    """The part that the answer itself stands in for when the item has none: it then is all that was recorded."""


def rubric_of(judge: Judge) -> Rubric:
    """What *judge* looks at. A rubric of the user's own is shown every part that was recorded."""
    if judge.rubric is None:
        return Rubric(judge.instructions or "", tuple(Part), frozenset(Part) - {Part.PROMPT, Part.ANSWER})
    parts = _PARTS[judge.rubric]
    stand_in = None if Part.ANSWER in parts else parts[-1]
    return Rubric(rubric_text(judge.rubric), parts, frozenset({Part.PRINCIPLES}), stand_in)


@cache
def rubric_text(name: str) -> str:
    """The text *name* that comes with atlas-core: `accuracy`, `protocol/common`."""
    return files("atlas_rewards").joinpath("rubrics", f"{name}.txt").read_text(encoding="utf-8").strip()

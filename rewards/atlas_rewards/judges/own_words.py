"""
Where the thoughts of a judge's reply end, and its own words begin. Pure.

Judged texts may bring marks of thoughts, and a judge may repeat them. So this is stricter than the answer of a
completion, which can only forge its own (`thoughts`): what is doubtful is no end of a thought, and then a draft before
it is a verdict like the one behind it.
"""

import re
import sys
from collections.abc import Sequence

from atlas_api.text import without_hidden
from atlas_rewards.safety.unicode_form import in_form
from atlas_rewards.safety.untrusted_text import unescaped
from atlas_rewards.thoughts import begin_of_thought, end_of_thought

_BEGIN, _END = begin_of_thought(), end_of_thought()
_THOUGHT = re.compile(rf"\s*(?:{_BEGIN.pattern})")
_FENCE = re.compile(r"\s*(?:```[A-Za-z]{0,20}\s*)?")
_SPACE_OR_BACKSLASH = re.compile(r"[\s\\]+")
_ENDS_IN_MATERIAL = ("/think", "channel|>")
_NOWHERE = (sys.maxsize, sys.maxsize)

Span = tuple[int, int]
"""Where something begins and ends in a text."""


def own_words(text: str, objects: Sequence[Span], material: str) -> int | None:
    """Where *text* ends to think, and its own words begin; None where it never does. *objects*: its JSON, in order.

    A thought stands in front of everything else, so it ends with the first mark of an end behind its beginning: later
    ones may be quotes. Where the prompt began the thought, the end alone is seen. It is believed unless something
    speaks against it: JSON in front of all, other words on its line, another end, or judged texts (*material*) that
    bring one too.
    """
    begin = 0
    while opened := _THOUGHT.match(text, begin):
        end = _end_outside(text, opened.end(), objects)
        if end is None:
            return None
        begin = end.end()
    if begin or _BEGIN.search(text) or (objects and stands_first(text, 0, objects[0][0])):
        return begin
    end = _end_outside(text, 0, objects)
    if end is None or not _alone_on_its_line(text, end) or _holds_mark(material):
        return 0
    if _end_outside(text, end.end(), objects):
        return 0
    return end.end()


def stands_first(text: str, begin: int, place: int) -> bool:
    """Whether nothing stands in *text* from *begin* to *place* but the beginning of a fence."""
    fence = _FENCE.match(text, begin)
    return fence is not None and place <= fence.end()


def _end_outside(text: str, begin: int, objects: Sequence[Span]) -> re.Match[str] | None:
    """The first end of a thought in *text* from *begin* on that is not inside of one of *objects*."""
    spans = iter(objects)
    start, end = next(spans, _NOWHERE)
    for found in _END.finditer(text, begin):
        while end <= found.start():
            start, end = next(spans, _NOWHERE)
        if found.start() < start:
            return found
    return None


def _alone_on_its_line(text: str, mark: re.Match[str]) -> bool:
    before = text[text.rfind("\n", 0, mark.start()) + 1 : mark.start()]
    return not (before + text[mark.end() :].partition("\n")[0]).strip()


def _holds_mark(material: str) -> bool:
    """Whether *material* holds the end of a thought, however it is spelt: a judge repeats it in its own spelling."""
    plain = without_hidden(in_form("NFKC", unescaped(material))).casefold()
    return any(mark in _SPACE_OR_BACKSLASH.sub("", plain) for mark in _ENDS_IN_MATERIAL)

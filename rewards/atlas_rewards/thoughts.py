r"""
The answer of a completion: what it says after its thoughts. The one definition for judges, verifiers and evaluation.

    answer_of("<think>\n41? No.\n</think>\n\n42")     # "42"
    answer_of("42")                                   # "42": there is no thought
    answer_of("<think>\n41? No, ")                    # None: the thought did not end, so there is no answer

Known are the marks that models come with: `<think>`, `[THINK]`, and channels, as gpt-oss and Gemma write them; a
manifest may name others (`answer.thought`). Pure.
"""

import re
from dataclasses import replace
from functools import cache

from atlas_api.training.reward import Answer, ThoughtMarks
from atlas_rewards.item import Item

_BEGINS = (r"<think>", r"<thinking>", r"\[THINK\]", r"<\|channel>thought", r"<\|channel\|>analysis")
_ENDS = (
    r"</think>",
    r"</thinking>",
    r"\[/THINK\]",
    r"<channel\|>",
    r"<\|channel\|>final[^\n]{0,60}?<\|message\|>",
    r"(?=<\|channel\|>commentary)",  # a call of a tool, which is said
)
_ENDS_OF_TURN = ("<|return|>", "<|end|>", "<|call|>")
"""What closes a channel's message, where special tokens were kept."""

MARK_TOKENS = ("<think>", "</think>", "[THINK]", "[/THINK]", "<|channel>", "<channel|>", "<|channel|>", "<|message|>")
"""Tokens that marks consist of. Some tokenizers call them special: a text that is decoded without them has no marks."""


@cache
def begin_of_thought(marks: ThoughtMarks | None = None) -> re.Pattern[str]:
    """What begins a thought: the known marks, and that of *marks*."""
    return re.compile("|".join((*_BEGINS, *([re.escape(marks.begin)] if marks else []))))


@cache
def end_of_thought(marks: ThoughtMarks | None = None) -> re.Pattern[str]:
    """What ends a thought: the known marks, and that of *marks*."""
    return re.compile("|".join((*_ENDS, *([re.escape(marks.end)] if marks else []))))


def answer_of(completion: str, marks: ThoughtMarks | None = None) -> str | None:
    """What *completion* says after the last end of a thought; all of it where there is none.

    None where a thought began and did not end: what was cut inside of its thought answers nothing. *marks*: further
    ones, beside those that are known. A thought that the prompt began is known by its end alone, so whoever knows the
    prompt writes the mark back in front (`opened_by`).
    """
    ends = [match.end() for match in end_of_thought(marks).finditer(completion)]
    said = ends[-1] if ends else 0
    if begin_of_thought(marks).search(completion, said):
        return None
    if not ends:
        return completion
    answer = completion[said:].strip()
    for end in _ENDS_OF_TURN:
        answer = answer.removesuffix(end)
    return answer


def opened_by(prompt: str, marks: ThoughtMarks | None = None) -> str:
    """The mark at the end of *prompt*, the text that a completion follows, that begins its thought; "" for none."""
    tail = prompt[-200:]
    last = next(reversed(list(begin_of_thought(marks).finditer(tail))), None)
    return tail[last.start() :] if last and not tail[last.end() :].strip() else ""


def spoken(item: Item, answer: Answer) -> Item | None:
    """*item* with the answer of its completion alone. None where it has none.

    A reference that was recorded with a thought in front is one without it; a mark elsewhere in it is its own text.
    """
    said = answer_of(item.completion, answer.thought)
    if said is None:
        return None
    reference = _recorded(item.reference, answer.thought)
    unchanged = said == item.completion and reference == item.reference
    return item if unchanged else replace(item, completion=said, reference=reference)


def without_thoughts(item: Item, answer: Answer) -> Item:
    """*item* as judges see it: `spoken`, with an empty answer where its completion has none."""
    return spoken(item, answer) or replace(item, completion="")


def _recorded(reference: str | None, marks: ThoughtMarks | None) -> str | None:
    if reference is None or not begin_of_thought(marks).match(reference.lstrip()):
        return reference
    said = answer_of(reference, marks)
    return reference if said is None else said

"""Completions as rewards read them: with the marks of thoughts, whoever wrote them, whatever kind of token they are."""

from dataclasses import replace

import pytest
from support.trainer.chat_templates import CHATML, OPENED_REASONING, Style, make_tokenizer

from atlas_api.training.reward import ThoughtMarks
from atlas_rewards.thoughts import answer_of
from atlas_trainer.dataset.completions import CompletionReader

BRACKETS = replace(CHATML, name="brackets", special=(*CHATML.special, "[THINK]", "[/THINK]"))
CHANNELS = replace(
    CHATML, name="channels", special=(*CHATML.special, "<|channel|>", "<|message|>", "<|start|>", "<|end|>")
)


def read(style: Style, text: str, marks: ThoughtMarks | None = None) -> str:
    tokenizer = make_tokenizer(style)
    ids = tokenizer(text + "<|im_end|>", add_special_tokens=False)["input_ids"]
    return CompletionReader(tokenizer, marks).text(ids)


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (CHATML, "<think>\n41?\n</think>\n\n42"),
        (BRACKETS, "[THINK]41?[/THINK]42"),
        (
            CHANNELS,
            "<|channel|>analysis<|message|>41?<|end|><|start|>assistant<|channel|>final<|message|>42",
        ),
        (OPENED_REASONING, "41?\n</think>\n\n42"),
        (CHATML, "42"),
    ],
    ids=lambda one: one.name if isinstance(one, Style) else "",
)
def test_the_answer_is_found_in_what_was_generated(style: Style, text: str) -> None:
    assert answer_of(read(style, text)) == "42"


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (BRACKETS, "[THINK]41"),
        (CHANNELS, "<|channel|>analysis<|message|>41"),
        (OPENED_REASONING, "41"),
        (CHATML, "<think>41"),
    ],
    ids=lambda one: one.name if isinstance(one, Style) else "",
)
def test_what_was_cut_inside_of_its_thought_has_no_answer(style: Style, text: str) -> None:
    assert answer_of(read(style, text)) is None


def test_other_special_tokens_are_left_out() -> None:
    assert read(CHATML, "4<|im_start|>2") == "42"


def test_marks_of_the_manifest_are_kept_and_known_at_the_end_of_a_prompt() -> None:
    marks = ThoughtMarks(begin="<scratch>", end="</scratch>")
    style = replace(
        OPENED_REASONING,
        template=OPENED_REASONING.template.replace("<think>", "<scratch>"),
        special=(*OPENED_REASONING.special, "</scratch>"),
    )
    assert read(style, "41?</scratch>42", marks) == "<scratch>\n41?</scratch>42"
    assert read(style, "41?</scratch>42") == "41?42"

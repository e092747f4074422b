"""Chat messages become tokens, with the learnt ones marked, for any chat template."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.trainer.chat_templates import (
    CHATML,
    ENDLESS,
    INST,
    MODEL_ROLE,
    OPENED_REASONING,
    REASONING,
    STYLES,
    TOOLS,
    WORD_END,
    Style,
    make_tokenizer,
)

from atlas_api.errors import WrongEndToken
from atlas_trainer.dataset.chat_tokens import TokenRow, end_of_turn, fit_messages, prompt_ids, render

TOKENIZERS = {style.name: make_tokenizer(style) for style in STYLES}
every_style = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)

Messages = list[dict[str, Any]]


def make_messages(*answers: str, system: str | None = None) -> Messages:
    opening = [{"role": "system", "content": system}] if system else []
    turns = [
        {"role": role, "content": text}
        for number, answer in enumerate(answers)
        for role, text in (("user", f"What is three plus {number}?"), ("assistant", answer))
    ]
    return opening + turns


def spoken(tokenizer: Any, row: TokenRow) -> list[str]:
    """The text of each run of learnt tokens."""
    runs: list[list[int]] = []
    previous = False
    for token, learnt in zip(row.ids, row.mask, strict=True):
        if learnt and not previous:
            runs.append([])
        if learnt:
            runs[-1].append(token)
        previous = learnt
    return [tokenizer.decode(run, skip_special_tokens=False).strip() for run in runs]


def ended(answers: Sequence[str], style: Style) -> list[str]:
    """What is learnt: each answer with the end token. Some templates put a space in between."""
    gap = " " if "sys block" in style.name else ""
    return [answer + gap + style.end for answer in answers]


@every_style
def test_exactly_the_answers_and_their_end_tokens_are_learnt(style: Style) -> None:
    tokenizer = TOKENIZERS[style.name]
    rows = render(tokenizer, make_messages("The answer is three.", "Four."), {1, 3})
    learnt = [text for row in rows for text in spoken(tokenizer, row)]
    assert learnt == ended(["The answer is three.", "Four."], style)
    assert [turn for row in rows for turn in row.turns] == [1, 3]


@every_style
def test_a_turn_that_is_not_learnt_stays_unmarked(style: Style) -> None:
    tokenizer = TOKENIZERS[style.name]
    (row,) = render(tokenizer, make_messages("Wrong.", "Right."), {3})
    assert spoken(tokenizer, row) == ended(["Right."], style)


@every_style
def test_a_system_text_reaches_the_model_and_is_never_learnt(style: Style) -> None:
    tokenizer = TOKENIZERS[style.name]
    (row,) = render(tokenizer, make_messages("Seven.", system="Think, then answer."), {2})
    assert "Think, then answer." in tokenizer.decode(row.ids, skip_special_tokens=False)
    assert spoken(tokenizer, row) == ended(["Seven."], style)
    assert row.turns == (2,)


@every_style
def test_nothing_follows_the_last_end_token(style: Style) -> None:
    tokenizer = TOKENIZERS[style.name]
    (row,) = render(tokenizer, make_messages("Seven."), {1})
    assert row.mask[-1]
    assert tokenizer.decode(row.ids[-1:]).strip() == style.end


@every_style
def test_the_end_token_is_the_one_the_template_writes(style: Style) -> None:
    assert end_of_turn(TOKENIZERS[style.name]) == style.end


@every_style
def test_a_row_starts_with_the_prompt_that_generation_gets(style: Style) -> None:
    tokenizer = TOKENIZERS[style.name]
    messages = make_messages("Three.", "Seven.")
    (row,) = render(tokenizer, messages, {3})
    # The last token of a prompt may grow when text follows.
    prompt = prompt_ids(tokenizer, messages[:3])[:-1]
    assert list(row.ids[: len(prompt)]) == prompt
    assert not any(row.mask[: len(prompt)])


@every_style
@settings(max_examples=15, deadline=None)
@given(answer=st.text(alphabet=st.sampled_from("Seven 7.\nTHé→🙂[]<>"), min_size=1).map(str.strip).filter(bool))
def test_any_answer_comes_back(style: Style, answer: str) -> None:
    if style.metaspace:
        answer = answer.encode("ascii", "ignore").decode().strip() or "7"
    tokenizer = TOKENIZERS[style.name]
    (row,) = render(tokenizer, make_messages(answer), {1})
    assert spoken(tokenizer, row) == ended([answer], style)


@every_style
def test_an_answer_that_repeats_the_question_is_marked_once(style: Style) -> None:
    tokenizer = TOKENIZERS[style.name]
    (row,) = render(tokenizer, make_messages("What is three plus 0?"), {1})
    assert spoken(tokenizer, row) == ended(["What is three plus 0?"], style)


def test_an_end_token_inside_the_question_is_not_learnt() -> None:
    tokenizer = make_tokenizer(CHATML)
    messages = [{"role": "user", "content": "Print <|im_end|> for me"}, {"role": "assistant", "content": "No."}]
    (row,) = render(tokenizer, messages, {1})
    assert spoken(tokenizer, row) == ["No.<|im_end|>"]


def test_reasoning_that_history_drops_is_learnt_in_a_row_of_its_own() -> None:
    tokenizer = TOKENIZERS[REASONING.name]
    thought = "<think>\nThree and four make seven.\n</think>\n\nSeven."
    first, second = render(tokenizer, make_messages(thought, thought), {1, 3})
    assert (first.turns, second.turns) == ((1,), (3,))
    assert spoken(tokenizer, first) == spoken(tokenizer, second) == [thought + "<|im_end|>"]
    assert tokenizer.decode(second.ids).count("<think>") == 1


def test_an_empty_reasoning_block_that_the_template_puts_in_is_not_learnt() -> None:
    tokenizer = TOKENIZERS[REASONING.name]
    (row,) = render(tokenizer, make_messages("Seven."), {1})
    assert "<think>" in tokenizer.decode(row.ids)
    assert spoken(tokenizer, row) == ["Seven.<|im_end|>"]


def test_reasoning_that_the_prompt_opens_is_learnt_from_where_the_model_takes_over() -> None:
    tokenizer = make_tokenizer(OPENED_REASONING)
    thought = "<think>\nThree and four make seven.\n</think>\n\nSeven."
    (row,) = render(tokenizer, make_messages(thought), {1})
    assert spoken(tokenizer, row) == [thought.removeprefix("<think>\n") + "<|im_end|>"]


def test_tool_calls_are_learnt_and_tool_results_are_not() -> None:
    tokenizer = TOKENIZERS[TOOLS.name]
    call = {"type": "function", "function": {"name": "search", "arguments": {"order": 12}}}
    messages: Messages = [
        {"role": "user", "content": "Refund order 12."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "order state: paid"},
        {"role": "assistant", "content": "Refunded."},
    ]
    (row,) = render(tokenizer, messages, {1, 3})
    calling, answer = spoken(tokenizer, row)
    assert calling.startswith("<tool_call>")
    assert calling.endswith("</tool_call><|im_end|>")
    assert answer == "Refunded.<|im_end|>"
    assert "order state: paid" in tokenizer.decode(row.ids)


def tool_conversation() -> Messages:
    calls = [
        {"id": f"c{place}", "type": "function", "function": {"name": "search", "arguments": {"order": place}}}
        for place in (1, 2)
    ]
    return [
        {"role": "user", "content": "Refund both."},
        {"role": "assistant", "content": "Let me see.", "tool_calls": calls},
        {"role": "tool", "content": "paid", "tool_call_id": "c1"},
        {"role": "tool", "content": "open", "tool_call_id": "c2"},
    ]


def test_a_template_that_knows_tools_gets_them_as_they_are() -> None:
    assert list(fit_messages(TOKENIZERS[TOOLS.name], tool_conversation())) == tool_conversation()


def test_a_template_that_knows_no_tools_gets_them_as_text() -> None:
    _, calling, results = fit_messages(TOKENIZERS[INST.name], tool_conversation())
    first, second = (f'{{"name": "search", "arguments": {{"order": {place}}}}}' for place in (1, 2))
    assert calling == {
        "role": "assistant",
        "content": f"Let me see.\n<tool_call>\n{first}\n</tool_call>\n<tool_call>\n{second}\n</tool_call>",
    }
    assert results == {
        "role": "user",
        "content": "<tool_response>\npaid\n</tool_response>\n<tool_response>\nopen\n</tool_response>",
    }


def test_a_template_without_a_system_role_gets_its_text_in_the_first_user_turn() -> None:
    messages = make_messages("Seven.", system="Think, then answer.")
    fitted = fit_messages(TOKENIZERS[MODEL_ROLE.name], messages)
    assert [message["role"] for message in fitted] == ["user", "assistant"]
    assert fitted[0]["content"] == "Think, then answer.\n\nWhat is three plus 0?"
    assert list(fit_messages(TOKENIZERS[CHATML.name], messages)) == messages


@pytest.mark.parametrize("style", [ENDLESS, WORD_END], ids=lambda style: style.name)
def test_a_template_that_ends_turns_with_plain_text_is_refused_with_a_cure(style: Style) -> None:
    with pytest.raises(WrongEndToken, match=r"spec\.model\.source: .* special token, or add one"):
        end_of_turn(make_tokenizer(style))


def test_only_assistant_turns_can_be_learnt() -> None:
    with pytest.raises(ValueError, match="message 0 is a user turn"):
        render(TOKENIZERS[CHATML.name], make_messages("Seven."), {0})

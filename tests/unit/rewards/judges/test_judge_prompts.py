"""What judges are told, and what they are shown."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.judges.ensembles import FOUR, item_of

from atlas_api import parse
from atlas_api.rewardservice.judging import Judge
from atlas_rewards.item import Item, by_prompt, conversation
from atlas_rewards.judges.prompt import Case, Question, ask_about, cases, visible_parts
from atlas_rewards.judges.rubric import rubric_text

FULL: dict[str, Any] = {
    "reference": "the reference",
    "baseline": "the baseline",
    "plan": "the plan",
    "teacher_trace": "the guidance",
    "student_trace": "the trace",
    "principles": "the principles",
}


def judge(rubric: str | None = None, **more: Any) -> Judge:
    return parse(Judge, {"name": "one", **({"rubric": rubric} if rubric else {}), **more})


def cases_of(subject: Judge, *items: Item) -> list[Case]:
    return list(cases(subject, [visible_parts(item) for item in items]))


def only_case(subject: Judge, *items: Item) -> Case:
    (case,) = cases_of(subject, *items)
    return case


def question(subject: Judge, *items: Item, limit: int = 60_000, temperature: float = 0.2) -> Question:
    return ask_about(only_case(subject, *items), temperature, limit)


def texts_in(material: str) -> dict[str, str]:
    """The texts in a user message, by name."""
    return dict(re.findall(r"<<([A-Z0-9 ]+) [0-9a-f]{16}>>\n(.*?)\n<<END \1 [0-9a-f]{16}>>", material, re.DOTALL))


@pytest.mark.parametrize(
    ("rubric", "parts"),
    [
        ("accuracy", {"PRINCIPLES", "PROMPT", "REFERENCE", "ANSWER"}),
        ("helpfulness", {"PRINCIPLES", "PROMPT", "REFERENCE", "PLAN", "GUIDANCE", "ANSWER"}),
        ("process", {"PRINCIPLES", "PROMPT", "REFERENCE", "PLAN", "GUIDANCE", "TRACE"}),
        ("diagnostic", {"PRINCIPLES", "PROMPT", "REFERENCE", "PLAN"}),
    ],
)
def test_each_rubric_sees_its_own_parts_and_no_other(rubric: str, parts: set[str]) -> None:
    texts = texts_in(question(judge(rubric), item_of("the answer", "the prompt", **FULL)).material)
    assert set(texts) == parts
    assert all(text == f"the {name.lower()}" for name, text in texts.items())


def test_a_rubric_of_the_users_own_sees_all_that_was_recorded() -> None:
    subject = judge(instructions="Is it polite?")
    assert set(texts_in(question(subject, item_of("a", **FULL)).material)) == {
        "PRINCIPLES", "PROMPT", "REFERENCE", "PLAN", "GUIDANCE", "TRACE", "BASELINE", "ANSWER",
    }  # fmt: skip
    bare = question(subject, item_of("a"))
    assert set(texts_in(bare.material)) == {"PROMPT", "ANSWER"}
    assert "none was recorded" not in bare.material
    assert "Is it polite?" in bare.messages[0]["content"]


def test_what_a_rubric_needs_and_the_item_lacks_is_stated() -> None:
    material = question(judge("accuracy"), item_of("a", reference="  ")).material
    assert "REFERENCE: none was recorded" in material
    assert "PRINCIPLES" not in material


@pytest.mark.parametrize(("rubric", "part"), [("process", "TRACE"), ("diagnostic", "PLAN")])
def test_without_trace_or_plan_the_answer_stands_in(rubric: str, part: str) -> None:
    assert texts_in(question(judge(rubric), item_of("the answer")).material)[part] == "the answer"


@pytest.mark.parametrize("rubric", FOUR)
def test_instructions_are_the_same_whatever_is_judged(rubric: str) -> None:
    one = question(judge(rubric), item_of("{one}", "{score}"))
    other = question(judge(rubric), item_of("%s <|im_end|>", "{0}", **FULL))
    assert one.messages[0] == other.messages[0]
    assert one.messages[0]["role"] == "system"
    assert rubric_text(rubric) in one.messages[0]["content"]


@given(st.text(max_size=300), st.text(max_size=300), st.none() | st.text(max_size=300))
def test_every_text_can_be_told_from_what_is_around_it(completion: str, prompt: str, reference: str | None) -> None:
    material = question(judge("accuracy"), item_of(completion, prompt, reference=reference)).material
    head = re.match(r"Code of this request: ([0-9a-f]{16})\n\n", material)
    assert head
    marks = [line for line in material.split("\n") if head[1] in line]
    names = [name for name, text in (("PROMPT", prompt), ("REFERENCE", reference or "")) if text.strip()] + ["ANSWER"]
    expected = [mark for name in names for mark in (f"<<{name} {head[1]}>>", f"<<END {name} {head[1]}>>")]
    assert marks == [f"Code of this request: {head[1]}", *expected]


def test_texts_are_cut_in_the_middle() -> None:
    texts = texts_in(question(judge("accuracy"), item_of("a" * 500 + "z", "short"), limit=200).material)
    assert len(texts["ANSWER"]) <= 200
    assert texts["ANSWER"].startswith("aaaa")
    assert texts["ANSWER"].endswith("aaaz")
    assert texts["PROMPT"] == "short"


def test_of_several_messages_each_says_who_speaks() -> None:
    system, user = {"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text"}]}
    assert conversation([system, user]) == '[system]\nBe brief.\n\n[user]\n[{"type": "text"}]'
    assert conversation([{"role": "user", "content": "6*7?"}]) == "6*7?"
    assert conversation([]) == ""


def asks_for_weather(city: str) -> list[dict[str, Any]]:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": f'{{"city": "{city}"}}'}}
    return [
        {"role": "user", "content": "How warm is it?", "name": "ada"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "21 C", "tool_call_id": "c1"},
    ]


def test_tool_calls_and_their_results_are_shown() -> None:
    assert conversation(asks_for_weather("Köln")) == (
        '[user]\nHow warm is it?\n{"name":"ada"}\n\n'
        '[assistant]\n{"tool_calls":[{"id":"c1","type":"function","function":'
        '{"name":"weather","arguments":"{\\"city\\": \\"Köln\\"}"}}]}\n\n'
        '[tool]\n21 C\n{"tool_call_id":"c1"}'
    )


@pytest.mark.parametrize("beside", [{}, {"tool_calls": []}, {"tool_calls": None, "name": ""}])
def test_a_message_without_content_says_nothing(beside: dict[str, Any]) -> None:
    assert conversation([{"role": "user", "content": None, **beside}]) == ""


def test_prompts_that_differ_only_in_tool_calls_are_not_compared() -> None:
    items = [Item("21 C", prompt=tuple(asks_for_weather(city))) for city in ("Paris", "Rome")]
    assert by_prompt(items) == [[0], [1]]
    assert len(cases_of(judge("accuracy", mode="group"), *items)) == 2


def test_items_that_look_the_same_are_decided_once() -> None:
    items = [item_of("a"), item_of("b"), item_of("a", baseline="not shown to accuracy")]
    members = [case.candidates[0].members for case in cases_of(judge("accuracy"), *items)]
    assert members == [(0, 2), (1,)]


def test_a_ranking_holds_the_completions_of_one_prompt_and_reference() -> None:
    items = [item_of("a", "p"), item_of("b", "q"), item_of("c", "p"), item_of("d", "p", reference="r")]
    grouped = cases_of(judge("accuracy", mode="group"), *items)
    assert [[candidate.members for candidate in case.candidates] for case in grouped] == [[(0,), (2,)], [(1,)], [(3,)]]


def test_a_completion_without_others_is_not_ranked() -> None:
    alone = question(judge("accuracy", mode="group"), item_of("a"), item_of("a"))
    assert alone == question(judge("accuracy"), item_of("a"))


def test_completions_share_the_room_of_one() -> None:
    items = [item_of(str(number) * 1000) for number in range(4)]
    texts = texts_in(question(judge("accuracy", mode="group"), *items, limit=1200).material)
    assert all(len(text) <= 300 for name, text in texts.items() if name.startswith("C"))


@given(st.permutations(["a", "b", "c", "d", "e"]), st.sampled_from([0.2, 0.5, 0.8]))
def test_the_order_of_the_batch_does_not_show_in_a_ranking(order: list[str], temperature: float) -> None:
    subject = judge("accuracy", mode="group")
    items = {completion: item_of(completion) for completion in order}
    mixed = question(subject, *items.values(), temperature=temperature)
    sorted_ = question(subject, *(items[completion] for completion in sorted(order)), temperature=temperature)
    assert mixed.messages == sorted_.messages
    texts = texts_in(mixed.material)
    assert [texts[f"{name} ANSWER"] for name in mixed.names] == order


def test_at_another_temperature_candidates_stand_in_another_order() -> None:
    items = [item_of(letter) for letter in "abcdefgh"]
    subject = judge("accuracy", mode="group")
    orders = {question(subject, *items, temperature=value).names for value in (0.2, 0.5, 0.8)}
    assert len(orders) == 3


def test_each_place_of_a_ranking_is_taken_by_the_right_completion_equally_often() -> None:
    subject = judge("accuracy", mode="group")
    firsts = [
        question(subject, *(item_of(answer, f"prompt {number}") for answer in ("right", "wrong"))).names[0]
        for number in range(200)
    ]
    assert 70 < firsts.count("C1") < 130


def test_the_large_model_sees_opinions_as_material() -> None:
    case = only_case(judge("accuracy"), item_of())
    subject = ask_about(case, 0.3, 60_000, "Score 0.20\n<|im_end|>")
    assert texts_in(subject.material)["OPINIONS"] == "Score 0.20\n<\\|im_end|>"
    assert rubric_text("protocol/review") in subject.messages[0]["content"]
    assert "Score 0.20" not in subject.messages[0]["content"]

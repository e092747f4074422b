"""Answers and references are compared in one form; a completion without the demanded form gets what the recipe says."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_api import parse
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.training.reward import Answer, Reward
from atlas_rewards import Item, Score, build_scorer
from atlas_rewards.safety.reward_hacking import detect_reward_hacking
from atlas_rewards.scorer import verifiers_of
from atlas_rewards.verifiers import MAX_CHARACTERS
from atlas_rewards.verifiers.answer import answered

ENVELOPE = {"from": "envelope"}
EXACT = {"name": "exact", "exactMatch": {}}
FORM = {
    "name": "form",
    "jsonSchema": {"schema": {"type": "object", "required": ["result"], "properties": {"result": {"type": "object"}}}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def envelope(deliverable: Any, **beside: Any) -> str:
    return json.dumps({"result": {"deliverable": deliverable, "artifacts": None}, **beside})


def form(text: str, reference: str | None = None, **answer: Any) -> tuple[str, str | None] | None:
    """Completion and reference as they are compared. Without keywords the form is the SDK's envelope."""
    item = answered(Item(text, reference), parse(Answer, answer or ENVELOPE))
    return None if item is None else (item.completion, item.reference)


def answer_in(text: str, **answer: Any) -> str | None:
    found = form(text, **answer)
    return found and found[0]


def scored(item: Item, *verifiers: dict[str, Any], **answer: Any) -> Score:
    answer = answer or ENVELOPE
    return build_scorer(parse(Reward, {"verifiers": list(verifiers) or [EXACT], "answer": answer})).score(item)


def test_the_answer_in_an_envelope_equals_the_bare_reference() -> None:
    assert scored(Item(envelope("Refunded"), "Refunded")).value == 1.0
    assert scored(Item(envelope("Shipped"), "Refunded")).value == 0.0


def test_a_reference_that_is_an_envelope_gives_its_answer_too() -> None:
    first, second = envelope({"a": 1, "b": [2.0]}), '{"result": {"deliverable": {"b": [2], "a": 1}}}'
    assert form(first, second) == ('{"a":1,"b":[2]}', '{"a":1,"b":[2]}')


@pytest.mark.parametrize(
    "around",
    ["{}", " \n{}\n", "```json\n{}\n```", "```{}```", "```\n json {}\n```\n", "```json\n{}"],
)
def test_a_fence_around_the_form_is_no_part_of_it(around: str) -> None:
    assert answer_in(around.replace("{}", envelope("Refunded"))) == "Refunded"


@pytest.mark.parametrize(
    "text",
    [
        "Refunded",
        "",
        "null",
        "[]",
        '{"deliverable": "Refunded"}',
        '{"result": "Refunded"}',
        '{"result": {"artifacts": null}}',
        '{"result": [{"deliverable": "Refunded"}]}',
        '{"result": {"deliverable": "Refunded"}',
        envelope(None),
        "Here it is: " + envelope("Refunded"),
        envelope("Refunded") + " That is all.",
        '{"result": {"deliverable": NaN}}',
        '{"result": {"deliverable": 1e999}}',
        '{"result": {"deliverable": ' + "9" * 5000 + "}}",
        '{"result": {"deliverable": ' + "[" * 200 + "]" * 200 + "}}",
        '{"result": {"deliverable": ' + "[" * 100_000 + "]" * 100_000 + "}}",
    ],
)
def test_what_lacks_the_demanded_form_has_no_answer(text: str) -> None:
    assert answer_in(text) is None


def test_a_completion_without_the_form_gets_what_the_recipe_says_from_each_verifier_of_the_answer() -> None:
    verifiers = [
        EXACT,
        {"name": "number", "numeric": {}},
        {"name": "close", "referenceSimilarity": {}},
        {"name": "found", "regex": {"pattern": "42"}},
        {"name": "own", "python": {"entryPoint": "builtins:len"}},
    ]
    assert scored(Item("42", "42"), *verifiers).parts == {
        "exact": 0.0, "number": 0.0, "close": 0.0, "found": 0.0, "own": 0.0,
    }  # fmt: skip
    assert scored(Item("42", "42"), **ENVELOPE, missing=0.25).value == 0.25


def test_form_verifiers_read_the_whole_completion_and_give_partial_credit() -> None:
    length = {"name": "length", "length": {"target": 1, "limit": 101}}
    with_form, without = envelope("41"), "42"
    assert scored(Item(with_form, "42"), EXACT, FORM).parts == {"exact": 0.0, "form": 1.0}
    assert scored(Item(without, "42"), EXACT, FORM).parts == {"exact": 0.0, "form": 0.0}
    assert scored(Item(with_form), length).value == pytest.approx(1 - (len(with_form) - 1) / 100)


def test_without_a_reference_nobody_can_compare_whatever_the_form() -> None:
    for completion in (envelope("42"), "42"):
        assert scored(Item(completion)).value is None
    assert scored(Item("42"), {"name": "found", "regex": {"pattern": "42"}}).value == 0.0


def test_a_reference_that_says_there_is_no_answer_is_none() -> None:
    assert form(envelope("Refunded"), envelope(None)) == ("Refunded", None)


def test_a_recorded_call_of_a_tool_is_compared_as_it_stands() -> None:
    call = 'Let me see.\n<tool_call>\n{"name": "look_up", "arguments": {"order": 12}}\n</tool_call>'
    assert scored(Item(call, call)).value == 1.0
    assert scored(Item(envelope("paid"), call)).value == 0.0
    assert scored(Item(call, "paid")).value == 0.0
    assert scored(Item(call)).value is None


@pytest.mark.parametrize(
    ("deliverable", "reference", "equal"),
    [
        (12, "12", True),
        ("12", "12", True),
        (12.0, "12", True),
        (12, envelope(12.0), True),
        (1e3, "1000", True),
        (-0.0, "0", True),
        (0.1, "0.1", True),
        (True, "true", True),
        ("12.0", "12.0", True),
        (12.0, "12.0", False),
        ("1.10", "1.1", False),
        ({"b": 1, "a": "é"}, '{"a": "\\u00e9", "b": 1.0}', True),
        ('{"b": 1, "a": 2}', '{"a":2,"b":1}', True),
        ([1, 2], "[1,  2]", True),
        ([1, 2], "[2, 1]", False),
        ("not [JSON", "not [JSON", True),
        ("", " ", False),
    ],
)
def test_what_counts_as_equal(deliverable: Any, reference: str, equal: bool) -> None:
    completion, wanted = form(envelope(deliverable), reference) or ("", None)
    assert (completion == wanted) is equal


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("answer", '{"answer": "Refunded"}', "Refunded"),
        ("answers.0.text", '{"answers": [{"text": "yes"}, {"text": "no"}]}', "yes"),
        ("1", "[1, 2]", "2"),
        ("0", '{"0": "a key"}', "a key"),
        ("2", "[1, 2]", None),
        ("-1", "[1, 2]", None),
        ("01", "[1, 2]", None),
        ("answer.text", '{"answer": "Refunded"}', None),
        ("answer", '{"answer": null}', None),
    ],
)
def test_a_path_leads_into_json_by_keys_and_places(path: str, text: str, found: str | None) -> None:
    assert answer_in(text, **{"from": "jsonPath"}, path=path) == found


def test_as_text_nothing_is_touched() -> None:
    item = Item(envelope("42"), '{"b": 1, "a": 2}')
    assert answered(item, Answer()) is item


def test_an_answer_that_grows_beyond_what_is_read_is_not_read() -> None:
    digits = ",".join(["9e14"] * (MAX_CHARACTERS // 6))
    score = scored(Item(f'{{"result": {{"deliverable": [{digits}]}}}}', "42"))
    assert score.value is None
    assert "is not read" in score.reasons["exact"]


def test_verifiers_of_a_reward_service_read_the_answer_as_its_manifest_says() -> None:
    spec = parse(
        RewardServiceSpec,
        {
            "judges": [{"name": "accuracy", "rubric": "accuracy"}],
            "models": {"small": {"model": "m", "baseUrl": "http://models/v1"}},
            "verifiers": [EXACT],
            "answer": ENVELOPE,
        },
    )
    verifiers = verifiers_of(spec)
    assert verifiers is not None
    assert verifiers.score(Item(envelope("Refunded"), "Refunded")).value == 1.0
    assert verifiers.score(Item("Refunded", "Refunded")).value == 0.0


def test_the_recorded_answer_in_its_envelope_is_no_reward_hacking_and_an_empty_one_is() -> None:
    rules = RewardServiceSpec.model_fields["anti_gaming"].default
    refrain = "la " * 60

    def found(completion: str, reference: str) -> tuple[str, ...]:
        item = Item(completion, reference)
        return detect_reward_hacking(item, rules, answered(item, parse(Answer, ENVELOPE)))

    assert found(envelope(refrain), refrain) == ()
    assert found(envelope(refrain), "another") == ("repeated",)
    assert found(envelope("..."), "another") == ("empty",)


@settings(deadline=None)
@given(JSON, st.sampled_from([None, 2]), st.booleans())
def test_the_spelling_of_the_json_never_matters(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps({"result": {"deliverable": value}}, indent=indent, ensure_ascii=ascii_only)
    reversed_keys = json.dumps({"x": 1, "result": {"artifacts": {}, "deliverable": value}})
    if value is None:
        assert form(text) is None
    else:
        completion, reference = form(text, reversed_keys) or ("", None)
        assert completion == reference


@settings(deadline=None)
@given(JSON)
def test_an_answer_keeps_its_value(value: Any) -> None:
    found = answer_in(envelope(value))
    if value is None:
        assert found is None
    elif isinstance(value, str):
        assert found == value or json.loads(found or "") == json.loads(value)
    else:
        assert json.loads(found or "") == value


@settings(deadline=None)
@given(st.text() | JSON.map(envelope), st.none() | st.text() | JSON.map(json.dumps), st.sampled_from(["0", "result"]))
def test_whatever_the_texts_hold_there_is_a_score_or_a_reason(text: str, reference: str | None, path: str) -> None:
    score = scored(Item(text, reference), EXACT, FORM, **{"from": "jsonPath"}, path=path)
    assert score.parts["form"] in (0.0, 1.0)
    assert (score.parts["exact"] is None) is ("exact" in score.reasons)

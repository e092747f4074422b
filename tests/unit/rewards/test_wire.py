"""Items are read one by one, and nothing that JSON can hold makes reading them fail."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_api.scoring import Correction, ItemResult, JudgeResult, Principle, Sample, ScoreResponse
from atlas_api.text import escaped
from atlas_rewards import Item
from atlas_rewards.wire import NotARequest, items_in, read_item, response_bytes

FIELDS = ("completion", "response", "prompt", "reference", "baseline", "plan", "teacherTrace", "studentTrace")

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON | st.dictionaries(st.sampled_from([*FIELDS, "principles", "metadata"]), _JSON, max_size=6))
def test_every_document_is_an_item_or_a_result_without_a_score(document: Any) -> None:
    read = read_item(document, 3)
    if isinstance(read, ItemResult):
        assert read.score is None
        assert read.reasons
        assert all(reason.startswith("items[3]") and reason == escaped(reason) for reason in read.reasons)
    else:
        assert isinstance(read, Item)


@given(st.dictionaries(st.sampled_from(["reference", "baseline", "plan", "principles"]), st.text(), max_size=4))
def test_every_text_arrives_as_it_was_sent(texts: dict[str, str]) -> None:
    read = read_item({"completion": "It is 42.", **texts}, 0)
    assert isinstance(read, Item)
    assert all(getattr(read, name) == text for name, text in texts.items())


def test_a_prompt_of_text_is_what_the_user_said() -> None:
    read = read_item({"completion": "42", "prompt": "What?"}, 0)
    assert isinstance(read, Item)
    assert [dict(message) for message in read.prompt] == [{"role": "user", "content": "What?"}]


def test_further_fields_of_a_message_are_kept() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    read = read_item({"completion": "42", "prompt": [call]}, 0)
    assert isinstance(read, Item)
    assert [dict(message) for message in read.prompt] == [call]


def test_an_item_nested_deeper_than_the_interpreter_recurses_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    read = read_item({"completion": "x", "metadata": {"a": deep}}, 0)
    assert isinstance(read, ItemResult)
    assert "nested" in read.reasons[0]


MANY = {
    "wrong messages": {"completion": "x", "prompt": [0] * 200_000},
    "wrong fields of messages": {"completion": "x", "prompt": [{"role": 1, "content": 2}] * 50_000},
    "unknown fields": {"completion": "x"} | {f"k{number}": 0 for number in range(100_000)},
    "an unknown field with a long name": {"completion": "x", "k" * 1_000_000: 0},
    "wrong texts that are long": {name: ["y" * 100_000] for name in FIELDS},
}


@pytest.mark.parametrize("mistakes", MANY)
def test_an_answer_about_mistakes_is_short_however_many_there_are(mistakes: str) -> None:
    read = read_item(MANY[mistakes], 0)
    assert isinstance(read, ItemResult)
    assert 1 <= len(read.reasons) <= 32
    assert sum(map(len, read.reasons)) < 10_000


@pytest.mark.parametrize("document", [None, [], {}, {"items": []}, {"items": {}}, {"items": [1], "more": 2}, "items"])
def test_what_is_no_request_is_refused_as_a_whole(document: Any) -> None:
    with pytest.raises(NotARequest):
        items_in(document)


def test_results_are_written_in_camel_case_with_null_for_unknown() -> None:
    sample = Sample(0.5, 0.1, "Fine.", (Principle("clarity", 1.0),), 0.2, "small")
    judge = JudgeResult("accuracy", None, samples=(sample,), escalated=True, corrections=(Correction("r", 0.5, 0.4),))
    (one,) = json.loads(response_bytes("abc", [ItemResult(None, (judge,), {"right": None}, uncapped=0.5)]))["results"]
    assert (one["score"], one["uncapped"], one["verifiers"]) == (None, 0.5, {"right": None})
    assert one["judges"][0]["escalationReason"] is None
    assert one["judges"][0]["corrections"] == [{"rule": "r", "before": 0.5, "after": 0.4}]
    assert one["judges"][0]["samples"][0]["temperature"] == 0.2


def test_results_of_older_and_of_newer_services_are_read() -> None:
    judge = JudgeResult("accuracy", None, reason="timeout: no answer", causes=("timeout",))
    document = json.loads(response_bytes("abc", [ItemResult(None, (judge,))]))
    (one,) = document["results"][0]["judges"]
    assert one.pop("causes") == ["timeout"]
    for place in (document, document["results"][0], one):
        place["later"] = {"more": 1}
    (read,) = ScoreResponse.model_validate_json(json.dumps(document)).results
    assert read == ItemResult(None, (JudgeResult("accuracy", None, reason="timeout: no answer"),))


def test_the_content_of_a_message_is_text_or_parts_as_they_are() -> None:
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    read = read_item({"completion": "42", "prompt": [{"role": "user", "content": parts}]}, 0)
    assert isinstance(read, Item)
    assert read.prompt[0]["content"] == parts


@pytest.mark.parametrize("content", [5, True, {"text": "What?"}])
def test_a_message_with_other_content_says_so(content: Any) -> None:
    read = read_item({"completion": "42", "prompt": [{"role": "user", "content": content}]}, 0)
    assert isinstance(read, ItemResult)
    (reason,) = read.reasons
    assert reason.startswith("items[0].prompt[0].content: ")
    assert "it must be text or a list of parts" in reason

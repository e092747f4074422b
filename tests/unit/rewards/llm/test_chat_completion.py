"""The chat-completion protocol: what is sent, what is made of what comes back."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_api.rewardservice.judging import JudgeModel
from atlas_api.text import escaped
from atlas_rewards.llm.chat_completion import CallFailed, read_completion, read_error, request_body

URL = "http://127.0.0.1/v1"


def response(message: Any, usage: Any = None, finish_reason: str = "stop") -> bytes:
    return json.dumps({"choices": [{"message": message, "finish_reason": finish_reason}], "usage": usage}).encode()


def failure(body: bytes) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        read_completion(body)
    return caught.value


def test_a_request_says_model_messages_temperature_and_length() -> None:
    body = request_body(JudgeModel(model="m", base_url=URL, max_tokens=99), [{"role": "user", "content": "é"}], 0.2)
    assert json.loads(body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "é"}],
        "temperature": 0.2,
        "max_tokens": 99,
    }


def test_extra_fields_are_passed_on_and_null_leaves_a_field_out() -> None:
    extra = {"reasoning_effort": "low", "max_tokens": None, "max_completion_tokens": 50, "temperature": 1}
    sent = json.loads(request_body(JudgeModel(model="m", base_url=URL, extra=extra), [], 0.2))
    assert sent == {
        "model": "m", "messages": [], "temperature": 1, "reasoning_effort": "low", "max_completion_tokens": 50,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "yes"}, "yes"),
        ({"content": [{"type": "text", "text": "y"}, {"type": "image"}, {"type": "text", "text": "es"}]}, "yes"),
        ({"content": None, "tool_calls": [{"function": {"arguments": '{"score": 1}'}}]}, '{"score": 1}'),
        ({"content": "", "tool_calls": [{"function": {"arguments": {"score": 1}}}]}, '{"score": 1}'),
        ({"content": None, "parsed": {"score": 1}}, '{"score": 1}'),
        ({"content": {"score": 1}}, '{"score": 1}'),
    ],
)
def test_text_is_found_wherever_servers_put_it(message: dict[str, Any], text: str) -> None:
    assert read_completion(response(message)).text == text


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [({"total_tokens": 7}, 7), (None, None), ({}, None), ({"total_tokens": "7"}, None), ({"total_tokens": True}, None),
     ({"total_tokens": -1}, None), ({"total_tokens": 7.0}, None), ({"total_tokens": 10**400}, None), ([], None)],
)  # fmt: skip
def test_tokens_are_believed_when_they_are_a_number(usage: Any, tokens: int | None) -> None:
    assert read_completion(response({"content": "yes"}, usage)).tokens == tokens


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"\xff", b"[]", b"{}", b"null", b"7", b'{"choices": []}', b'{"choices": [7]}', b"[" * 100_000,
     b'{"choices": [{"message": null}]}', b'{"choices": {"a": 1}}'],
)  # fmt: skip
def test_what_is_no_completion_is_malformed_and_may_be_asked_again(body: bytes) -> None:
    failed = failure(body)
    assert (failed.reason, failed.again, failed.endpoint) == ("malformed", True, "failing")


@pytest.mark.parametrize(
    ("message", "finish_reason", "says"),
    [
        ({"content": None}, "stop", "without text"),
        ({"content": " \n"}, "stop", "without text"),
        ({"content": 7}, "stop", "without text"),
        ({"content": None}, "length", "maxTokens"),
        ({"content": None, "refusal": "I cannot."}, "stop", "declines"),
    ],
)
def test_a_model_that_says_nothing_is_not_asked_again(message: Any, finish_reason: str, says: str) -> None:
    failed = failure(response(message, finish_reason=finish_reason))
    assert (failed.reason, failed.again, failed.endpoint) == ("noText", False, "alive")
    assert says in str(failed)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(0, 10**400) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("total_tokens") | st.text(max_size=5), inner),
)


@given(ANYTHING | ANYTHING.map(lambda total: {"total_tokens": total}))
def test_whatever_is_said_of_tokens_is_a_number_that_can_be_counted_or_nothing(usage: Any) -> None:
    tokens = read_completion(response({"content": "yes"}, usage)).tokens
    assert tokens is None or (type(tokens) is int and 0 <= tokens <= 10**9)


@pytest.mark.parametrize(
    ("finish_reason", "cut"), [("stop", False), ("length", True), (None, False), (["length"], False)]
)
def test_an_answer_that_ended_at_the_longest_length_says_so(finish_reason: Any, cut: bool) -> None:
    assert read_completion(response({"content": "yes"}, finish_reason=finish_reason)).cut is cut


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["choices", "message", "content", "tool_calls", "usage", "type"]), inner),
).map(lambda document: json.dumps(document).encode()))  # fmt: skip
def test_no_body_raises_anything_else(body: bytes) -> None:
    with suppress(CallFailed):
        assert read_completion(body).text.strip()


@pytest.mark.parametrize(
    ("status", "reason", "again", "endpoint"),
    [
        (301, "refused", False, "failing"),
        (400, "refused", False, "alive"),
        (401, "refused", False, "alive"),
        (404, "refused", False, "alive"),
        (408, "overloaded", True, "busy"),
        (413, "refused", False, "alive"),
        (422, "refused", False, "alive"),
        (429, "overloaded", True, "busy"),
        (500, "overloaded", True, "failing"),
        (503, "overloaded", True, "failing"),
        (529, "overloaded", True, "failing"),
    ],
)
def test_statuses_say_whether_to_try_again_and_how_the_endpoint_is(
    status: int, reason: str, again: bool, endpoint: str
) -> None:
    failed = read_error(status, b"", 2.0)
    assert (failed.reason, failed.again, failed.endpoint) == (reason, again, endpoint)
    assert failed.retry_after == (2.0 if again else None)


def test_an_error_is_told_in_one_short_line() -> None:
    body = json.dumps({"error": {"message": "too\nlong\x1b[31m" + "x" * 1000}}).encode()
    message = str(read_error(400, body, None))
    assert message.startswith("answers 400 Bad Request: too\\nlong\\u001b[31mxxx")
    assert message.isprintable()
    assert len(message) < 250


def test_a_refused_key_is_told_in_the_words_of_the_endpoint_without_what_they_show_of_the_key() -> None:
    key = "sk-proj-abcdefghijklmnop-wxyz"
    body = json.dumps({"error": {"message": "Incorrect API key provided: sk-proj-****wxyz. You can find it."}}).encode()
    assert (
        str(read_error(401, body, None, key))
        == "answers 401 Unauthorized: Incorrect API key provided: *** You can find it; check apiKeyFrom"
    )


KEY = "sk-test/ab+cd/ef=="
SPELLINGS = (KEY, KEY.replace("/", "\\/"), "".join(f"\\u{ord(letter):04x}" for letter in KEY))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_key_is_in_no_text_however_the_endpoint_writes_it(spelling: str) -> None:
    body = response({"content": "I refuse KEY."}).replace(b"KEY", spelling.encode())
    assert read_completion(body, KEY).text == "I refuse ***."
    error = json.dumps({"error": {"message": "x" * 190 + " KEY"}}).replace("KEY", spelling).encode()
    assert str(read_error(400, error, None, KEY)).endswith("xxx ***")


def test_a_placeholder_of_a_key_does_not_tear_a_verdict() -> None:
    assert read_completion(response({"content": '{"score": 1}'}), "score").text == '{"score": 1}'


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"error": {"message": "too long"}}, "answers 400 Bad Request: too long"),
        (400, {"error": "too long"}, "answers 400 Bad Request: too long"),
        (400, {"message": "too long"}, "answers 400 Bad Request: too long"),
        (400, {"detail": "pinned to m"}, "answers 400 Bad Request: pinned to m"),
        (400, {"detail": [{"loc": ["body"], "msg": "no dictionary"}]}, "answers 400 Bad Request: no dictionary"),
        (404, {"detail": "Not Found"}, "answers 404 Not Found; check baseUrl and model"),
        (404, {"error": {"message": "no model m"}}, "answers 404 Not Found: no model m; check baseUrl and model"),
        (405, {"detail": "Method Not Allowed"}, "answers 405 Method Not Allowed; check baseUrl"),
        (301, {}, "answers 301 Moved Permanently; check baseUrl"),
        (400, {"detail": []}, "answers 400 Bad Request"),
        (400, {"detail": [7]}, "answers 400 Bad Request"),
        (400, [], "answers 400 Bad Request"),
        (
            402,
            {"error": {"message": "no credit"}},
            "answers 402 Payment Required: no credit; check the account behind apiKeyFrom",
        ),
        (
            400,
            [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}],
            "answers 400 Bad Request: API key not valid",
        ),
        (
            404,
            {"error": "Not Found", "message": "no deployment", "path": "/v1"},
            "answers 404 Not Found: no deployment; check baseUrl and model",
        ),
        (429, {"error": {"message": "quota exceeded"}}, "answers 429 Too Many Requests: quota exceeded"),
        (503, {"error": {"message": "model is loading"}}, "answers 503 Service Unavailable: model is loading"),
        (400, {"error": {"error": {"error": {"message": "deep"}}}}, "answers 400 Bad Request: deep"),
        (400, {"message": 7, "error": {"message": {"message": "not here"}}}, "answers 400 Bad Request"),
    ],
)
def test_what_the_endpoint_says_and_what_to_check_is_told(status: int, body: Any, message: str) -> None:
    assert str(read_error(status, json.dumps(body).encode(), None)) == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"upstream is gone\n", "answers 502 Bad Gateway: upstream is gone"),
        (b"\xef\xbb\xbfupstream", "answers 502 Bad Gateway: upstream"),
        (b"<html><head><title>Just a moment &amp; more</title></head></html>",
         "answers 502 Bad Gateway: Just a moment & more"),
        (b"<?xml version='1.0'?><Error><Code>X</Code><Message>denied</Message></Error>",
         "answers 502 Bad Gateway: denied"),
        (b"<html>" + b"<title" * 100_000, "answers 502 Bad Gateway"),
        (b"\xff\xfe\x00garbage", "answers 502 Bad Gateway"),
        (b"[" * 100_000, "answers 502 Bad Gateway"),
        (b"", "answers 502 Bad Gateway"),
        ("\u202eevil\x1b[31m".encode(), "answers 502 Bad Gateway: \\u202eevil\\u001b[31m"),
    ],
)  # fmt: skip
def test_words_are_found_in_texts_and_pages_too(body: bytes, message: str) -> None:
    assert str(read_error(502, body, None)) == message


@pytest.mark.parametrize(
    ("document", "reason", "message"),
    [
        ({"error": {"code": 402, "message": "Insufficient credits"}}, "refused",
         "answers 402 Payment Required: Insufficient credits; check the account behind apiKeyFrom"),
        ({"error": {"code": "402", "message": "Insufficient credits"}}, "refused",
         "answers 402 Payment Required: Insufficient credits; check the account behind apiKeyFrom"),
        ({"error": {"status": 429, "message": "slow down"}}, "overloaded",
         "answers 429 Too Many Requests: slow down"),
        ({"code": 401, "msg": "who are you"}, "refused",
         "answers 401 Unauthorized: who are you; check apiKeyFrom"),
        ([{"error": {"code": 404, "message": "no model"}}], "refused",
         "answers 404 Not Found: no model; check baseUrl and model"),
        ({"choices": [{"finish_reason": "error", "message": {"content": "half a"},
                       "error": {"code": 502, "message": "provider broke"}}]}, "overloaded",
         "answers 502 Bad Gateway: provider broke"),
        ({"error": {"code": "invalid_api_key", "message": "wrong key"}}, "malformed",
         "answers something that is no chat completion, and says: wrong key"),
        ({"error": {"code": 200}}, "malformed", "answers something that is no chat completion"),
        ({"error": {"code": True, "message": "x"}}, "malformed",
         "answers something that is no chat completion, and says: x"),
        ({"error": {"code": 10**400, "message": "x"}}, "malformed",
         "answers something that is no chat completion, and says: x"),
    ],
)  # fmt: skip
def test_an_error_in_a_success_is_the_error_that_it_names(document: Any, reason: str, message: str) -> None:
    failed = failure(json.dumps(document).encode())
    assert (failed.reason, str(failed)) == (reason, message)


def test_an_error_beside_a_text_is_no_error() -> None:
    document = {"error": {"code": 402}, "choices": [{"message": {"content": "yes"}}]}
    assert read_completion(json.dumps(document).encode()).text == "yes"


@pytest.mark.parametrize("body", [b'{"choices": [' + b"[]," * 60_000 + b"0]}", b"[" * 70 + b"]" * 70, b" " * 5_000_000])
def test_a_completion_over_its_budget_is_told_and_not_read(body: bytes) -> None:
    assert str(failure(body)).startswith("answers JSON that is ")


@given(st.binary(max_size=100) | ANYTHING.map(lambda document: json.dumps(document).encode()))
def test_whatever_an_error_holds_it_is_one_printable_line(body: bytes) -> None:
    message = str(read_error(400, body, None, "sk-1234567890"))
    assert message == escaped(message)
    assert len(message) < 250

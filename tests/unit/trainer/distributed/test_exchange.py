"""Messages between processes: what they can hold, and what is refused in them."""

import pickle
from typing import Any

import pytest

from atlas_api.errors import UntrustedPeer
from atlas_trainer.distributed.exchange import decode, encode

VALUES: list[Any] = [
    None,
    True,
    -1,
    0.1 + 0.2,
    5e-324,
    "",
    "ü\u2028\0 </script>",
    "\ud800",
    [],
    [[0.5, None], ["rev-1"]],
    {"value": {"a": [1, {"b": None}]}},
    [f"completion {number}" for number in range(1000)],
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(value)[:20].encode("ascii", "replace").decode())
def test_a_value_arrives_as_it_was_sent(value: Any) -> None:
    assert decode(encode(value), "process 1") == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")], b"bytes", {1, 2}, object()])
def test_what_json_has_no_form_for_is_not_sent(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(value)


HOSTILE = {
    "nothing": b"",
    "a pickle, protocol 0": pickle.dumps({"value": 1}, 0),
    "a pickle, protocol 5": pickle.dumps({"value": 1}, 5),
    "a pickle behind JSON": b"1 " + pickle.dumps(1),
    "two documents": b"1 2",
    "half a document": b'{"value": [1, 2',
    "NaN": b"[NaN]",
    "an infinity": b"[-Infinity]",
    "a number beyond all": b"[1e999]",
    "an integer of a million digits": b"[" + b"9" * 1_000_000 + b"]",
    "no UTF-8": b'"\xff\xfe"',
    "UTF-16": '{"value": 1}'.encode("utf-16"),
    "zeros": bytes(4096),
    "a hundred thousand levels": b"[" * 100_000 + b"]" * 100_000,
    "sixty-five levels": b"[" * 65 + b"]" * 65,
    "objects in objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "three million values": b"[" + b"[]," * 3_000_000 + b"1]",
    "three million numbers": b"[" + b"1," * 3_000_000 + b"1]",
    "a comment": b"1 // one",
    "Python": b"{'value': None}",
    "a bare word": b"value",
    "a control character in a text": b'"a\nb"',
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_message_is_refused_and_not_repeated(message: bytes) -> None:
    with pytest.raises(UntrustedPeer, match=r"^process 1 sent .* bytes that are no message of atlas-core") as refused:
        decode(message, "process 1")
    assert len(str(refused.value)) < 300

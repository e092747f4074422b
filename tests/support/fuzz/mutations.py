"""Documents and texts, changed at random: by their structure, by their letters, and by what usually breaks readers."""

import copy
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

ODD_VALUES: Sequence[Callable[[Random], Any]] = (
    lambda random: None,
    lambda random: random.choice([True, False]),
    lambda random: random.choice([0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400]),
    lambda random: random.choice([0.0, -0.0, 0.5, 1e-320, 1e308, 1.7976931348623157e308, float("inf"), float("nan")]),
    lambda random: random.choice(
        ["", " ", "\n", "\0", "\ud83d", "\udc00x", "\ufeff", "\u202e", "é" * 300, "x" * 70_000]
    ),
    lambda random: random.choice(["1", "1e999", "NaN", "null", "true", "2026-01-01", "infinity", "0x10", "10:30"]),
    lambda random: random.choice(["[]", '{"a": [1]}', "[" * 300, '"', "\\", "{'a': 1}", "[" + "[]," * 2000 + "1]"]),
    lambda random: random.choice(["../../x", "/dev/zero", "s3://b/../c", "http://[::1", "file:///etc/passwd", "~"]),
    lambda random: [],
    lambda random: {},
    lambda random: [[]] * random.choice([1, 100, 3000]),
    lambda random: nested(random.choice([3, 64, 65, 300])),
    lambda random: {random.choice(["", "a", "é", "a.b", "<<"]): 1},
    lambda random: {str(number): number for number in range(random.choice([3, 300]))},
)
"""Values that are of another type, at a limit or beyond it."""


def nested(depth: int) -> Any:
    """A list in a list, *depth* deep."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def mutated(document: Any, random: Random, pool: Sequence[Any]) -> Any:
    """A copy of *document* with one to four changes of its structure. *pool*: documents that parts are taken from."""
    changed = [copy.deepcopy(document)]
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        random.choice(_CHANGES)(changed, random, pool)
    return changed[0]


def mutated_bytes(content: bytes, random: Random, tokens: Sequence[bytes]) -> bytes:
    """*content* with one to eight changes of its bytes; *tokens* are what its readers look at."""
    changed = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 8])):
        place = random.randrange(len(changed) + 1)
        end = min(len(changed), place + random.choice([0, 1, 1, 2, 10, 200]))
        part = bytes(changed[place:end])
        changed[place:end] = random.choice(
            [
                b"",
                bytes([random.randrange(256)]),
                random.choice(tokens),
                random.choice(tokens) * random.choice([2, 50, 2000]),
                part * 2,
                part[::-1],
                b"".join(random.sample(list(tokens), min(len(tokens), 3))),
            ]
        )
    if random.random() < 0.1:
        del changed[random.randrange(len(changed) + 1) :]
    return bytes(changed)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in *value* with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    found = [(value, key) for key in keys]
    for key in keys:
        found += _places(value[key])
        if len(found) > 5000:
            break
    return found


def _place(root: list[Any], random: Random) -> tuple[Any, Any]:
    return random.choice(_places(root))


def _put_odd(root: list[Any], random: Random, pool: Sequence[Any]) -> None:
    inside, key = _place(root, random)
    inside[key] = random.choice(ODD_VALUES)(random)


def _put_other(root: list[Any], random: Random, pool: Sequence[Any]) -> None:
    inside, key = _place(root, random)
    other, other_key = _place([random.choice(pool)], random)
    inside[key] = copy.deepcopy(other[other_key])


def _take_out(root: list[Any], random: Random, pool: Sequence[Any]) -> None:
    inside, key = _place(root, random)
    if inside is not root:
        del inside[key]


def _rename(root: list[Any], random: Random, pool: Sequence[Any]) -> None:
    inside, key = _place(root, random)
    if isinstance(inside, dict) and isinstance(key, str):
        slips = [key[:-1], key + "s", key.lower(), key.upper(), key.replace("a", "á"), " " + key, "", "x" * 2000]
        inside[random.choice(slips)] = inside.pop(key)


def _wrap(root: list[Any], random: Random, pool: Sequence[Any]) -> None:
    inside, key = _place(root, random)
    inside[key] = random.choice([[inside[key]], {"a": inside[key]}, [inside[key]] * 40])


def _unwrap(root: list[Any], random: Random, pool: Sequence[Any]) -> None:
    inside, key = _place(root, random)
    value = inside[key]
    if isinstance(value, dict | list) and value:
        inside[key] = random.choice(list(value.values()) if isinstance(value, dict) else value)


def _repeat(root: list[Any], random: Random, pool: Sequence[Any]) -> None:
    inside, key = _place(root, random)
    value = inside[key]
    if isinstance(value, list):
        inside[key] = [copy.deepcopy(entry) for entry in value for _ in range(random.choice([2, 20]))][:2000]
    elif isinstance(value, str):
        inside[key] = (value * random.choice([2, 1000]))[:100_000]


_CHANGES = (_put_odd, _put_odd, _put_odd, _put_other, _take_out, _rename, _wrap, _unwrap, _repeat)

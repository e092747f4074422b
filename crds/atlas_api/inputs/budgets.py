"""
Budgets of what comes from outside: how many bytes, values and levels each reader takes, and how far data may unpack.

Whoever reads a manifest, a line of traces, an answer over HTTP, a status or a checkpoint's manifest takes its budget
from here. A byte limit alone does not bound memory: two bytes of JSON (`[]`) are 56 bytes of Python, and YAML's aliases
grow by a power.
"""

import gc
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class Budget:
    """What one document may cost."""

    bytes: int
    """Length of the document, unpacked."""

    values: int
    """Texts, numbers, lists and mappings, those of all levels together."""

    depth: int = 64
    """Lists and mappings within each other."""


MANIFEST = Budget(1 * _MIB, 50_000)
"""A manifest, or a file of them. The cluster's store takes no object above 1.5 MiB."""

RUN_FILE = Budget(1 * _MIB, 50_000)
"""The run that an operator hands to a pod: a ConfigMap holds at most 1 MiB."""

STATUS = Budget(1 * _MIB, 50_000)
"""A status.json, a report of a pod, and other small documents that atlas-core wrote itself."""

CHECKPOINT_MANIFEST = Budget(4 * _MIB, 100_000)
"""A checkpoint's manifest.json: about 150 bytes a file."""

METRICS = Budget(256 * _MIB, 5_000_000)
"""All lines of metrics.jsonl, about 500 bytes a step; also one evaluation with its completions."""

METRICS_LINE = Budget(1 * _MIB, 10_000)
"""One line of metrics.jsonl: a step's numbers by name."""

TRACE_LINE = Budget(256 * _MIB, 2_000_000, 200)
"""One line of an export. Real sessions with large answers stay well below 50 MB and 100,000 values."""

SECRET = Budget(1 * _MIB, 1)
"""A password, a key, a token, an address: what a Secret of Kubernetes can hold."""

DATASET_INDEX = Budget(8 * _MIB, 100_000)
"""A frozen dataset's dataset.json. It repeats what of the manifest chose the rows, up to 20,000 ids of sessions."""

COMPLETION = Budget(16 * _MIB, 200_000, 100)
"""What a model wrote, where it is JSON."""

ITEM_LINE = Budget(64 * _MIB, 200_000, 200)
"""One line of items to score."""

JUDGE_ANSWER = Budget(4 * _MIB, 50_000)
"""A chat completion of a judge's endpoint, its error bodies too."""

SCORES = Budget(16 * _MIB, 500_000)
"""An answer of a reward service."""

PEER_MESSAGE = Budget(256 * _MIB, 2_000_000)
"""A message between processes that train together: the random state of one, or the completions of a batch."""

SOURCE_BYTES = 256 * _KIB
"""A file of Python that is looked at and not run: its syntax tree is a hundred times as large."""

MODEL_FILE = Budget(16 * _MIB, 500_000)
"""A JSON file of a saved model but its tokenizer: configurations take some kilobytes, names of many classes more."""

WEIGHTS_INDEX = Budget(128 * _MIB, 2_000_000)
"""Index or header of a model's weights: 70 to 150 bytes a tensor, and large mixtures of experts have 100,000."""

UNPACKED_RATIO = 1000
"""Bytes that one compressed byte may become. Real traces compress by 5 to 50; zlib's format ends at 1,032."""

UNPACKED_FREELY = 64 * _MIB
"""Bytes that a stream may become before its ratio is looked at: one long answer of the same words is no attack."""


class OverBudgetError(ValueError):
    """Error for a document with more bytes, values or levels than its budget allows. Its text says which."""


class TooManyValuesError(OverBudgetError):
    """Error for a document with more values than its budget allows."""


class NotFiniteError(ValueError):
    """Error for NaN, an infinity, or a number that is too large to be told from one: JSON has none of them."""


# Whatever follows a quote matches, a string that never ends included, and nothing is tried twice (`*+`): otherwise one
# small document of escaped quotes costs time by the square of its length.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(rb"[\[{\]}]")
_SHORTEST_VALUE = 2
"""Bytes that each value takes at least, with what parts it from the next: `[]` and `1,`."""

_LONGEST_CHARACTER = 4
"""Bytes that one character takes at most."""


def read_bytes(chunks: Iterable[bytes], budget: Budget) -> bytes:
    """All of *chunks*. Raises OverBudgetError as soon as they are longer than *budget*, before the rest is read."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > budget.bytes:
            raise OverBudgetError(f"longer than {budget.bytes:,} bytes")
    return bytes(body)


def check_json(document: bytes | bytearray, budget: Budget) -> None:
    """Raise OverBudgetError when the JSON in *document* (UTF-8) is longer, larger or deeper than *budget*.

    For what is decoded elsewhere. Whether it is valid JSON is for the decoder to say.
    """
    _check_size(document, budget)
    depth = deepest = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"0", document)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    if deepest > budget.depth:
        raise OverBudgetError(f"nested more than {budget.depth} levels deep")


def decode_json(document: bytes | bytearray | str, budget: Budget, real: Callable[[float], float] | None = None) -> Any:
    """Decode one JSON document of at most *budget*. Raises OverBudgetError, NotFiniteError or another ValueError.

    Bytes are read as UTF-8, a byte order mark in front is passed over; half characters that were escaped stay what they
    are. *real* is applied to numbers that have a point or an exponent. Costs next to nothing where the document is too
    short to hold more values than it may.
    """
    _check_size(document, budget)
    # Decoded here: from bytes json also reads UTF-16, in which other bytes are quotes than those that were counted.
    text = document if isinstance(document, str) else document.decode("utf-8-sig", "surrogatepass")
    try:
        found = (_decoder(lambda digits: real(finite(digits))) if real else _DECODER).decode(text)
    except RecursionError:
        raise OverBudgetError("nested too deeply") from None
    if len(text) > _SHORTEST_VALUE * budget.depth and _is_deeper(found, budget.depth):
        raise OverBudgetError(f"nested more than {budget.depth} levels deep")
    return found


def finite(digits: str) -> float:
    """The number that *digits* are. Raises NotFiniteError for one beyond every finite number."""
    number = float(digits)
    return number if math.isfinite(number) else _not_finite(digits)


def _check_size(document: bytes | bytearray | str, budget: Budget) -> None:
    """Raise OverBudgetError when *document* is longer, or holds more values, than *budget*.

    Looks at quotes, commas and brackets alone; whether it is valid JSON is for the decoder to say.
    """
    if isinstance(document, str):
        if len(document) * _LONGEST_CHARACTER <= min(budget.bytes, _SHORTEST_VALUE * budget.values):
            return
        document = document.encode("utf-8", "surrogatepass")
    if len(document) > budget.bytes:
        raise OverBudgetError(f"longer than {budget.bytes:,} bytes")
    if len(document) <= _SHORTEST_VALUE * budget.values or _marks(document) < budget.values:
        return
    if _marks(_STRING.sub(b"0", document)) >= budget.values:
        raise TooManyValuesError(f"more than {budget.values:,} values")


def _marks(document: bytes | bytearray) -> int:
    """A number that *document* has at most one value more than, as JSON without marks in its texts has it."""
    return sum(document.count(mark) for mark in (b",", b"[", b"{"))


def _is_deeper(document: Any, depth: int) -> bool:
    """Whether *document* holds more than *depth* lists and mappings within each other."""
    level = [document]
    for _ in range(depth):
        # All entries, keys and values of a whole level at once, without a step of Python for each of them.
        level = gc.get_referents(*level)
        if not level:
            return False
    return any(isinstance(value, list | dict) for value in level)


def _not_finite(constant: str) -> NoReturn:
    raise NotFiniteError(f"{constant} is not JSON")


def _decoder(real: Callable[[str], float]) -> json.JSONDecoder:
    return json.JSONDecoder(parse_constant=_not_finite, parse_float=real)


_DECODER = _decoder(finite)

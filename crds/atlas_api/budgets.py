"""
Budgets of what comes from outside: how many bytes, values and levels each reader takes, and how far data may unpack.

Whoever reads a manifest, a line of traces, an answer over HTTP, a status or a checkpoint's manifest takes its budget
from here. A byte limit alone does not bound memory: two bytes of JSON (`[]`) are 56 bytes of Python, and YAML's aliases
grow by a power.
"""

import json
import math
import re
from collections.abc import Iterable
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

DATASET_INDEX = Budget(4 * _MIB, 50_000)
"""A frozen dataset's dataset.json: counts by cause, and the choice that it came from."""

TRACE_LINE = Budget(256 * _MIB, 2_000_000, 200)
"""One line of an export. Real sessions with large answers stay well below 50 MB and 100,000 values."""

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


class OverBudgetError(ValueError):
    """Error for a document with more bytes, values or levels than its budget allows. Its text says which."""


class NotFiniteError(ValueError):
    """Error for NaN, an infinity, or a number that is too large to be told from one: JSON has none of them."""


# Whatever follows a quote matches, a string that never ends included, and nothing is tried twice (`*+`): otherwise one
# small document of escaped quotes costs time by the square of its length.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(rb"[\[{\]}]")


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

    Looks at quotes and brackets alone; whether it is valid JSON is for the decoder to say. Costs memory of the document
    once, and for most documents no more time than counting four kinds of bytes.
    """
    if len(document) > budget.bytes:
        raise OverBudgetError(f"longer than {budget.bytes:,} bytes")
    opened = document.count(b"[") + document.count(b"{")
    if opened <= budget.depth and document.count(b",") + opened < budget.values:
        return
    structure = _STRING.sub(b"0", document)
    opened = structure.count(b"[") + structure.count(b"{")
    if structure.count(b",") + opened >= budget.values:
        raise OverBudgetError(f"more than {budget.values:,} values")
    if opened > budget.depth and _depth(structure) > budget.depth:
        raise OverBudgetError(f"nested more than {budget.depth} levels deep")


def decode_json(document: bytes | bytearray | str, budget: Budget) -> Any:
    """Decode one JSON document of at most *budget*. Raises OverBudgetError, NotFiniteError or another ValueError.

    Read as UTF-8, a byte order mark in front is passed over; half characters that were escaped stay what they are.
    """
    if isinstance(document, str):
        document = document.encode("utf-8", "surrogatepass")
    check_json(document, budget)
    # Decoded here: from bytes json also reads UTF-16, in which other bytes are quotes than those that were counted.
    text = document.decode("utf-8-sig", "surrogatepass")
    try:
        return json.loads(text, parse_constant=_not_finite, parse_float=finite)
    except RecursionError:
        raise OverBudgetError("nested too deeply") from None


def finite(digits: str) -> float:
    """The number that *digits* are. Raises NotFiniteError for one beyond every finite number."""
    number = float(digits)
    return number if math.isfinite(number) else _not_finite(digits)


def _depth(structure: bytes) -> int:
    deepest = depth = 0
    for bracket in _BRACKET.finditer(structure):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _not_finite(constant: str) -> NoReturn:
    raise NotFiniteError(f"{constant} is not JSON")

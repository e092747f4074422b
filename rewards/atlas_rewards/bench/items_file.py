"""
Items in a JSONL file: one a line, with the fields of the service's requests.

    {"prompt": "What is 6 * 7?", "response": "42", "reference": "42"}
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from atlas_api.errors import AccessDenied, SourceMissing
from atlas_api.inputs.budgets import ITEM_LINE, NotFiniteError, OverBudgetError, decode_json
from atlas_api.scoring import ItemResult
from atlas_rewards.item import Item
from atlas_rewards.wire import read_item

_BOM = b"\xef\xbb\xbf"
_PLACE = "items[0]"


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One line that is not blank."""

    number: int
    """Number from 1, blank lines counted."""

    digest: str
    """Digest of the line, to recognise it."""

    item: Item | None
    problem: str = ""
    """Why there is no item, in one line."""


def count_lines(path: Path) -> int:
    """Lines that are not blank. Raises SourceMissing, AccessDenied."""
    return sum(1 for _ in _lines(path))


def read_items(path: Path) -> Iterator[ItemLine]:
    """Every line that is not blank, in order; one is in memory at a time. Raises SourceMissing, AccessDenied."""
    for number, line in _lines(path):
        item = _item(line)
        digest = blake2b(line, digest_size=8).hexdigest()
        if isinstance(item, Item):
            yield ItemLine(number, digest, item)
        else:
            yield ItemLine(number, digest, None, item)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        # Read twice, and to its end: a pipe has one reading, a device no end.
        if not path.is_file():
            raise SourceMissing(f"{path} is no file; check --items")
        file = path.open("rb")
    except OSError:
        raise AccessDenied(f"{path} may not be read by this user; change its permissions or owner") from None
    with file:
        number = 0
        while line := file.readline(ITEM_LINE.bytes + 1):
            number += 1
            _pass_rest(file, line)
            content = line.removeprefix(_BOM).strip()
            if content:
                yield number, content


def _pass_rest(file: BinaryIO, line: bytes) -> None:
    """Read on to the end of a line that is longer than any may be."""
    while len(line) > ITEM_LINE.bytes and not line.endswith(b"\n"):
        line = file.readline(ITEM_LINE.bytes + 1)


def _item(line: bytes) -> Item | str:
    try:
        document = decode_json(line.decode(), ITEM_LINE)
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start + 1}"
    except json.JSONDecodeError as error:
        return f"not JSON at character {error.pos + 1}"
    except OverBudgetError as error:
        return f"JSON {error}"
    except NotFiniteError as error:
        return str(error)
    except ValueError:
        return "a number with too many digits"
    item = read_item(document, 0)
    return "; ".join(map(_unplaced, item.reasons)) if isinstance(item, ItemResult) else item


def _unplaced(reason: str) -> str:
    """What the service says, without the place in a request that a line of a file does not have."""
    return reason.removeprefix(_PLACE).removeprefix(".").removeprefix(":").strip()

"""
Items and results as JSON: what goes over HTTP, and what lies in files of items.

    read_item(document, 0)           # Item, or the ItemResult that says what is wrong with it
    request_bytes(items)             # the body of a request
    response_bytes(revision, results)

A document that is no request at all is refused as a whole. An item with a mistake is a mistake of that item alone.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from atlas_api.manifest.problems import describe
from atlas_api.scoring import ItemBody, ItemResult, ScoreResponse
from atlas_rewards.item import TEXTS, Item

DEEPEST = 32
"""Levels of lists and mappings below an item."""

FIELDS = 32
"""Names of fields in an item above which they are only counted; an item has fewer."""

_LONGEST_NAME = 40

_TEXTS = {name: to_camel(name) for name in ("completion", *TEXTS)}


class NotARequest(Exception):
    """The document as a whole cannot be read. The message is one line."""


def items_in(document: Any) -> list[Any]:
    """The items of a request, each still as JSON. Raises NotARequest."""
    if not isinstance(document, dict):
        raise NotARequest('the body must be a mapping with the field "items"')
    if unknown := [key for key in document if key != "items"]:
        raise NotARequest(f'unknown field {_shortened(unknown[0])}; a request has one field, "items"')
    items = document.get("items")
    if not isinstance(items, list) or not items:
        raise NotARequest("items must be a list with at least one item")
    return items


def read_item(document: Any, index: int) -> Item | ItemResult:
    """The item in *document*, or the result that says what is wrong with it. *index*: its place in the request."""
    if depth_exceeds(document, DEEPEST):
        return _refused([f"items[{index}] is nested more than {DEEPEST} deep"])
    if isinstance(document, dict) and (strange := _strange_field(document)):
        return _refused([f"items[{index}]: {strange}"])
    try:
        body = ItemBody.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        lines = [describe(ItemBody, one) for one in error.errors(include_url=False)]
        return _refused([_placed(index, line) for line in lines if line])
    if (body.completion is None) == (body.response is None):
        return _refused([f"items[{index}]: set exactly one of completion, response"])
    item = _item(body)
    if broken := next((name for name, text in texts_of(item) if not is_unicode(text)), None):
        return _refused([f"items[{index}].{broken} holds half of a surrogate pair; send whole Unicode characters"])
    return item


def request_bytes(items: Sequence[Item]) -> bytes:
    """The body of a request to score *items*."""
    document = {"items": [_finite(_item_body(item)) for item in items]}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, default=str).encode(errors="surrogatepass")


def response_bytes(revision: str, results: Sequence[ItemResult]) -> bytes:
    """The body of an answer with *results*."""
    return _response(revision, results).model_dump_json(by_alias=True).encode()


def result_body(result: ItemResult) -> dict[str, Any]:
    """*result* as JSON, with the field names of the service's answers."""
    (body,) = _response(result.revision, [result]).model_dump(mode="json", by_alias=True)["results"]
    return dict(body)


def depth_exceeds(value: Any, levels: int) -> bool:
    """Whether lists and mappings in *value* are nested deeper than *levels*. Never recurses."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [inner for outer in layer for inner in _inside(outer)]
        if not layer:
            return False
    return True


def texts_of(item: Item) -> list[tuple[str, str]]:
    """Every text of *item* that judges or verifiers see, with the name of its field."""
    texts = [(shown, getattr(item, name)) for name, shown in _TEXTS.items()]
    texts += [("prompt", text) for message in item.prompt for text in _strings(list(message.values()))]
    texts += [("metadata", text) for text in _strings(item.metadata)]
    return [(name, text) for name, text in texts if text is not None]


def is_unicode(text: str) -> bool:
    """Whether *text* can be encoded; JSON can spell half a character."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _item(body: ItemBody) -> Item:
    return Item(
        completion=body.completion if body.completion is not None else body.response or "",
        prompt=tuple(message.model_dump() for message in body.prompt),
        metadata=body.metadata,
        **{name: getattr(body, name) for name in TEXTS},
    )


def _item_body(item: Item) -> dict[str, object]:
    """*item* as the service reads it; what is not known is left out."""
    fields = {
        "completion": item.completion,
        "prompt": [dict(message) for message in item.prompt],
        "reference": item.reference,
        "baseline": item.baseline,
        "plan": item.plan,
        "teacherTrace": item.teacher_trace,
        "studentTrace": item.student_trace,
        "principles": item.principles,
        "metadata": dict(item.metadata),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _response(revision: str, results: Sequence[ItemResult]) -> ScoreResponse:
    return ScoreResponse.model_construct(revision=revision, results=tuple(results))


def _finite(value: Any) -> Any:
    """*value* with null for NaN and infinite numbers, which JSON does not have: the whole request would be refused."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(member) for name, member in value.items()}
    return [_finite(member) for member in value] if isinstance(value, list | tuple) else value


def _strange_field(document: dict[str, Any]) -> str | None:
    """What would make too many or too long mistakes to tell, as anybody can send."""
    if long := next((name for name in document if len(name) > _LONGEST_NAME), None):
        return f"unknown field {_shortened(long)}…"
    return f"{len(document)} fields are more than an item has" if len(document) > FIELDS else None


def _refused(reasons: Sequence[str]) -> ItemResult:
    return ItemResult(None, reasons=tuple(reasons))


def _placed(index: int, line: str) -> str:
    name, colon, rest = line.partition(": ")
    return f"items[{index}].{name}: {rest}" if colon and " " not in name else f"items[{index}]: {line}"


def _inside(value: Any) -> list[Any]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
        case _:
            return []


def _strings(value: Any) -> list[str]:
    """Every text in *value*, keys included."""
    if isinstance(value, str):
        return [value]
    keys = list(value) if isinstance(value, Mapping) else []
    return keys + [text for inner in _inside(value) for text in _strings(inner)]


def _shortened(text: str) -> str:
    return ascii(text[:_LONGEST_NAME])

"""
What goes over the wire: items in, results out. Read and written by `scoring_endpoint`; described by `openapi`.

A document that is no request at all is refused as a whole. An item with a mistake is a mistake of that item alone.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from atlas_api.manifest.problems import describe
from atlas_api.rewardservice.status import JudgesReport
from atlas_rewards.item import TEXTS, Item
from atlas_rewards.result import ItemResult

DEEPEST = 32
"""Levels of lists and mappings below an item."""

FIELDS = 32
"""Names of fields in an item above which they are only counted; an item has fewer."""

_LONGEST_NAME = 40

_TEXTS = {name: to_camel(name) for name in ("completion", *TEXTS)}


class NotARequest(Exception):
    """The document as a whole cannot be read. The message is one line."""


class _Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, use_attribute_docstrings=True, strict=True
    )


def _content(value: Any) -> Any:
    """Text, or parts of any form: judges see them as they are."""
    if value is None or isinstance(value, str | list):
        return value
    raise PydanticCustomError("content", "it must be text or a list of parts")


Content = Annotated[
    Any,
    AfterValidator(_content),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {}}, {"type": "null"}]}),
]


class MessageBody(BaseModel):
    """A chat message. Further fields, like `tool_calls`, are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True, strict=True)

    role: str
    """Who speaks: `system`, `user`, `assistant`, `tool`."""

    content: Content = None
    """What is said: text, or its parts."""


def _messages(value: Any) -> Any:
    """Text is what the user said."""
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


# Only the first wrong message is told: a body can hold a hundred thousand.
Messages = Annotated[
    list[MessageBody], FailFast(), BeforeValidator(_messages, json_schema_input_type=str | list[MessageBody])
]


class ItemBody(_Wire):
    """One completion to score. Set exactly one of `completion`, `response`."""

    completion: str | None = None
    """What is scored."""

    response: str | None = None
    """Another name of `completion`."""

    prompt: Messages = []
    """What it answers: text, or the messages of a conversation."""

    reference: str | None = None
    """The right answer, where one is known."""

    baseline: str | None = None
    """What the student answered without guidance."""

    plan: str | None = None
    """The student's plan."""

    teacher_trace: str | None = None
    """The guidance that was given."""

    student_trace: str | None = None
    """What the student did, step by step."""

    principles: str | None = None
    """What judges should pay attention to."""

    metadata: dict[str, Any] = {}
    """Facts for your own verifiers."""


class ScoreRequest(_Wire):
    """Items to score."""

    items: list[ItemBody] = Field(min_length=1)
    """Completions. Judges in group mode compare those of the same prompt."""


class ScoreResponse(_Wire, extra="ignore"):
    """One result an item, in their order. Later versions may say more of each."""

    revision: str
    """Digest of the configuration that scored them."""

    results: tuple[ItemResult, ...]
    """What is known about each."""


class Problem(_Wire):
    """Why a request was refused."""

    code: str
    """One word."""

    message: str
    """One sentence that names the cure."""


class ErrorResponse(_Wire):
    """A refused request."""

    error: Problem
    """Why."""


class JudgesAnswer(JudgesReport):
    """How each judge answered lately."""

    problem: str | None = None
    """What the newest probe met, in the words of the endpoints. Null: nothing, or nobody asked `/readyz` yet."""


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
    """The item, or the result that says what is wrong with it."""
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


def response(revision: str, results: Sequence[ItemResult]) -> bytes:
    """The body of an answer."""
    return (
        ScoreResponse.model_construct(revision=revision, results=tuple(results)).model_dump_json(by_alias=True).encode()
    )


def error_body(code: str, message: str) -> dict[str, Any]:
    """The body of a refusal."""
    return ErrorResponse(error=Problem(code=code, message=message)).model_dump()


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

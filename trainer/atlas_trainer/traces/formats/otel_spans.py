"""Spans of OpenTelemetry, as OTLP writes them in lines of JSON, and the calls of models among them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from atlas_trainer.traces.formats.otel_messages import NOTHING, Attributes, Event, Exchange, exchange_of
from atlas_trainer.traces.formats.record import Record, UnreadableRecordError
from atlas_trainer.traces.loose_json import get, is_one_of, items

CALLS = frozenset({"chat", "generate_content", "text_completion"})
"""Operations (`gen_ai.operation.name`) that ask a model for an answer."""

_FAILED = (2, "2", "STATUS_CODE_ERROR", "ERROR", "Error")


@dataclass(frozen=True, slots=True)
class Span:
    """One span with its attributes decoded."""

    trace: str
    """Id of the trace; "" when there is none."""

    start: int
    """Start of the span, nanoseconds of Unix time. 0: not recorded."""

    attributes: Attributes
    events: tuple[Event, ...]
    resource: Attributes
    """Attributes of the service that the span comes from."""

    failed: bool
    """Whether the operation ended in an error."""

    def value(self, name: str) -> Any:
        """The attribute *name* of the span, else of one of its events, else of its resource; None when none has it."""
        own = self.own_value(name)
        return self.resource.get(name) if own is None else own

    def own_value(self, name: str) -> Any:
        """The attribute *name* of the span, else of one of its events; None when none has it."""
        places = (self.attributes, *(attributes for _, attributes in self.events))
        return next((place[name] for place in places if name in place), None)

    def exchange(self) -> Exchange | None:
        """What a model was asked and said, where the span is the call of one. None: it is no such call.

        Raises UnreadableRecordError when a message cannot be read.
        """
        operation = self.attributes.get("gen_ai.operation.name")
        if operation is not None and not is_one_of(operation, CALLS):
            return None
        exchange = exchange_of(self.attributes, self.events)
        return None if operation is None and exchange == NOTHING else exchange


def spans_of(record: Record) -> Iterator[Span]:
    """The spans in one line, in the order in which they stand there. Raises UnreadableRecordError for another shape."""
    for resource_spans in _objects(record, "resourceSpans"):
        resource = _attributes(get(resource_spans.get("resource"), "attributes"))
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            for span in _objects(scope_spans, "spans"):
                yield _span(span, resource)


def span_of(*, trace: str, start: int, attributes: Any, events: Any, resource: Any, status: Any) -> Span:
    """A span of plain values, as tables hold them: *attributes* and *resource* are objects, *events* is a list."""
    own = attributes if isinstance(attributes, dict) else {}
    return Span(
        trace=trace,
        start=start,
        attributes=own,
        events=tuple(
            (name, told if isinstance(told := get(event, "attributes"), dict) else {})
            for event in items(events)
            if isinstance(name := get(event, "name"), str)
        ),
        resource=resource if isinstance(resource, dict) else {},
        failed=status in _FAILED or "error.type" in own,
    )


def _objects(holder: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The list of objects in *holder* under *name*. Empty where there is none."""
    found = holder.get(name)
    if found is not None and not (isinstance(found, list) and all(isinstance(entry, dict) for entry in found)):
        raise UnreadableRecordError(f"{name} is no list of objects")
    return items(found)


def _span(span: Mapping[str, Any], resource: Attributes) -> Span:
    attributes = _attributes(span.get("attributes"))
    trace = span.get("traceId")
    return Span(
        trace=trace if isinstance(trace, str) else "",
        start=_integer(span.get("startTimeUnixNano")) or 0,
        attributes=attributes,
        events=tuple(
            (name, _attributes(get(event, "attributes")))
            for event in items(span.get("events"))
            if isinstance(name := get(event, "name"), str)
        ),
        resource=resource,
        failed=get(span.get("status"), "code") in _FAILED or "error.type" in attributes,
    )


def _attributes(entries: Any) -> dict[str, Any]:
    """Attributes by name, out of OTLP's list of keys and values."""
    return {key: _value(get(entry, "value")) for entry in items(entries) if isinstance(key := get(entry, "key"), str)}


def _value(value: Any) -> Any:
    """The value that OTLP wraps in an object with its type. Whole numbers are text there; bytes are not read."""
    if not isinstance(value, dict):
        return None
    if "arrayValue" in value:
        return [_value(entry) for entry in items(get(value["arrayValue"], "values"))]
    if "kvlistValue" in value:
        return _attributes(get(value["kvlistValue"], "values"))
    if "intValue" in value:
        return _integer(value["intValue"])
    return next((value[name] for name in ("stringValue", "doubleValue", "boolValue") if name in value), None)


def _integer(value: Any) -> int | None:
    if isinstance(value, str):
        value = int(value) if len(value) <= len(str(2**64)) and value.removeprefix("-").isdecimal() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None

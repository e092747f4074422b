"""
Calls of models that belong together: those of one trace are one session, in the order in which they began.

Spans of a trace may lie in several lines and files, so traces are kept open. Memory stays flat: when too much is open,
the trace that was touched longest ago is closed. What comes for a closed trace is told and left out, since a session
is handed out once.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from atlas_api.training.traces import TraceFields
from atlas_trainer.traces.formats.chat import task_of
from atlas_trainer.traces.formats.fields import described_session, time_of
from atlas_trainer.traces.formats.otel_messages import NOTHING, Exchange
from atlas_trainer.traces.formats.otel_spans import Span, spans_of
from atlas_trainer.traces.formats.record import Record, UnreadableRecordError
from atlas_trainer.traces.messages import calls_text
from atlas_trainer.traces.seen_ids import SeenIds
from atlas_trainer.traces.session import Session, Step, StepAttempt

OPEN_TRACES = 1000
"""Traces that are open at once."""

OPEN_BYTES = 64 * 1024 * 1024
"""Length of the lines that open traces came from, in bytes."""

CALLS_A_TRACE = 1000
"""Calls after which a trace is closed."""

_LIMITS = f"{OPEN_TRACES:,} traces, {OPEN_BYTES // 1024**2} MiB and {CALLS_A_TRACE:,} calls a trace are kept open"


class Taken(NamedTuple):
    """What came of one line: sessions of traces that were closed, and why spans in it were left out."""

    sessions: list[Session]
    problem: str | None


class _Call(NamedTuple):
    start: int
    exchange: Exchange
    failed: bool


@dataclass(slots=True)
class _Trace:
    calls: list[_Call] = field(default_factory=list)
    found: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """Values by the name of their attribute, with the start of their span: that of the earliest counts."""

    size: int = 0


class OpenTraces:
    """The traces of one source of which more may come."""

    def __init__(self, fields: TraceFields) -> None:
        self._fields = fields
        self._names = [name for name in fields.model_dump().values() if name is not None]
        self._open: OrderedDict[str, _Trace] = OrderedDict()
        self._size = 0
        self._closed = SeenIds()

    def take(self, record: Record, size: int) -> Taken:
        """Take the spans of *record*, whose line had *size* bytes. Raises UnreadableRecordError for no such line."""
        return self.take_spans(list(spans_of(record)), size)

    def take_spans(self, spans: Iterable[Span], size: int) -> Taken:
        """Take *spans*, which came in *size* bytes."""
        problems = []
        touched: dict[str, None] = {}
        for span in spans:
            try:
                if self._add(span):
                    touched[span.trace] = None
            except UnreadableRecordError as error:
                problems.append(str(error))
        for name in touched:
            self._open[name].size += size // len(touched)
            self._size += size // len(touched)
        more = f" (and {len(problems) - 1} more spans)" if len(problems) > 1 else ""
        return Taken(list(self._too_many(touched)), f"{problems[0]}{more}" if problems else None)

    def rest(self) -> Iterator[Session]:
        """Close all traces, in the order in which they were touched last."""
        while self._open:
            yield from self._close(next(iter(self._open)))

    def _add(self, span: Span) -> bool:
        """Whether there was anything to learn from in *span*."""
        exchange = span.exchange()
        # Every span has its resource: only with a call does it say something about a session.
        value_of = span.own_value if exchange is None else span.value
        found = {name: value for name in self._names if (value := value_of(name)) is not None}
        if exchange is None and not found:
            return False
        if exchange == NOTHING and not span.failed:
            raise UnreadableRecordError("a model's call without its messages; have their content recorded on spans")
        if not span.trace:
            raise UnreadableRecordError("a span without traceId")
        if span.trace in self._closed:
            raise UnreadableRecordError(f"a span that lies too far from the others of its trace ({_LIMITS})")
        trace = self._open.setdefault(span.trace, _Trace())
        self._open.move_to_end(span.trace)
        if exchange is not None:
            trace.calls.append(_Call(span.start, exchange, span.failed))
        for name, value in found.items():
            trace.found[name] = min(trace.found.get(name, (span.start, value)), (span.start, value), key=_start)
        return True

    def _too_many(self, touched: Iterable[str]) -> Iterator[Session]:
        for name in touched:
            if len(self._open[name].calls) >= CALLS_A_TRACE:
                yield from self._close(name)
        while len(self._open) > OPEN_TRACES or (self._open and self._size > OPEN_BYTES):
            yield from self._close(next(iter(self._open)))

    def _close(self, name: str) -> Iterator[Session]:
        trace = self._open.pop(name)
        self._size -= trace.size
        self._closed.add(name)
        if trace.calls:
            yield _session(name, trace, self._fields)


def _start(found: tuple[int, Any]) -> int:
    return found[0]


def _session(name: str, trace: _Trace, fields: TraceFields) -> Session:
    calls = sorted(trace.calls, key=lambda call: call.start)
    told = [
        (call.exchange.asked, said)
        for call in calls
        if call.exchange.asked and call.exchange.answer and (said := calls_text(call.exchange.answer)).strip()
    ]
    return described_session(
        fields,
        lambda attribute: trace.found.get(attribute, (0, None))[1],
        task=next((task for call in calls if (task := task_of(call.exchange.asked))), ""),
        steps=tuple(
            Step(number, "", (StepAttempt(said, asked=asked, given=len(asked)),))
            for number, (asked, said) in enumerate(told, start=1)
        ),
        final_answer=told[-1][1] if told else "",
        id=name,
        failed=calls[-1].failed,
        created_at=time_of(calls[0].start),
    )

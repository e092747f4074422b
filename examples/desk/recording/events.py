"""
The trajectory events of a visit, in the order and nesting in which arc-atlas emits them.

Pure but for fresh event ids. The workflow holds triage, routing and the attempts; every attempt
is a task `step_1` that holds two `agent` tasks of the agent's graph: the model's turn, and the decision to stop.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

from desk.recording.shapes import STEP_ID, Json, evaluation, runtime, step, step_metadata, structured
from desk.shift import NOT_FILED, Visit

_ROOT = {"function_id": "root", "function_name": "root", "parent_id": None, "parent_name": None}
_STUDENT = {"actor": "student", "step_id": STEP_ID, "node": "agent"}


class _Spans:
    """Open spans, outermost first: an event's parent is the span around it."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.open: list[tuple[str, str, str]] = []
        self.events: list[Json] = []

    def start(self, kind: str, name: str, given: Any, metadata: Json | None = None) -> None:
        identity = str(uuid4())
        self._emit(f"{kind}_START", name, identity, {"input": given, "output": None}, metadata)
        self.open.append((kind, name, identity))

    def end(self, result: Any, metadata: Json | None = None) -> None:
        kind, name, identity = self.open.pop()
        self._emit(f"{kind}_END", name, identity, {"input": None, "output": result}, metadata)

    def _emit(self, kind: str, name: str, identity: str, data: Json, metadata: Json | None) -> None:
        moment = self.visit.started + timedelta(milliseconds=len(self.events))
        payload = {
            "event_type": kind,
            "event_timestamp": min(moment, self.visit.ended).timestamp(),
            "span_event_timestamp": None,
            "framework": None,
            "name": name,
            "tags": None,
            "metadata": metadata,
            "data": data | {"chunk": None},
            "usage_info": None,
            "UUID": identity,
        }
        parent = self.open[-1][2] if self.open else "root"
        self.events.append({"parent_id": parent, "function_ancestry": _ROOT, "payload": payload})


def events(visit: Visit) -> Iterator[Json]:
    """`trajectory_events.event`, oldest first. A session that failed ends inside its workflow, as its error did."""
    spans = _Spans(visit)
    spans.start("WORKFLOW", "orchestration", {"task": visit.task.message})
    spans.start("CUSTOM", "triage", {"adapter": "order_desk"})
    spans.end({"summary": visit.task.message, "risks": [], "tags": ["order-desk"]})
    spans.start("CUSTOM", "adaptive_route", {"mode": "paired"})
    spans.end({"mode": "paired", "confidence": 1.0, "reason": "forced"})
    for number in range(1, len(visit.attempts) + 1):
        _attempt(spans, visit, number)
    if not visit.failed:
        spans.end(visit.attempts[-1].answer.text)
    return iter(spans.events)


def _attempt(spans: _Spans, visit: Visit, number: int) -> None:
    answer = visit.attempts[number - 1].answer.text
    guidance = [attempt.verdict.guidance for attempt in visit.attempts[: number - 1]]
    spans.start("TASK", f"step_{STEP_ID}", {"step": step(), "context": {}, "guidance": guidance, "attempt": number})
    spans.start("TASK", "agent", {"messages": [{"type": "human", "content": visit.task.message}]}, _STUDENT)
    spans.end({"messages": [{"type": "ai", "content": answer}]}, _STUDENT)
    spans.start("TASK", "agent", {"messages": [{"type": "ai", "content": answer}]}, _STUDENT)
    spans.end("AgentDecision.END", _STUDENT)
    is_last = number == len(visit.attempts)
    spans.end({"error": NOT_FILED} if visit.failed and is_last else _outcome(visit, number))


def _outcome(visit: Visit, number: int) -> Json:
    attempt = visit.attempts[number - 1]
    text = attempt.answer.text
    judged = evaluation(visit, number)
    return {
        "trace": trace(text),
        "output": structured(attempt),
        "evaluation": judged,
        "metadata": step_metadata(attempt),
        "runtime": runtime(attempt),
        "status": "passed" if judged["validation"]["valid"] else "failed",
        "artifacts": {},
        "deliverable": text,
        "context_entry": {
            "output_text": text,
            "artifacts": {},
            "deliverable": text,
            "structured_output": structured(attempt),
        },
    }


def trace(text: str) -> str:
    """The transcript of an attempt."""
    return f"AI: {text}"

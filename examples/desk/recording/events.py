"""
The trajectory events of a visit, in the order and nesting in which arc-atlas emits them.

Pure but for fresh event ids. The workflow holds triage, routing and the attempts; every attempt is a task `step_1`. In
it the agent's graph is a span, which holds the task `agent`: the call of the model, and inside, once it has answered, a
second task `agent`, the decision to stop. What the model was asked stands at every start, what it said at every end.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

from desk.prompt import STEP_ID
from desk.recording.attempts import (
    Json,
    conversation,
    evaluation,
    messages,
    runtime,
    step,
    step_metadata,
    structured,
    trace,
)
from desk.recording.caller import tags
from desk.shift import NOT_FILED, Visit

_ROOT = {"function_id": "root", "function_name": "root", "parent_id": None, "parent_name": None}
_ERROR = f"python adapter callable raised an exception: {NOT_FILED}"
_GRAPH: Json = {"actor": "student", "step_id": STEP_ID, "node": "LangGraph", "node_type": "span"}
_IN_GRAPH = {"langgraph_node": "agent", "langgraph_step": 1, "langgraph_triggers": ["branch:to:agent"]}
_AGENT: Json = {
    "actor": "student",
    "step_id": STEP_ID,
    "node": "agent",
    "node_type": "task",
    "tags": ["graph:step:1"],
    "langgraph": _IN_GRAPH,
}
_DECISION: Json = _AGENT | {"tags": ["seq:step:3"]}


class _Spans:
    """Open spans, outermost first: an event's parent is the span around it."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.open: list[tuple[str, str, str, Json | None]] = []
        self.events: list[Json] = []

    def start(self, kind: str, name: str, given: Any, metadata: Json | None = None) -> None:
        identity = str(uuid4())
        described = metadata | {"run_id": identity} if metadata else None
        self._emit(f"{kind}_START", (kind, name, identity, described), given=given)
        self.open.append((kind, name, identity, described))

    def chunk(self, piece: Any) -> None:
        """A part of the innermost span's result, which the graph hands on as a span whatever it is."""
        innermost = self.open.pop()
        self._emit("SPAN_CHUNK", innermost, piece=piece)
        self.open.append(innermost)

    def end(self, result: Any, given: Any = None) -> None:
        ended = self.open.pop()
        self._emit(f"{ended[0]}_END", ended, given=given, result=result)

    def break_off(self) -> None:
        """Leave the innermost span without an end, as an error does."""
        self.open.pop()

    def _emit(
        self,
        event_type: str,
        span: tuple[str, str, str, Json | None],
        *,
        given: Any = None,
        result: Any = None,
        piece: Any = None,
    ) -> None:
        _, name, identity, metadata = span
        moment = self.visit.started + timedelta(milliseconds=len(self.events))
        payload = {
            "event_type": event_type,
            "event_timestamp": min(moment, self.visit.ended).timestamp(),
            "span_event_timestamp": None,
            "framework": None,
            "name": name,
            "tags": None,
            "metadata": metadata,
            "data": {"input": given, "output": result, "chunk": piece},
            "usage_info": None,
            "UUID": identity,
        }
        parent = self.open[-1][2] if self.open else "root"
        self.events.append({"parent_id": parent, "function_ancestry": _ROOT, "payload": payload})


def events(visit: Visit, model: str) -> Iterator[Json]:
    """`trajectory_events.event`, oldest first. A session that failed ends inside its workflow, as its error did."""
    spans = _Spans(visit)
    spans.start("WORKFLOW", "orchestration", {"task": visit.task.message})
    spans.start("CUSTOM", "triage", {"adapter": "default_build_dossier"})
    spans.end({"summary": visit.task.message, "risks": [], "tags": tags(model)})
    spans.start("CUSTOM", "adaptive_route", {"mode": "paired"})
    spans.end({"mode": "paired", "confidence": 1.0, "reason": "forced"})
    for number in range(1, len(visit.attempts) + 1):
        _attempt(spans, visit, number)
    if not visit.failed:
        spans.end(visit.attempts[-1].answer.text)
    return iter(spans.events)


def _attempt(spans: _Spans, visit: Visit, number: int) -> None:
    attempt = visit.attempts[number - 1]
    guidance = [before.verdict.guidance for before in visit.attempts[: number - 1]]
    before, after = {"messages": messages(attempt.asked)}, {"messages": conversation(attempt)}
    spans.start("TASK", f"step_{STEP_ID}", {"step": step(), "context": {}, "guidance": guidance, "attempt": number})
    spans.start("SPAN", "LangGraph", before, _GRAPH)
    spans.start("TASK", "agent", before, _AGENT)
    if attempt not in visit.handed_on:
        spans.break_off()
        spans.break_off()
        spans.end({"error": _ERROR})
        return
    spans.start("TASK", "agent", after, _DECISION)
    spans.end("AgentDecision.END", given=after)
    spans.chunk(after)
    spans.end(after, given=after)
    spans.chunk({"agent": after})
    spans.end(after)
    spans.end(_outcome(visit, number))


def _outcome(visit: Visit, number: int) -> Json:
    attempt = visit.attempts[number - 1]
    text = attempt.answer.text
    judged = evaluation(visit, number)
    return {
        "trace": trace(attempt),
        "output": structured(attempt),
        "evaluation": judged,
        "metadata": step_metadata(visit, number),
        "runtime": runtime(visit, number),
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

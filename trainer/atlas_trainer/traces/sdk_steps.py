"""
Steps of a session that the SDK recorded, each with its attempts in order: failed answer, guidance, corrected answer.

Pure. An attempt's answer survives only in the TASK_END event of its step, except the last one, which `step_results`
holds too. The SDK names these events `step_<id>`. What the agent was asked is in the events of its graph in between:
the end of the graph's span holds the whole conversation of the attempt, the first `agent` task its first messages.
Sessions of older versions carry LLM_END events with an actor instead.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from atlas_trainer.traces.loose_json import decoded, get, items, text
from atlas_trainer.traces.messages import Message, recorded_messages
from atlas_trainer.traces.session import Step, StepAttempt

STEP_EVENT = re.compile(r"step_(\d{1,9})", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
STUDENT_ACTORS = frozenset({"student", "executor", "runtime_student"})
_REPEATS = 100
"""Events of one id and kind that later ones are compared with. Where all is well there are two."""

TEACHER_ACTORS = frozenset({"teacher", "coach", "atlas_teacher"})


@dataclass(slots=True)
class _Attempts:
    """Attempts of one step as its events have them, by number; numbers start at 1."""

    outputs: dict[int, str] = field(default_factory=dict)
    guidance: dict[int, str] = field(default_factory=dict)
    asked: dict[int, tuple[Message, ...]] = field(default_factory=dict)
    """Messages in front of an attempt's answer."""

    heard: tuple[Message, ...] = ()
    """Messages of the graph since the newest attempt began; taken by the attempt when it ends."""

    numbers: dict[str, int] = field(default_factory=dict)
    """Number of an attempt by the UUID of its task."""

    notes: int = 0
    """The most notes of guidance that an attempt started with."""

    last: int = 0
    """Number of the newest attempt."""


def steps_of(
    plan: Any,
    step_results: Sequence[Mapping[str, Any]],
    step_attempts: Sequence[Mapping[str, Any]],
    guidance_notes: Sequence[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
) -> tuple[Step, ...]:
    """
    The steps of a session in the plan's order, steps without any answer left out.

    Arguments have the columns of the SDK's tables: `plan` the JSON object; `step_results` step_id, output, attempts;
    `step_attempts` step_id, attempt, evaluation; `guidance_notes` step_id, sequence, note; `events` the JSON objects,
    oldest first.
    """
    planned = [step for step in items(get(decoded(plan), "steps")) if isinstance(step, Mapping)]
    descriptions, depends_on = _descriptions(planned), _depends_on(planned)
    attempt_rows, note_rows = _by_step(step_attempts), _by_step(guidance_notes)
    by_step = _attempts(events, descriptions)
    results = {int(row["step_id"]): row for row in step_results}
    ids = list(dict.fromkeys([*descriptions, *sorted({*results, *by_step})]))
    steps = []
    for step_id in ids:
        attempts = by_step.get(step_id, _Attempts())
        validations = _validations(attempt_rows.get(step_id, ()))
        _take_result(attempts, results.get(step_id), validations)
        notes = _notes(note_rows.get(step_id, ()))
        in_order = tuple(
            StepAttempt(
                output,
                notes.get(number) or attempts.guidance.get(number) or validations.get(number),
                attempts.asked.get(number, ()),
                number,
            )
            for number, output in sorted(attempts.outputs.items())
        )
        if in_order:
            steps.append(Step(step_id, descriptions.get(step_id, ""), in_order, depends_on.get(str(step_id), ())))
    return tuple(steps)


def _descriptions(planned: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    return {
        int(step["id"]): str(step.get("description") or "")
        for step in planned
        if _NUMBER.fullmatch(str(step.get("id")))
    }


def _depends_on(planned: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """What each step depends on, by its id as text; of several with one id the first counts."""
    return {str(step.get("id")): tuple(items(step.get("depends_on"))) for step in reversed(planned)}


def _by_step(rows: Sequence[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(int(row["step_id"]), []).append(row)
    return found


def _take_result(attempts: _Attempts, row: Mapping[str, Any] | None, validations: Mapping[int, str | None]) -> None:
    """Take the step's result as the answer of its last attempt, also where the events of that attempt were lost."""
    output = (row or {}).get("output")
    if row is None or not isinstance(output, str) or not output.strip():
        return
    number = max([1, int(row.get("attempts") or 0), *validations, *attempts.outputs])
    attempts.outputs[number] = output
    attempts.asked.setdefault(number, _before_answer(attempts.heard))


def _validations(rows: Sequence[Mapping[str, Any]]) -> dict[int, str | None]:
    """Guidance of the validations that refused an attempt, by attempt number; None for the others."""
    found: dict[int, str | None] = {}
    for row in rows:
        validation = get(decoded(row.get("evaluation")), "validation")
        refused = get(validation, "valid") is False
        found[int(row["attempt"])] = text(get(validation, "guidance")) if refused else None
    return found


def _notes(rows: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    notes = sorted((int(row["sequence"]), row["note"]) for row in rows)
    return {number: note for number, (_, note) in enumerate(notes, start=1) if text(note)}


def _attempts(events: Iterable[Mapping[str, Any]], descriptions: Mapping[int, str]) -> dict[int, _Attempts]:
    by_task: dict[int, _Attempts] = {}
    by_actor: dict[int, _Attempts] = {}
    seen: dict[tuple[str, str], list[Any]] = {}
    for event in events:
        payload = get(decoded(event), "payload")
        kind, name = get(payload, "event_type"), STEP_EVENT.fullmatch(str(get(payload, "name")))
        is_task = name is not None and kind in ("TASK_START", "TASK_END")
        graph_step = None if is_task else _step_of_graph(payload)
        if not (is_task or graph_step is not None or kind == "LLM_END") or _seen_before(payload, seen):
            continue
        if name and is_task:
            _take_task(by_task.setdefault(int(name[1]), _Attempts()), payload)
        elif graph_step is not None:
            _hear(by_task.setdefault(graph_step, _Attempts()), payload)
        else:
            step_id = _step_of_call(payload, descriptions)
            _take_call(by_actor.setdefault(step_id, _Attempts()), payload)
    return by_task | {step: found for step, found in by_actor.items() if not by_task.get(step, _Attempts()).outputs}


def _seen_before(payload: Mapping[str, Any], seen: dict[tuple[str, str], list[Any]]) -> bool:
    """Whether an event came before: a finalisation that failed and ran again stores every event twice."""
    if payload.get("UUID") is None:
        return False
    same_name = seen.setdefault((str(payload["UUID"]), payload["event_type"]), [])
    if payload.get("data") in same_name:
        return True
    if len(same_name) < _REPEATS:
        same_name.append(payload.get("data"))
    return False


def _take_task(attempts: _Attempts, payload: Mapping[str, Any]) -> None:
    task, data = str(payload.get("UUID")), payload.get("data")
    if payload["event_type"] == "TASK_START":
        attempts.heard = ()
        _number_attempt(attempts, task, get(data, "input"))
        return
    if task not in attempts.numbers:
        _number_attempt(attempts, task, None)
    output = get(data, "output")
    number, answer = attempts.numbers[task], text(text_of_output(output))
    heard, attempts.heard = attempts.heard, ()
    if answer is None:
        return
    attempts.outputs[number] = answer
    attempts.asked[number] = _before_answer(heard)
    validation = get(get(output, "evaluation"), "validation")
    refusal = text(get(validation, "guidance")) if get(validation, "valid") is False else None
    if refusal:
        attempts.guidance.setdefault(number, refusal)


def _number_attempt(attempts: _Attempts, task: str, start: Any) -> None:
    """Number an attempt. Guidance that it starts with and its predecessor did not, followed that predecessor."""
    notes = [note for note in items(get(start, "guidance")) if text(note)]
    if attempts.last and len(notes) > attempts.notes:
        attempts.guidance[attempts.last] = "\n".join(notes[attempts.notes :])
    attempts.notes = max(attempts.notes, len(notes))
    declared = get(start, "attempt")
    attempts.last = declared if isinstance(declared, int) and declared > attempts.last else attempts.last + 1
    attempts.numbers[task] = attempts.last


def _step_of_graph(payload: Any) -> int | None:
    """Number of the step that an event of the agent's graph belongs to. None: another event, or no messages in it."""
    metadata, data = get(payload, "metadata"), get(payload, "data")
    if get(payload, "event_type") == "SPAN_END":
        tells = get(get(data, "output"), "messages")
    elif get(payload, "event_type") == "TASK_START" and get(payload, "name") == "agent":
        tells = get(get(data, "input"), "messages")
    else:
        return None
    is_student = str(get(metadata, "actor")).strip().lower() in STUDENT_ACTORS
    step_id = str(get(metadata, "step_id"))
    return int(step_id) if items(tells) and is_student and _NUMBER.fullmatch(step_id) else None


def _hear(attempts: _Attempts, payload: Mapping[str, Any]) -> None:
    """Take the conversation of an attempt: all of it at its end, until then what the first task began with."""
    data = payload.get("data")
    if payload["event_type"] == "SPAN_END":
        attempts.heard = recorded_messages(get(get(data, "output"), "messages")) or attempts.heard
    elif not attempts.heard:
        attempts.heard = recorded_messages(get(get(data, "input"), "messages"))


def _before_answer(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """*messages* without the answer at their end; the calls of tools are no answer."""
    answered = messages and messages[-1]["role"] == "assistant" and not messages[-1].get("tool_calls")
    return messages[:-1] if answered else messages


def _step_of_call(payload: Mapping[str, Any], descriptions: Mapping[int, str]) -> int:
    named = str(get(payload.get("metadata"), "step_id"))
    return int(named) if _NUMBER.fullmatch(named) else next(iter(descriptions), 1)


def _take_call(attempts: _Attempts, payload: Mapping[str, Any]) -> None:
    """Take a call: the student's last message before the teacher's is an attempt, the teacher's is its guidance."""
    actor = str(get(payload.get("metadata"), "actor")).strip().lower()
    message = text(text_of_output(get(payload.get("data"), "output")))
    if not message:
        return
    if actor in STUDENT_ACTORS:
        if attempts.last in attempts.guidance or not attempts.last:
            attempts.last += 1
        attempts.outputs[attempts.last] = message
    elif actor in TEACHER_ACTORS and attempts.last:
        attempts.guidance[attempts.last] = message


def text_of_output(value: Any) -> str:
    """
    The answer inside an event's output or a recorded step output, "" when there is none.

    Order: the text itself; `context_entry.output_text`; `output`, searched the same way; `text`; `deliverable`;
    `result`. A deliverable or result that is no text comes as JSON.
    """
    if not isinstance(value, Mapping):
        return value if isinstance(value, str) else ""
    for part in (
        get(value.get("context_entry"), "output_text"),
        text_of_output(value.get("output")),
        value.get("text"),
    ):
        if found := text(part):
            return found
    for name in ("deliverable", "result"):
        if value.get(name) not in (None, "", {}):
            part = value[name]
            return part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
    return ""

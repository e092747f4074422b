"""
Steps of one exported session, brought into the columns of the SDK's tables. Pure.

What the columns mean is known to `sdk_steps`; this module only knows where exports keep them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from atlas_trainer.traces.loose_json import decoded
from atlas_trainer.traces.sdk_steps import steps_of, text_of_output
from atlas_trainer.traces.session import Step

TableRow = dict[str, Any]
"""A row of one of the SDK's tables, by column."""


def steps_of_record(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> tuple[Step, ...]:
    """Steps with their attempts, in the plan's order; steps without any answer are left out."""
    entries = _with_ids(_mappings(record.get("steps")))
    results = [
        {"step_id": step_id, "output": answer_text(entry.get("output")), "attempts": _count(entry.get("attempts"))}
        for step_id, entry in entries.items()
    ]
    return steps_of(
        {"steps": _planned(record.get("plan"), entries)},
        results,
        [row for step_id, entry in entries.items() for row in _attempt_rows(step_id, entry)],
        guidance_of_record(record),
        _events(record.get("trajectory_events") or metadata.get("trajectory_events")),
    )


def guidance_of_record(record: Mapping[str, Any]) -> list[TableRow]:
    """Rows of `guidance_notes`, step by step."""
    entries = _with_ids(_mappings(record.get("steps")))
    return [row for step_id, entry in entries.items() for row in _note_rows(step_id, entry.get("guidance"))]


def answer_text(value: Any) -> str:
    """Text of an answer: strings as they are, the text inside an output object, other values as JSON, "" for null."""
    if value is None or isinstance(value, str | Mapping):
        return text_of_output(value)
    return json.dumps(value, ensure_ascii=False)


def _with_ids(entries: list[TableRow]) -> dict[int, TableRow]:
    """Entries by step id: the recorded one, else the place in the list; the next free number when that is taken."""
    by_id: dict[int, TableRow] = {}
    after: dict[int, int] = {}
    for place, entry in enumerate(entries, start=1):
        nested = entry.get("step")
        inner = nested if isinstance(nested, Mapping) else {}
        recorded = (entry.get("step_id"), entry.get("id"), inner.get("id"))
        step_id = next((number for value in recorded if (number := _number(value)) is not None), place)
        by_id[_free(step_id, after)] = {**inner, **entry}
    return by_id


def _free(number: int, after: dict[int, int]) -> int:
    """Take the next free number from *number* on. *after*: for each that is taken, one from which to look on."""
    passed = [number]
    while (number := passed[-1]) in after:
        passed.append(after[number])
    for taken in passed:
        after[taken] = number + 1
    return number


def _planned(plan: Any, entries: Mapping[int, TableRow]) -> list[TableRow]:
    """The plan's steps, then the executed ones that it does not have; descriptions from where there is one."""
    described: dict[int, str] = {}
    depends_on: dict[int, Any] = {}
    parsed = decoded(plan)
    for step in _mappings(parsed.get("steps")) if isinstance(parsed, Mapping) else []:
        number = _number(step.get("id"))
        if number is not None:
            described[number] = _text(step.get("description"))
            depends_on[number] = step.get("depends_on")
    for step_id, entry in entries.items():
        described[step_id] = described.get(step_id) or _text(entry.get("description"))
    return [
        {"id": step_id, "description": description, "depends_on": depends_on.get(step_id)}
        for step_id, description in described.items()
    ]


def _attempt_rows(step_id: int, entry: TableRow) -> Iterator[TableRow]:
    metadata = decoded(entry.get("metadata"))
    places = (entry, metadata if isinstance(metadata, Mapping) else {})
    recorded = (_mappings(place.get(name)) for place in places for name in ("attempt_history", "attempt_details"))
    for attempt in next((rows for rows in recorded if rows), []):
        number = _number(attempt.get("attempt"))
        if number is not None:
            yield {"step_id": step_id, "attempt": number, "evaluation": attempt.get("evaluation")}


def _note_rows(step_id: int, guidance: Any) -> Iterator[TableRow]:
    notes = [guidance] if isinstance(guidance, str) else guidance
    for sequence, note in enumerate(notes if isinstance(notes, list) else [], start=1):
        text = note.get("note") if isinstance(note, Mapping) else note
        yield {"step_id": step_id, "sequence": sequence, "note": _text(text)}


def _events(value: Any) -> list[Any]:
    """Event objects, oldest first. Dumps of the SDK's loader hold them newest first; the exporter's do not."""
    entries = _mappings(value)
    if all(_number(entry.get("id")) is not None for entry in entries):
        entries.sort(key=lambda entry: int(entry["id"]))
    return [decoded(entry["event"]) if "event" in entry else entry for entry in entries]


def _mappings(value: Any) -> list[TableRow]:
    items = decoded(value)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _count(value: Any) -> int:
    """Number of attempts; some versions wrote the attempts themselves."""
    return len(value) if isinstance(value, list) else _number(value) or 0


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return int(value) if len(str(value)) < 10 and str(value).isdecimal() else None  # noqa: PLR2004


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

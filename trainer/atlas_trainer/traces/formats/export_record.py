"""
A session from one record of a JSONL export, which is one decoded line. Pure.

Takes what the SDK's exporters of all versions wrote, and what older trainers accepted: JSON in strings, steps without
ids, a step's plan entry nested under `step`, missing parts. A value of a wrong type counts as missing; only the task is
needed.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from atlas_api.times import TIME
from atlas_trainer.traces.formats.export_steps import answer_text, guidance_of_record, steps_of_record
from atlas_trainer.traces.formats.record import UnreadableRecordError
from atlas_trainer.traces.lessons import Lesson, lessons_of
from atlas_trainer.traces.loose_json import decoded, text
from atlas_trainer.traces.sdk_fields import approved_by_person, described, lower, reward_of
from atlas_trainer.traces.session import Missing, Session, Step, guidance_in, missing_of

STATUSES = frozenset({"running", "succeeded", "failed"})

_EMPTY: tuple[Any, ...] = (None, "", {}, [])

_LEARNT = ("student_learning", "teacher_learning")

_ALSO_AT_TOP_LEVEL = ("adaptive_summary", "execution_mode", "ground_truth", "learning_key", "project_root", "tags")


def session_from_record(record: Any) -> Session:
    """
    Normalise one record. `Session.id` is the recorded id as text, "" when there is none.

    Exports of the SDK hold how a session was reviewed. Where they do not, the file is older than the review gate, so
    nobody can have quarantined the session, and it counts as `approved`. The status stands in the caller's metadata
    only: where it is missing, or is a word of the caller's own, a session with an answer counts as `succeeded` and one
    without as `failed`, since that is all the SDK then kept of failed ones. `Session.missing` names what was assumed.
    Raises UnreadableRecordError.
    """
    if not isinstance(record, Mapping):
        raise UnreadableRecordError("not a JSON object")
    metadata = _metadata(record)
    final_answer = answer_text(record.get("final_answer"))
    steps = steps_of_record(record, metadata)
    status = _status(record, metadata)
    review_status = lower(_word(record.get("review_status")) or _word(metadata.get("review_status")) or "")
    created_at = moment(metadata.get("created_at")) or moment(record.get("created_at"))
    known: dict[Missing, Any] = {"status": status, "reviewStatus": review_status, "createdAt": created_at}
    return Session(
        id=_id(record, metadata),
        task=_task(record),
        status=status or ("succeeded" if final_answer.strip() or steps else "failed"),
        review_status=review_status or "approved",
        created_at=created_at,
        final_answer=final_answer,
        reward=_reward(record, metadata),
        steps=steps,
        approved_by_person=approved_by_person(
            review_status, record.get("review_notes") or metadata.get("review_notes")
        ),
        lessons=_lessons(steps, record, metadata),
        missing=missing_of(known),
        **described(metadata),
    )


def moment(value: Any) -> datetime | None:
    """A time in UTC, which one without a zone is in already. None when it is no time that a status can name."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        utc = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return utc if re.match(TIME, utc.isoformat()) else None


def _metadata(record: Mapping[str, Any]) -> dict[str, Any]:
    """The session's metadata; what newer exports also write at the top level fills its gaps."""
    metadata = decoded(record.get("session_metadata"))
    own = metadata if isinstance(metadata, Mapping) else {}
    outer = {key: record.get(key) for key in _ALSO_AT_TOP_LEVEL}
    return {key: value for part in (outer, own) for key, value in part.items() if value not in _EMPTY}


def _task(record: Mapping[str, Any]) -> str:
    task = record.get("task")
    if not isinstance(task, str) or not task.strip():
        raise UnreadableRecordError("no task")
    return task


def _id(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    for value in (metadata.get("session_id"), record.get("session_id"), record.get("id")):
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if word := _word(value):
            return word
    return ""


def _status(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> str | None:
    """The recorded status. None when there is none of the SDK's."""
    words = (_word(value) for value in (metadata.get("status"), record.get("status")))
    return next((status for word in words if word and (status := lower(word)) in STATUSES), None)


def _reward(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> float | None:
    breakdown = _first(record.get("session_reward"), record.get("reward"), metadata.get("session_reward"))
    if isinstance(breakdown, int | float):
        breakdown = {"score": breakdown}
    return reward_of(_first(record.get("reward_stats"), metadata.get("reward_stats")), breakdown)


def _lessons(steps: tuple[Step, ...], record: Mapping[str, Any], metadata: Mapping[str, Any]) -> tuple[Lesson, ...]:
    """The lessons of one record. What is known for the learning key is there as the session began with it."""
    notes = {name: text(record.get(name)) or text(metadata.get(name)) for name in _LEARNT}
    dossier = record.get("triage_dossier") or metadata.get("triage_dossier")
    said = [*guidance_in(steps), *(row["note"] for row in guidance_of_record(record))]
    return lessons_of(said, notes, metadata.get("learning_state"), dossier)


def _first(*values: Any) -> Any:
    """The first value that was recorded, decoded."""
    found = (decoded(value) for value in values)
    return next((value for value in found if value not in _EMPTY), None)


def _word(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None

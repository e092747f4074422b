"""
What a line of another maker says about its session besides messages, where `spec.traces.fields` says where. Pure.

Who hands in pairs vouches for them: such sessions succeeded, are approved, and their answers are references. Once the
lines carry rewards, rewards decide that.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from atlas_api.training.traces import TraceFields
from atlas_trainer.traces.formats.export_record import moment
from atlas_trainer.traces.formats.record import Record
from atlas_trainer.traces.loose_json import get, text
from atlas_trainer.traces.sdk_fields import ground_truth_text, reward_of, tags_of
from atlas_trainer.traces.session import Missing, Session, Step, Tally, missing_of

NO_FIELDS = TraceFields()

_SECONDS = 1e11
"""Seconds of a Unix time in the year 5138; a larger one counts in milliseconds, microseconds or nanoseconds."""

_TOO_LATE = 1e20
_UNIX_TIME = re.compile(r"[0-9]{9,20}")


def at_path(record: Record) -> Callable[[str], Any]:
    """A function that finds the value at a dotted path in *record*: of the whole name, else name by name."""

    def found(path: str) -> Any:
        if path in record:
            return record[path]
        value: Any = record
        for name in path.split("."):
            value = get(value, name)
        return value

    return found


def described_session(
    fields: TraceFields,
    value_of: Callable[[str], Any],
    *,
    task: str,
    steps: tuple[Step, ...],
    final_answer: str,
    id: str = "",
    failed: bool = False,
    created_at: datetime | None = None,
) -> Session:
    """A session with what *value_of* finds under the names in *fields*. Arguments hold where nothing is found there."""

    def named(path: str | None) -> Any:
        return None if path is None else value_of(path)

    own_id, own_task, own_time = _word(named(fields.id)), text(named(fields.task)), time_of(named(fields.time))
    reward = reward_of(None, {"score": named(fields.reward)})
    learning_key, tags = _word(named(fields.learning_key)), tags_of({"tags": named(fields.tags)})
    ground_truth = ground_truth_text(named(fields.ground_truth))
    created = own_time or created_at
    recorded: dict[Missing, bool] = {
        "status": failed,
        "reviewStatus": False,
        "createdAt": created is not None,
        "fields.reward": fields.reward is None or reward is not None,
        "fields.id": fields.id is None or own_id is not None,
        "fields.task": fields.task is None or own_task is not None,
        "fields.time": fields.time is None or own_time is not None,
        "fields.tags": fields.tags is None or bool(tags),
        "fields.learningKey": fields.learning_key is None or learning_key is not None,
        "fields.groundTruth": fields.ground_truth is None or ground_truth is not None,
    }
    return Session(
        id=own_id or id,
        task=own_task or task,
        status="failed" if failed else "succeeded",
        review_status="approved",
        created_at=created,
        final_answer=final_answer,
        reward=reward,
        steps=steps,
        learning_key=learning_key,
        tags=tags,
        ground_truth=ground_truth,
        approved_by_person=fields.reward is None,
        missing=missing_of(recorded),
    )


def found_nowhere(fields: TraceFields | None, tally: Tally) -> Iterator[str]:
    """Yield a sentence for each of *fields* that no session of the source has a value for: its path may be wrong."""
    paths = fields.model_dump(by_alias=True, exclude_none=True) if fields else {}
    for name, path in paths.items():
        if tally.seen and tally.lacking.get(f"fields.{name}") == tally.seen:
            yield f"no session has a {name} that can be read at {path}; check spec.traces.fields.{name}"


def time_of(value: Any) -> datetime | None:
    """A time in UTC: ISO 8601, or a Unix time from seconds to nanoseconds, also as text. None when it is none."""
    if isinstance(value, str) and _UNIX_TIME.fullmatch(value):
        value = int(value)
    if isinstance(value, str):
        return moment(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _TOO_LATE:
        return None
    while value >= _SECONDS:
        value /= 1000
    return moment(datetime.fromtimestamp(value, UTC).isoformat())


def _word(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None

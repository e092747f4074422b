"""
The session filter for sources that cannot push it into a query.

The meaning of each condition is the one of the SQL that the Postgres source sends. Knows nothing of files or stores.
"""

import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from atlas_api.training.traces import TraceFilter
from atlas_trainer.traces.sdk_fields import lower
from atlas_trainer.traces.seen_ids import is_row_number
from atlas_trainer.traces.session import REWARD_EPSILON, Session, Tally

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def first_failed_condition(filter: TraceFilter, session: Session) -> str | None:
    """Name of the first condition, in the filter's own order, that the session does not meet; None when it passes.

    `unknownReward` stands for a session without a known reward where the filter asks for one.
    """
    return (
        _failed_by_id(filter, session.id)
        or _failed_by_review(filter, session)
        or _failed_by_reward(filter, session)
        or _failed_by_origin(filter, session)
    )


def filter_sessions(filter: TraceFilter, sessions: Iterator[Session], tally: Tally) -> Iterator[Session]:
    """Yield the sessions that pass, in the order they came; count the others in `tally.filtered`.

    At most `offset` and `limit` sessions together are held in memory. With a limit nothing is yielded before the last
    one was seen; with an offset alone sessions come in an order of their own, the same every time.
    """
    accepted = _accepted(filter, sessions, tally)
    if filter.limit is not None:
        accepted = _limited(filter, filter.limit, accepted, tally)
    elif filter.offset:
        accepted = _skipped(filter, filter.offset, accepted, tally)
    for session in accepted:
        tally.matched += 1
        yield session


def ordered(sessions: Iterable[Session], order: Literal["newest", "oldest"]) -> list[Session]:
    """*sessions* in the order in which `offset` and `limit` count them: by date and id, those without a date last."""
    ranked = (_ranked(session, arrival, order == "newest") for arrival, session in enumerate(sessions))
    return [entry.session for entry in sorted(ranked, reverse=True)]


def _accepted(filter: TraceFilter, sessions: Iterator[Session], tally: Tally) -> Iterator[Session]:
    absent = set(named_ids(filter))
    for session in sessions:
        absent.discard(session.id)
        tally.see(session)
        failed = first_failed_condition(filter, session)
        if failed:
            tally.leave_out(failed, assumed=failed in session.missing)
        else:
            yield session
    tally.absent = tuple(sorted(absent))


def named_ids(filter: TraceFilter) -> tuple[str, ...]:
    """The ids of sessions that *filter* names, to take or to leave out."""
    return (*filter.session_ids, *filter.exclude_session_ids)


def _failed_by_id(filter: TraceFilter, id: str) -> str | None:
    if filter.session_ids and id not in filter.session_ids:
        return "sessionIds"
    return "excludeSessionIds" if id in filter.exclude_session_ids else None


def _failed_by_review(filter: TraceFilter, session: Session) -> str | None:
    if not set(session.missing).isdisjoint(filter.require):
        return "require"
    if filter.status and lower(session.status) not in map(lower, filter.status):
        return "status"
    if filter.review_status and lower(session.review_status) not in map(lower, filter.review_status):
        return "reviewStatus"
    return None


def _failed_by_reward(filter: TraceFilter, session: Session) -> str | None:
    lowest, highest = filter.min_reward, filter.max_reward
    if lowest is None and highest is None:
        return None
    if session.reward is None:
        return "unknownReward"
    if lowest is not None and session.reward < lowest - REWARD_EPSILON:
        return "minReward"
    if highest is not None and session.reward > highest + REWARD_EPSILON:
        return "maxReward"
    return None


def _failed_by_origin(filter: TraceFilter, session: Session) -> str | None:
    if filter.learning_keys and session.learning_key not in filter.learning_keys:
        return "learningKeys"
    if filter.tags and not set(filter.tags) & set(session.tags):
        return "tags"
    if filter.projects and session.project not in filter.projects:
        return "projects"
    if filter.execution_modes and session.execution_mode not in filter.execution_modes:
        return "executionModes"
    return _failed_by_date(filter, session.created_at)


def _failed_by_date(filter: TraceFilter, created_at: datetime | None) -> str | None:
    if filter.created_after and (created_at is None or created_at < filter.created_after):
        return "createdAfter"
    if filter.created_before and (created_at is None or created_at >= filter.created_before):
        return "createdBefore"
    return None


class _Ranked(NamedTuple):
    """A session on the heap. The smallest is the first to go; `arrival` is unique, so sessions are never compared."""

    dated: bool
    age: int
    row: int
    place: int
    arrival: int
    session: Session


def _ranked(session: Session, arrival: int, newest: bool) -> _Ranked:
    """Key that orders by (created_at, id) from the wanted end. Sessions without a date go first, whichever end that is.

    Ids that are no numbers fall back to the place in the stream: the SDK exports newest first.
    """
    sign = 1 if newest else -1
    age = (session.created_at - _EPOCH) // timedelta(microseconds=1) if session.created_at else 0
    row = int(session.id) if is_row_number(session.id) else 0
    return _Ranked(session.created_at is not None, sign * age, sign * row, -sign * arrival, arrival, session)


def _limited(filter: TraceFilter, limit: int, sessions: Iterator[Session], tally: Tally) -> Iterator[Session]:
    offset = filter.offset or 0
    first: list[_Ranked] = []
    for _ in _pushed_out(first, offset + limit, filter, sessions):
        tally.leave_out("limit")
    kept = sorted(first, reverse=True)
    for _ in kept[:offset]:
        tally.leave_out("offset")
    for entry in sorted(kept[offset:], key=lambda ranked: ranked.arrival):
        yield entry.session


def _skipped(filter: TraceFilter, offset: int, sessions: Iterator[Session], tally: Tally) -> Iterator[Session]:
    first: list[_Ranked] = []
    yield from _pushed_out(first, offset, filter, sessions)
    for _ in first:
        tally.leave_out("offset")


def _pushed_out(
    first: list[_Ranked], count: int, filter: TraceFilter, sessions: Iterator[Session]
) -> Iterator[Session]:
    """Yield each session once it is known not to be among the first *count*, which are in the heap *first* at last."""
    for arrival, session in enumerate(sessions):
        entry = _ranked(session, arrival, newest=filter.order == "newest")
        if len(first) < count:
            heapq.heappush(first, entry)
        else:
            yield heapq.heappushpop(first, entry).session

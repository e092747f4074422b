"""The SQL of the Postgres source and the filter of the other sources must mean the same."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sdk.rows import breakdown, insert_session, stats
from support.traces.reading import read_all, traces_of

from atlas_api.training.traces import TraceFilter
from atlas_trainer.traces.filters import filter_sessions
from atlas_trainer.traces.session import Session, Tally

DAY = datetime(2026, 10, 1, tzinfo=UTC)
SCORES: list[Any] = [0.0, 0.2, 0.6999999999999998, 0.7, 0.70001, 0.8000000000000002, 1.0, "0.91", "NaN", "Infinity"]
METADATA: list[Any] = [
    None,
    {},
    [],
    {"learning_key": "refunds", "tags": ["crm", "eu"], "project_root": "/srv/agent", "execution_mode": "paired"},
    {"learning_key": "orders", "tags": "crm", "project_root": "/srv", "execution_mode": "auto"},
    {"learning_key": " ", "tags": ["crm", 7, None, ""], "execution_mode": " ", "project_root": ""},
    {"tags": {"crm": True}, "adaptive_summary": {"adaptive_mode": "coach"}},
    {"learning_key": None, "tags": [], "execution_mode": "", "adaptive_summary": {"adaptive_mode": "paired"}},
    {"learning_key": 42},
    {"learning_key": "42"},
    {"learning_key": True},
    {"learning_key": [42]},
]
# What the driver cannot read is no date. Many sessions have the same one.
DATES = [
    *((DAY + timedelta(days=days)).isoformat() for days in range(4)),
    *("infinity", "-infinity", "0044-03-15 00:00:00+00 BC", "10001-01-01 00:00:00+00", "0999-12-31 00:00:00+00"),
]
IDS = st.sets(st.sampled_from([*map(str, range(1, 151)), "07", "0", "151", "7 ", "seven"])).map(tuple)

FILTERS = st.fixed_dictionaries(
    {
        "status": st.sets(st.sampled_from(["succeeded", "FAILED", "running", "Straße"])).map(tuple),
        "review_status": st.sets(st.sampled_from(["Approved", "pending", "quarantined"])).map(tuple),
    },
    optional={
        "session_ids": IDS,
        "exclude_session_ids": IDS,
        "require": st.sets(st.sampled_from(["status", "reviewStatus"])).map(tuple),
        "min_reward": st.sampled_from([0.0, 0.2, 0.7, 0.8, 1.0]),
        "max_reward": st.sampled_from([0.0, 0.2, 0.7, 0.8, 1.0]),
        "learning_keys": st.sets(st.sampled_from(["refunds", "orders", "none", "42", "true"])).map(tuple),
        "tags": st.sets(st.sampled_from(["crm", "eu", "us"])).map(tuple),
        "projects": st.sets(st.sampled_from(["/srv", "/srv/agent"])).map(tuple),
        "execution_modes": st.sets(st.sampled_from(["paired", "coach", "auto"])).map(tuple),
        "created_after": st.integers(0, 4).map(lambda days: DAY + timedelta(days=days)),
        "created_before": st.integers(0, 4).map(lambda days: DAY + timedelta(days=days)),
        "offset": st.integers(0, 40),
        "limit": st.integers(1, 40),
        "order": st.sampled_from(["newest", "oldest"]),
    },
)


@pytest.fixture
def varied_database(database_url: str) -> str:
    """A database with 150 sessions that differ in everything a filter looks at."""
    pick = random.Random(0).choice
    with psycopg.connect(database_url) as connection:
        for _ in range(150):
            score = pick(SCORES)
            stored = pick([None, stats(score), {"score_mean": score}, {"score": None}, [score]])
            insert_session(
                connection,
                status=pick(["succeeded", "Succeeded", "failed", "running", "STRAßE", ""]),
                review_status=pick(["approved", "APPROVED", "pending", "Quarantined", ""]),
                metadata=pick(METADATA),
                reward_stats=stored,
                reward=pick([None, breakdown(score), breakdown(0.0, "No valid reward sample produced.", 1.0)]),
                created_at=pick(DATES),
                events=[],
            )
    return database_url


@pytest.fixture
def everything(varied_database: str, tmp_path: Path) -> list[Session]:
    """All sessions of the varied database."""
    sessions, _ = read_all(traces_of(varied_database, tmp_path, status=(), review_status=()))
    return sessions


def ids(sessions: list[Session]) -> list[int]:
    return sorted(int(session.id) for session in sessions)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conditions=FILTERS)
def test_the_filter_in_python_and_in_sql_keep_and_count_the_same_sessions(
    varied_database: str, everything: list[Session], tmp_path: Path, conditions: dict[str, Any]
) -> None:
    in_python = Tally()

    kept = list(filter_sessions(TraceFilter(**conditions), iter(everything), in_python))
    chosen, in_sql = read_all(traces_of(varied_database, tmp_path, **conditions))

    assert ids(kept) == ids(chosen)
    assert in_python == in_sql

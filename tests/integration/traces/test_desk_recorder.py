"""The order desk records what the SDK's own runtime records of the same visits: the SDK reads it, and so do we."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from support.sdk.order_desk import ANSWERS, AT_ONCE, FAILED, GUIDED, Scripted, run_desk, visits
from support.traces.reading import traces_of

from atlas_api.training.traces import FileTraces, Traces
from atlas_trainer.dataset.session_rows import session_rows
from atlas_trainer.traces.postgres import read_postgres
from atlas_trainer.traces.session import Session, Tally
from desk.coach import PIECES
from desk.prompt import asked
from desk.recording.recorder import count_sessions, create_tables, record, recorded_messages
from desk.recording.review import Review
from desk.shift import work
from desk.summary import agents

REVIEWS = [Review("approved"), Review("approved"), Review("quarantined", "objected"), Review("pending")]

TABLES = ("sessions", "plans", "step_results", "step_attempts", "guidance_notes", "trajectory_events")
OWN_COLUMNS = ("id", "session_id", "created_at", "completed_at", "review_status", "review_notes")
"""Columns that two recordings of the same visits do not share: keys, times, and what the reviewer did afterwards."""

TIMES = ("timestamp", "event_timestamp", "student_ms", "validation_ms", "guidance_ms", "total_ms")
IDS = ("UUID", "parent_id", "run_id")


@pytest.fixture
def recorded(database_url: str) -> str:
    """URL of a database that holds one visit of each kind."""
    with psycopg.connect(database_url) as connection:
        create_tables(connection)
        record(connection, visits(), REVIEWS, "base")
    return database_url


def recordings(connection: psycopg.Connection[Any], sessions: list[int]) -> list[dict[str, Any]]:
    """Everything that is recorded about *sessions*, in the order of their ids."""
    found = []
    for session in sessions:
        tables = {}
        for table in TABLES:
            key = "id" if table == "sessions" else "session_id"
            cursor = connection.cursor(row_factory=dict_row)
            rows = cursor.execute(f"SELECT * FROM {table} WHERE {key} = %s ORDER BY 1".encode(), [session])
            tables[table] = [{name: row[name] for name in row if name not in OWN_COLUMNS} for row in rows]
        found.append(comparable(tables, {}))
    return found


def comparable(value: Any, ids: dict[str, int], path: tuple[str, ...] = ()) -> Any:
    """*value* with ids numbered in the order in which they appear, times gone, and what the judge was told gone."""
    name = path[-1] if path else ""
    if isinstance(value, dict):
        return {key: comparable(part, ids, (*path, key)) for key, part in value.items()}
    if isinstance(value, list):
        return [comparable(part, ids, path) for part in value]
    if name in IDS and value not in (None, "root"):
        return ids.setdefault(value, len(ids))
    if name in TIMES or path[-3:] == ("reward_audit", "messages", "content") or path[-2:] == ("reward_audit", "model"):
        return type(value).__name__
    return round(value, 9) if isinstance(value, float) else value


def read(url: str, folder: Path) -> dict[str, Session]:
    everything = traces_of(url, folder, review_status=("approved", "quarantined", "pending"))
    return {session.task: session for session in read_postgres(everything, Tally())}


def sdk_traces(url: str) -> dict[str, Any]:
    from atlas.config.models import StorageConfig
    from atlas.training_data import get_training_sessions
    from support.sdk import recorder  # noqa: F401 - keeps the SDK off the network

    config = StorageConfig(database_url=url, apply_schema_on_connect=False)
    return {trace.task: trace for trace in get_training_sessions(url, config=config)}


def test_our_tables_are_the_sdks_tables(database_url: str) -> None:
    query = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'discovery_runs' ORDER BY 1, 2"
    )
    with psycopg.connect(database_url) as connection:
        theirs = connection.execute(query).fetchall()
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.commit()
        create_tables(connection)
        ours = connection.execute(query).fetchall()
    assert ours == theirs


def test_making_the_tables_again_keeps_what_is_recorded(recorded: str) -> None:
    with psycopg.connect(recorded) as connection:
        create_tables(connection)
        assert count_sessions(connection, "base") == 4
        assert count_sessions(connection, "run-0001") == 0
        assert recorded_messages(connection) == set(ANSWERS)


def test_the_real_sdk_reads_every_session_with_its_steps(recorded: str) -> None:
    traces = sdk_traces(recorded)
    assert set(traces) == set(ANSWERS)
    guided = traces[GUIDED.message]
    [step] = guided.steps
    assert guided.final_answer == step.output == "512"
    assert (step.attempts, step.guidance) == (2, [PIECES])
    assert guided.session_reward["score"] == 0.6
    assert guided.learning_key == "order-desk"
    assert guided.session_metadata["ground_truth"] == "512"


def test_a_failed_session_has_neither_plan_nor_steps_nor_reward(recorded: str) -> None:
    with psycopg.connect(recorded) as connection:
        status, answer, reward = connection.execute(
            "SELECT status, final_answer, reward FROM sessions WHERE task = %s", [FAILED.message]
        ).fetchone()  # type: ignore[misc]
        planned = connection.execute("SELECT count(*) FROM plans").fetchone()
    assert (status, answer, reward) == ("failed", "", None)
    assert planned == (3,)
    assert sdk_traces(recorded)[FAILED.message].steps == []


def test_our_reader_sees_both_attempts_and_the_guidance_between_them(recorded: str, tmp_path: Path) -> None:
    session = read(recorded, tmp_path)[GUIDED.message]
    attempts = session.steps[0].attempts
    assert [(attempt.output, attempt.guidance) for attempt in attempts] == [
        ("The order number is 4.", PIECES),
        ("512", None),
    ]
    assert (session.reward, session.review_status, session.execution_mode) == (0.6, "approved", "paired")
    assert (session.system_prompt, session.ground_truth) == (None, "512")


def test_the_trainers_prompts_are_what_the_agent_was_asked(recorded: str, tmp_path: Path) -> None:
    sessions = read(recorded, tmp_path)
    for visit in visits()[:3]:
        found = session_rows(sessions[visit.task.message], Traces(file=FileTraces(path="-"), prompts="recorded"))
        assert not isinstance(found, str)
        assert [list(row.prompt) for row in found.rows] == [list(attempt.asked) for attempt in visit.attempts]
        assert {row.reference for row in found.rows} == {str(visit.task.order)}


def test_the_recorder_writes_what_the_sdks_runtime_writes_of_the_same_visits(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        ours = recordings(connection, record(connection, visits(), REVIEWS, "base"))
        theirs = recordings(connection, run_desk(database_url, "base"))
    for visit, own, real in zip(visits(), ours, theirs, strict=True):
        for table in TABLES:
            assert own[table] == real[table], f"{table} of {visit.task.message}"


def test_a_second_try_is_asked_anew_with_the_guidance_and_without_the_refused_answer() -> None:
    first, second = visits()[1].attempts
    assert list(first.asked) == asked(GUIDED.message)
    assert list(second.asked) == asked(GUIDED.message, [PIECES])
    assert first.answer.text not in str(second.asked)


def test_events_are_nested_and_every_start_has_its_end(recorded: str) -> None:
    with psycopg.connect(recorded) as connection:
        events = [
            row[0]
            for row in connection.execute(
                "SELECT event FROM trajectory_events e JOIN sessions s ON s.id = e.session_id"
                " WHERE s.task = %s ORDER BY e.id",
                [GUIDED.message],
            )
        ]
    open_spans = ["root"]
    for event in events:
        payload = event["payload"]
        if payload["event_type"].endswith("_END"):
            assert open_spans.pop() == payload["UUID"]
        around = open_spans[:-1] if payload["event_type"] == "SPAN_CHUNK" else open_spans
        assert event["parent_id"] == around[-1]
        if payload["event_type"].endswith("_START"):
            open_spans.append(payload["UUID"])
    assert open_spans == ["root"]
    names = [event["payload"]["name"] for event in events if event["payload"]["event_type"] == "TASK_START"]
    assert names == ["step_1", "agent", "agent"] * 2


def test_the_sdks_own_event_model_accepts_every_event(recorded: str) -> None:
    from atlas.runtime.models import IntermediateStep
    from support.sdk import recorder  # noqa: F401 - keeps the SDK off the network

    with psycopg.connect(recorded) as connection:
        for (event,) in connection.execute("SELECT event FROM trajectory_events"):
            assert IntermediateStep.model_validate(event).model_dump(mode="json") == event


def test_the_summary_counts_each_agent_by_itself_and_every_session_once(recorded: str) -> None:
    with psycopg.connect(recorded) as connection:
        record(connection, work(Scripted(), [AT_ONCE]), [Review("approved")], "run-0001")
        base, trained = agents(connection)
    assert (base.model, base.sessions, base.tokens) == ("base", 4, 6.0)
    assert (base.alone, base.guided, base.wrong, base.failed) == (1, 1, 1, 1)
    assert (trained.model, trained.sessions, trained.alone) == ("run-0001", 1, 1)

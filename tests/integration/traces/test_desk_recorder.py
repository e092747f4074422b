"""The order desk records as arc-atlas does: the SDK reads its sessions, and so do we."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.traces.reading import traces_of

from atlas_trainer.dataset.turns import turns_of
from atlas_trainer.traces.postgres import read_postgres
from atlas_trainer.traces.session import Session, Tally
from desk.agent import SYSTEM_PROMPT, Answer
from desk.coach import PIECES
from desk.recording.recorder import count_sessions, create_tables, record, recorded_messages
from desk.recording.review import Review
from desk.shift import Visit, opening, work
from desk.summary import agents
from desk.tasks import Task

AT_ONCE = Task("Order 237: 3 lamps broken.", 237, 3, None)
GUIDED = Task("For order 512, Kim wants 4 more cups.", 512, 4, "Kim")
WRONG = Task("Where is order 640 with 2 pens?", 640, 2, None)
FAILED = Task("From order 481, cancel 5 bowls.", 481, 5, None)
ANSWERS = {
    AT_ONCE.message: ["The order number is 237."],
    GUIDED.message: ["The order number is 4.", "512"],
    WRONG.message: ["2", "The order is 2."],
    FAILED.message: ["I do not know", "Sorry"],
}
REVIEWS = [Review("approved"), Review("approved"), Review("quarantined", "objected"), Review("pending")]


class Scripted:
    """An agent that has its answers ready."""

    def answer(self, conversations):  # type: ignore[no-untyped-def]
        return [
            Answer(ANSWERS[conversation[1]["content"]][len(conversation) // 4], 30, 6, 12.5)
            for conversation in conversations
        ]


def visits() -> list[Visit]:
    return work(Scripted(), [AT_ONCE, GUIDED, WRONG, FAILED])


@pytest.fixture
def recorded(database_url: str) -> str:
    """URL of a database that holds one visit of each kind."""
    with psycopg.connect(database_url) as connection:
        create_tables(connection)
        record(connection, visits(), REVIEWS, "base")
    return database_url


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
    assert (session.system_prompt, session.ground_truth) == (SYSTEM_PROMPT, "512")


def test_the_trainers_prompt_is_the_conversation_that_the_agent_had(recorded: str, tmp_path: Path) -> None:
    for task in (AT_ONCE, GUIDED, WRONG):
        turn = turns_of(read(recorded, tmp_path)[task.message])[0]
        assert (list(turn.prompt), turn.origin) == (opening(task)[1:], "recorded")


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
        assert event["parent_id"] == open_spans[-1]
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


def test_the_summary_counts_each_agent_by_itself(recorded: str) -> None:
    with psycopg.connect(recorded) as connection:
        record(connection, work(Scripted(), [AT_ONCE]), [Review("approved")], "run-0001")
        base, trained = agents(connection)
    assert (base.model, base.sessions, base.alone, base.guided, base.failed) == ("base", 4, 1, 1, 1)
    assert (base.calls, base.tokens) == (7 / 4, 6.0)
    assert (trained.model, trained.sessions, trained.alone) == ("run-0001", 1, 1)

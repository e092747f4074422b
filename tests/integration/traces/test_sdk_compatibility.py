"""Sessions that the SDK's own runtime produced and stored are read back whole."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.traces.reading import read_all, traces_of

from atlas_trainer.traces.session import Session, Step, StepAttempt

NOTE = "Check the order state first"
TWO_ATTEMPTS = (StepAttempt("Refund sent", NOTE), StepAttempt("Refunded"))
EVERYTHING: dict[str, Any] = {"status": (), "review_status": ()}


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Any:
    """A function that runs agents and reads what they left, without any filter."""
    from support.sdk.runtime import run_agents

    def work(*runs: dict[str, Any]) -> list[Session]:
        ids = run_agents(database_url, *runs)
        sessions, _ = read_all(traces_of(database_url, tmp_path, **EVERYTHING))
        assert [int(session.id) for session in sessions] == ids
        return sessions

    return work


def test_retried_session_is_read_whole(run: Any) -> None:
    recorded = {"learning_key": "refunds", "tags": ["crm"], "project_root": "/srv/agent", "ground_truth": "yes"}
    (session,) = run({"metadata": recorded})
    assert (session.task, session.final_answer, session.status) == ("Refund order 12", "Refunded", "succeeded")
    assert session.review_status == "approved"
    assert [step.attempts for step in session.steps] == [TWO_ATTEMPTS]
    assert session.steps[0].description
    assert (session.learning_key, session.tags, session.project) == ("refunds", ("crm",), "/srv/agent")
    assert (session.execution_mode, session.ground_truth) == ("paired", "yes")
    assert session.created_at is not None


def test_session_of_the_auto_lane_is_one_attempt(run: Any) -> None:
    (session,) = run({"mode": "auto", "answers": ["Refunded"], "notes": []})
    assert session.execution_mode == "auto"
    assert session.steps[0].attempts == (StepAttempt("Refunded"),)


def test_mean_of_equal_judges_passes_its_own_threshold(run: Any, database_url: str, tmp_path: Path) -> None:
    from support.sdk.runtime import judge_reply

    sessions = run(*({"judge": judge_reply(score)} for score in (0.7, 0.8, 0.3)))
    assert [session.reward for session in sessions] == pytest.approx([0.7, 0.8, 0.3])
    within, _ = read_all(traces_of(database_url, tmp_path, min_reward=0.7, max_reward=0.8))
    assert [session.id for session in within] == [session.id for session in sessions[:2]]


def test_judge_that_returned_garbage_leaves_the_reward_unknown(run: Any, database_url: str) -> None:
    from support.sdk.runtime import GARBAGE

    (session,) = run({"judge": GARBAGE})
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT reward_stats ->> 'score' FROM sessions").fetchone() == ("0.0",)
    assert (session.status, session.reward) == ("succeeded", None)


def test_attempt_that_raised_is_no_turn(run: Any) -> None:
    (session,) = run({"answers": ["Refund sent", None]})
    assert (session.status, session.final_answer) == ("failed", "")
    assert session.steps == (Step(1, "", (StepAttempt("Refund sent", NOTE),)),)


def test_agent_that_raised_at_once_leaves_no_step(run: Any) -> None:
    (session,) = run({"answers": [None]})
    assert (session.status, session.steps) == ("failed", ())


def test_failed_finalisation_stores_events_twice_and_they_count_once(run: Any, database_url: str) -> None:
    (session,) = run({"finalize_fails": True})
    with psycopg.connect(database_url) as connection:
        counts = connection.execute("SELECT count(*), count(DISTINCT event) FROM trajectory_events").fetchone()
    assert counts is not None
    assert counts[0] == 2 * counts[1] > 0
    assert session.status == "failed"
    assert session.steps[0].attempts == TWO_ATTEMPTS


def test_long_answers_and_strange_characters_come_back_as_they_were(run: Any) -> None:
    long, odd = "é" * 200_000, "line\u2028next\u2029 \U0001f600 \\u0041 {}"
    (session,) = run({"answers": [long, odd], "task": odd})
    assert (session.task, session.final_answer) == (odd, odd)
    assert session.steps[0].attempts == (StepAttempt(long, NOTE), StepAttempt(odd))

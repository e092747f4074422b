"""Exports that the real SDK wrote give the sessions that its database holds."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.traces.exports import EVERYTHING, file_traces

from atlas_api.secrets import SecretSource
from atlas_api.training.traces import PostgresTraces, TraceFilter, Traces
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.session import Session, Step, StepAttempt, Tally

SHIPPED = {
    "reward_eval_trajectories.jsonl": 40,
    "sample_probe_payloads.jsonl": 3,
    "sample_traces.jsonl": 2,
    "synthetic_runtime_tasks.jsonl": 26,
}


def read(traces: Traces) -> tuple[list[Session], Tally]:
    tally = Tally()
    return list(read_sessions(traces, tally)), tally


def shipped_data() -> Path:
    spec = importlib.util.find_spec("atlas")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "data"


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_data_sets_that_the_sdk_ships_load_completely(name: str) -> None:
    sessions, tally = read(file_traces(shipped_data() / name, filter=EVERYTHING))
    assert (len(sessions), tally.malformed) == (SHIPPED[name], [])
    assert all(session.task for session in sessions)


def test_the_trajectories_that_the_sdk_ships_keep_steps_answers_guidance_and_keys() -> None:
    sessions, _ = read(file_traces(shipped_data() / "reward_eval_trajectories.jsonl", filter=TraceFilter()))
    assert len(sessions) == 40
    assert sum(len(session.steps) for session in sessions) == 46
    assert all(step.description and step.attempts[0].output for session in sessions for step in session.steps)
    assert all(session.learning_key and session.execution_mode for session in sessions)
    assert [step.attempts[0].guidance for step in sessions[0].steps] == [
        "Check CDN logs for spikes around release 247.",
        None,
        "Include rollback instructions.",
    ]


METADATA = {
    "learning_key": "refunds",
    "tags": ["crm", "eu"],
    "project_root": "/srv/agent",
    "adaptive_summary": {"adaptive_mode": "paired"},
    "executor_system_prompt": "You refund orders.",
    "ground_truth": {"orders": [12]},
}


def record(url: str, sessions: list[tuple[str, dict[str, Any]]]) -> None:
    from support.sdk.recorder import record_session, with_database

    async def work(database: Any) -> None:
        for task, changes in sessions:
            await record_session(database, task, **changes)

    with_database(url, work)


def export(url: str, path: Path) -> int:
    from support.sdk.recorder import export_everything, with_database

    return int(with_database(url, lambda database: export_everything(database, path)))


def test_a_session_that_the_sdk_recorded_and_exported_is_read_whole(database_url: str, tmp_path: Path) -> None:
    record(database_url, [("Refund order 12", {"metadata": METADATA})])
    assert export(database_url, tmp_path / "export.jsonl") == 1

    (session,), tally = read(file_traces(tmp_path / "export.jsonl", filter=TraceFilter()))

    assert tally.malformed == []
    assert session.created_at is not None
    assert replace(session, created_at=None) == Session(
        id="1",
        task="Refund order 12",
        status="succeeded",
        review_status="approved",
        created_at=None,
        final_answer="Refunded",
        reward=0.86,
        steps=(
            Step(
                1,
                "Answer in one go",
                (StepAttempt("Paid back?", "Check the order state first"), StepAttempt("Refunded")),
            ),
        ),
        learning_key="refunds",
        tags=("crm", "eu"),
        project="/srv/agent",
        execution_mode="paired",
        system_prompt="You refund orders.",
        ground_truth='{"orders": [12]}',
    )


VARIED: list[tuple[str, dict[str, Any]]] = [
    ("All as usual", {"metadata": METADATA}),
    ("No metadata", {"metadata": None}),
    ("A number as the key", {"metadata": {"learning_key": 42}}),
    ("Quarantined with a high reward", {"review_status": "quarantined", "metadata": {"execution_mode": "auto"}}),
    ("Failed in the end", {"status": "failed"}),
    ("Line separators", {"answers": ("one\u2028two", "three\u2029four\u0085 \U0001f600")}),
    ("Large", {"answers": ("x" * 200_000, "é" * 200_000)}),
    ("Noisy mean", {"reward_stats": {"score": 0.6999999999999998}}),
    ("Only a mean", {"reward_stats": {"score_mean": 0.4}, "reward": None}),
    ("Only a breakdown", {"reward_stats": None, "reward": {"score": 0.3}}),
    ("NaN as text", {"reward_stats": {"score": "NaN"}}),
    ("Infinity as text", {"reward_stats": {"score": "Infinity"}}),
    ("Number as text", {"reward_stats": {"score": "0.91"}}),
    ("No reward", {"reward_stats": None, "reward": None}),
    (
        "Judge returned garbage",
        {
            "reward_stats": {"score": 0.0, "uncertainty_mean": 1.0},
            "reward": {"score": 0.0, "judges": [{"samples": [{"rationale": "No valid reward sample produced."}]}]},
        },
    ),
]


def postgres_traces(url: str, folder: Path, trace_filter: TraceFilter) -> Traces:
    (folder / "url").write_text(url)
    source = PostgresTraces(url_from=SecretSource(file=str(folder / "url")))
    return Traces(postgres=source, filter=trace_filter)


@pytest.mark.parametrize(
    "conditions",
    [
        {"status": (), "review_status": ()},
        {},
        {"min_reward": 0.7},
        {"max_reward": 0.7, "status": ()},
        {"tags": ("eu",)},
        {"execution_modes": ("auto", "paired"), "review_status": ()},
        {"limit": 3},
        {"limit": 3, "order": "oldest"},
        {"limit": 3, "offset": 2},
        {"offset": 5, "order": "oldest"},
        {"session_ids": ("1", "3", "99")},
        {"exclude_session_ids": ("1", "3", "99"), "review_status": ("Approved", "QUARANTINED")},
        {"learning_keys": ("42",)},
    ],
    ids=str,
)
def test_an_export_holds_the_same_sessions_as_the_database_it_came_from(
    database_url: str, tmp_path: Path, conditions: dict[str, Any]
) -> None:
    record(database_url, VARIED)
    assert export(database_url, tmp_path / "export.jsonl") == len(VARIED)
    trace_filter = TraceFilter(**conditions)

    exported, of_export = read(file_traces(tmp_path / "export.jsonl", filter=trace_filter))
    stored, of_database = read(postgres_traces(database_url, tmp_path, trace_filter))

    assert sorted(exported, key=lambda session: int(session.id)) == stored
    assert of_export == of_database


def test_sessions_whose_metadata_hides_the_row_id_are_all_kept(database_url: str, tmp_path: Path) -> None:
    shadow = {"session_id": "ticket-1", "status": "open", "created_at": "yesterday"}
    record(database_url, [("Refund order 1", {"metadata": shadow}), ("Refund order 2", {"metadata": shadow})])
    export(database_url, tmp_path / "export.jsonl")

    sessions, _ = read(file_traces(tmp_path / "export.jsonl"))

    assert [(session.id, session.status, session.created_at) for session in sessions] == [
        ("ticket-1", "succeeded", None),
        ("export.jsonl:2", "succeeded", None),
    ]

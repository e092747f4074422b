"""
The SDK's tables, and small factories that fill them as the SDK does.

The defaults make one golden session: two attempts with guidance between them, reward 0.86, approved.
"""

import itertools
import json
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

Event = dict[str, Any]

CREATED = "2025-11-20T10:00:00+00:00"
NOTE = "Check the order state first"

SCHEMA = """
CREATE TABLE sessions (
  id SERIAL PRIMARY KEY, task TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'running', metadata JSONB, final_answer TEXT,
  reward JSONB, reward_stats JSONB, reward_audit JSONB, student_learning TEXT, teacher_learning TEXT,
  review_status TEXT NOT NULL DEFAULT 'pending', review_notes TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(), completed_at TIMESTAMPTZ);
CREATE INDEX sessions_learning_key_idx ON sessions ((metadata ->> 'learning_key'));
CREATE INDEX sessions_reward_score_idx ON sessions (((reward_stats ->> 'score')::float)) WHERE reward_stats IS NOT NULL;
CREATE INDEX sessions_created_at_idx ON sessions (created_at DESC);
CREATE INDEX sessions_metadata_gin_idx ON sessions USING GIN (metadata);
CREATE TABLE plans (
  session_id INTEGER PRIMARY KEY REFERENCES sessions(id) ON DELETE CASCADE, plan JSONB NOT NULL);
CREATE TABLE step_results (
  session_id INTEGER REFERENCES sessions(id) ON DELETE CASCADE, step_id INTEGER NOT NULL, trace TEXT, output TEXT,
  evaluation JSONB, attempts INTEGER, metadata JSONB, PRIMARY KEY (session_id, step_id));
CREATE TABLE step_attempts (
  session_id INTEGER REFERENCES sessions(id) ON DELETE CASCADE, step_id INTEGER NOT NULL, attempt INTEGER NOT NULL,
  evaluation JSONB, PRIMARY KEY (session_id, step_id, attempt));
CREATE TABLE guidance_notes (
  session_id INTEGER REFERENCES sessions(id) ON DELETE CASCADE, step_id INTEGER NOT NULL, sequence INTEGER NOT NULL,
  note TEXT NOT NULL, PRIMARY KEY (session_id, step_id, sequence));
CREATE TABLE trajectory_events (
  id SERIAL PRIMARY KEY, session_id INTEGER REFERENCES sessions(id) ON DELETE CASCADE, event JSONB NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now());
CREATE TABLE learning_registry (
  learning_key TEXT PRIMARY KEY, student_learning TEXT, teacher_learning TEXT, metadata JSONB,
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now());
"""

_UUIDS = itertools.count(1)


def create_schema(connection: psycopg.Connection) -> None:
    """Make the SDK's tables and indexes. The one on events that readers would like is not among them."""
    connection.execute(SCHEMA.encode())


def stats(score: Any = 0.86, **fields: Any) -> dict[str, Any]:
    """`sessions.reward_stats`."""
    uncertainty = {"uncertainty_mean": 0.1, "uncertainty_stddev": 0.0, "best_uncertainty": 0.1}
    spread = {"score_stddev": 0.0, "sample_count": 1, "timestamp": CREATED}
    return {"score": score, "score_mean": score, **spread, **uncertainty, **fields}


def breakdown(score: Any = 0.86, rationale: str = "ok", uncertainty: float = 0.1) -> dict[str, Any]:
    """`sessions.reward`: one judge with one sample."""
    sample = {"score": score, "rationale": rationale, "principles": [], "uncertainty": uncertainty, "temperature": None}
    judge = {"identifier": "session_reward", "score": score, "rationale": rationale, "principles": []}
    judge |= {"samples": [sample], "escalated": False, "escalation_reason": None}
    return {"score": score, "rationale": None, "judges": [judge], "raw": {"score": score, "focus_prompt": None}}


def metadata(**fields: Any) -> dict[str, Any]:
    """`sessions.metadata`."""
    summary = {"adaptive_mode": "paired", "mode_history": [{"mode": "paired"}]}
    return {"learning_key": "refunds", "execution_mode": "paired", "adaptive_summary": summary, **fields}


def plan(*descriptions: str) -> dict[str, Any]:
    """`plans.plan` with steps 1, 2, ..."""
    steps: list[dict[str, Any]] = [
        {"id": number, "description": description, "tool": None, "tool_params": None, "depends_on": []}
        for number, description in enumerate(descriptions, start=1)
    ]
    return {"steps": steps, "execution_mode": "single_shot" if len(steps) == 1 else "stepwise"}


def attempt_evaluation(valid: bool = True, guidance: str | None = None) -> dict[str, Any]:
    """`evaluation` of an attempt."""
    reason = "deferred" if valid else "validation_failed"
    reward = {"score": 0.0, "rationale": reason, "judges": [], "raw": {"skipped": True, "reason": reason}}
    return {"validation": {"valid": valid, "guidance": guidance, "cached": False}, "reward": reward}


def event(kind: str, name: str, *, uuid: str | None = None, actor: str | None = None, **data: Any) -> Event:
    """`trajectory_events.event`. Keywords `input` and `output` make its data."""
    speaker = {"actor": actor, "step_id": 1} if actor else None
    uuid = uuid or f"uuid-{next(_UUIDS)}"
    payload = {
        "event_type": kind,
        "event_timestamp": 1.0,
        "name": name,
        "UUID": uuid,
        "metadata": speaker,
        "data": data,
    }
    ancestry = {"function_id": "root", "function_name": "root"}
    return {"parent_id": "root", "function_ancestry": ancestry, "payload": payload}


def answer(text: str, evaluation: dict[str, Any] | None = None) -> dict[str, Any]:
    """`data.output` of TASK_END: the answer sits in objects, several times."""
    structured = {"text": text, "deliverable": text, "artifacts": {}, "result": {"deliverable": text, "artifacts": {}}}
    return {
        "trace": f"AI: {text}",
        "output": structured,
        "evaluation": evaluation or attempt_evaluation(),
        "metadata": {"status": "ok", "structured_output": structured},
        "runtime": {"reward_skipped": True},
        "status": "passed",
        "artifacts": {},
        "deliverable": text,
        "context_entry": {"output_text": text, "artifacts": {}, "structured_output": structured},
    }


def attempt_events(
    output: str | None, *, step: int = 1, number: int = 1, guidance: Sequence[str] = (), refusal: str | None = None
) -> list[Event]:
    """One attempt: its TASK pair, and inside it the pairs of the agent's own graph. With output None it raised."""
    uuid = f"uuid-{next(_UUIDS)}"
    start = {"step": {"id": step}, "context": {}, "guidance": list(guidance), "attempt": number}
    end = {"error": "boom"} if output is None else answer(output, attempt_evaluation(refusal is None, refusal))
    inner = [
        event("TASK_START", "agent", uuid=f"{uuid}-a", actor="student", input="state"),
        event("TASK_END", "agent", uuid=f"{uuid}-a", actor="student", output="AgentDecision.END"),
    ]
    first = event("TASK_START", f"step_{step}", uuid=uuid, input=start)
    return [first, *inner, event("TASK_END", f"step_{step}", uuid=uuid, output=end)]


def run_events(
    outputs: Sequence[str | None] = ("Refund sent", "Refunded"), notes: Sequence[str] = (NOTE,)
) -> list[Event]:
    """A whole run of one step: every attempt but the last is refused with the next note."""
    events = [event("WORKFLOW_START", "orchestration", input="task")]
    for number, output in enumerate(outputs, start=1):
        refusal = notes[number - 1] if number <= len(notes) and number < len(outputs) else None
        events += attempt_events(output, number=number, guidance=notes[: number - 1], refusal=refusal)
    return [*events, event("WORKFLOW_END", "orchestration", output="done")]


def insert_session(
    connection: psycopg.Connection,
    *,
    task: str = "Refund order 12",
    status: str = "succeeded",
    review_status: str = "approved",
    final_answer: str | None = "Refunded",
    metadata: Any = metadata(),  # noqa: B008
    reward: Any = breakdown(),  # noqa: B008
    reward_stats: Any = stats(),  # noqa: B008
    created_at: str = CREATED,
    plan: Any = plan("Answer in one go"),  # noqa: B008
    outputs: Sequence[str | None] = ("Refund sent", "Refunded"),
    notes: Sequence[str] = (NOTE,),
    step_results: Sequence[tuple[int, str | None, int | None]] | None = None,
    events: Sequence[Event] | None = None,
) -> int:
    """
    Store one session with its children, return its id. None for `plan` stores no plan.

    `outputs` are the attempts of step 1 (None: it raised), `notes` the guidance between them; `step_results` rows
    (step id, output, attempts) and `events` follow from these unless they are given.
    """
    session_id = _insert(
        connection,
        "sessions",
        task=task,
        status=status,
        review_status=review_status,
        final_answer=final_answer,
        metadata=_json(metadata),
        reward=_json(reward),
        reward_stats=_json(reward_stats),
        created_at=created_at,
        returning="id",
    )
    if plan is not None:
        _insert(connection, "plans", session_id=session_id, plan=_json(plan))
    if step_results is None:
        step_results = [(1, outputs[-1], len(outputs))] if outputs and outputs[-1] is not None else []
    for step_id, output, attempts in step_results:
        insert_result(connection, session_id, step_id, output, attempts)
    for number in range(1, len(outputs) + 1) if step_results else ():
        refusal = notes[number - 1] if number <= len(notes) and number < len(outputs) else None
        evaluation = Jsonb(attempt_evaluation(refusal is None, refusal))
        _insert(connection, "step_attempts", session_id=session_id, step_id=1, attempt=number, evaluation=evaluation)
    for sequence, note in enumerate(notes, start=1):
        _insert(connection, "guidance_notes", session_id=session_id, step_id=1, sequence=sequence, note=note)
    insert_events(connection, session_id, run_events(outputs, notes) if events is None else events)
    return session_id


def insert_result(
    connection: psycopg.Connection, session_id: int, step_id: int, output: str | None, attempts: int | None
) -> None:
    """Insert one row of step_results."""
    row: dict[str, Any] = {"session_id": session_id, "step_id": step_id, "trace": f"AI: {output}", "output": output}
    _insert(
        connection, "step_results", **row, attempts=attempts, evaluation=Jsonb(attempt_evaluation()), metadata=Jsonb({})
    )


def insert_events(connection: psycopg.Connection, session_id: int, events: Sequence[Event]) -> None:
    """Insert rows of trajectory_events, in this order."""
    rows = [(session_id, json.dumps(each)) for each in events]
    connection.cursor().executemany("INSERT INTO trajectory_events(session_id, event) VALUES (%s, %s)", rows)


def _json(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value)


def _insert(connection: psycopg.Connection, table: str, *, returning: str = "", **columns: Any) -> int:
    names = ", ".join(columns)
    places = ", ".join(f"%({name})s" for name in columns)
    query = f"INSERT INTO {table}({names}) VALUES ({places})" + (f" RETURNING {returning}" if returning else "")
    cursor = connection.execute(query.encode(), columns)
    return int(cursor.fetchone()[0]) if returning else 0  # type: ignore[index]

"""Sessions written and exported by the real SDK. Importing this module takes seconds."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else importing the SDK asks the network for prices

from atlas.cli.jsonl_writer import export_sessions
from atlas.config.models import StorageConfig
from atlas.runtime.models import IntermediateStep, IntermediateStepPayload, IntermediateStepType
from atlas.runtime.models.invocation_node import InvocationNode
from atlas.runtime.storage.database import Database
from atlas.types import Plan, Step, StepEvaluation, StepResult


def with_database(url: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Run `work` with the SDK's database layer connected to `url`."""

    async def connected() -> Any:
        # The wheel lacks the schema file that it would apply on connect.
        database = Database(StorageConfig(database_url=url, apply_schema_on_connect=False))
        await database.connect()
        try:
            return await work(database)
        finally:
            await database.disconnect()

    return asyncio.run(connected())


async def record_session(database: Any, task: str, **changes: Any) -> int:
    """
    Record a session in the order in which the SDK's runtime does: one step, refused once, guided, passed.

    Keywords: `metadata`, `answers` (two), `reward`, `reward_stats`, `review_status`, `status`.
    """
    first, second = changes.get("answers", ("Paid back?", "Refunded"))
    guidance = "Check the order state first"
    refused = StepEvaluation(validation={"valid": False, "guidance": guidance}, reward={"score": 0.0})
    passed = StepEvaluation(validation={"valid": True, "guidance": None}, reward={"score": 0.0})
    session_id = await database.create_session(task, metadata=changes.get("metadata"))
    await database.log_plan(
        session_id, Plan(steps=[Step(id=1, description="Answer in one go")], execution_mode="single_shot")
    )
    result = StepResult(
        step_id=1,
        trace=f"AI: {second}",
        output=second,
        evaluation=passed,
        attempts=2,
        metadata={"status": "ok", "artifacts": {}, "deliverable": second, "runtime": {"reward_skipped": True}},
    )
    await database.log_step_result(session_id, result)
    attempts = [{"attempt": 1, "evaluation": refused.to_dict()}, {"attempt": 2, "evaluation": passed.to_dict()}]
    await database.log_step_attempts(session_id, 1, attempts)
    await database.log_guidance(session_id, 1, [guidance])
    await database.log_session_reward(
        session_id,
        changes.get("reward", {"score": 0.86, "judges": []}),
        None,
        None,
        reward_stats=changes.get("reward_stats", {"score": 0.86, "score_mean": 0.86}),
    )
    await database.update_session_review_status(session_id, changes.get("review_status", "approved"))
    for event in _attempt_events(1, first, []) + _attempt_events(2, second, [guidance]):
        await database.log_intermediate_step(session_id, event)
    await database.finalize_session(session_id, second, changes.get("status", "succeeded"))
    return int(session_id)


def _attempt_events(attempt: int, answer: str, guidance: list[str]) -> list[Any]:
    task = f"task-{attempt}"
    ended = {
        "output": {"text": answer, "deliverable": answer, "artifacts": {}, "result": None},
        "context_entry": {"output_text": answer},
        "status": "completed",
    }
    start = {"input": {"attempt": attempt, "guidance": guidance, "context": {}}}
    return [
        _event(IntermediateStepType.TASK_START, "step_1", task, start),
        _event(IntermediateStepType.TASK_END, "agent", f"agent-{attempt}", {"output": "AgentDecision.END"}),
        _event(IntermediateStepType.TASK_END, "step_1", task, {"output": ended}),
    ]


def _event(kind: Any, name: str, uuid: str, data: dict[str, Any]) -> Any:
    payload = IntermediateStepPayload(event_type=kind, name=name, UUID=uuid, data=data)
    ancestry = InvocationNode(function_id="root", function_name="root")
    return IntermediateStep(parent_id="root", function_ancestry=ancestry, payload=payload)


async def export_everything(database: Any, path: Path) -> int:
    """Export sessions of every review status; return how many."""
    summary = await export_sessions(database, path, include_all_review_statuses=True)
    return int(summary.sessions)

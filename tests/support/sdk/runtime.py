"""
The SDK's own runtime with a scripted agent, teacher and judge model: real events, real rewards, real metadata.

Its orchestrator and evaluator run as they are; what they leave behind is stored by the functions that its `arun` uses.
Importing this module takes seconds.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from support.sdk.recorder import with_database

# isort: split
# `support.sdk.recorder` sets the environment before the SDK is imported.
from atlas.config.models import (
    AdaptiveTeachingConfig,
    LLMParameters,
    LLMProvider,
    OrchestrationConfig,
    ReviewWorkflowConfig,
    RIMConfig,
    RuntimeSafetyConfig,
)
from atlas.core import _persist_events, _persist_failure_metadata, _persist_results
from atlas.evaluation.evaluator import Evaluator
from atlas.personas.student import StudentStepResult
from atlas.runtime.orchestration.execution_context import ExecutionContext
from atlas.runtime.orchestration.orchestrator import Orchestrator

ENOUGH = '{"score": 0.7, "uncertainty": 0.1, "rationale": "fine", "principles": []}'
GARBAGE = "no JSON at all"
NO_REVIEW = RuntimeSafetyConfig(review=ReviewWorkflowConfig(require_approval=False))


@dataclass
class ScriptedAgent:
    """An agent that gives its answers one after the other; None raises."""

    answers: list[str | None]

    async def aexecute_step(self, step: Any, context: Any, guidance: Any) -> StudentStepResult:
        """Answer a step once."""
        answer = self.answers.pop(0)
        if answer is None:
            raise RuntimeError("the agent broke")
        structured = {
            "status": "ok",
            "text": answer,
            "result": {"deliverable": answer, "artifacts": {"n": len(guidance)}},
        }
        meta = {"structured_output": structured}
        return StudentStepResult(trace=f"AI: {answer}", output=answer, messages=[], metadata=meta, deliverable=answer)


@dataclass
class ScriptedTeacher:
    """A teacher that refuses with each note in turn, then accepts."""

    notes: list[str]

    def validation_signature(self, *seen: Any) -> str:
        """Return a signature that is never the same twice."""
        return str(len(self.notes))

    async def avalidate_step(self, *seen: Any) -> dict[str, Any]:
        """Return the validation of an attempt."""
        return {"valid": False, "guidance": self.notes.pop(0)} if self.notes else {"valid": True, "guidance": None}

    def collect_results(self, summaries: Sequence[Any]) -> list[Any]:
        """Return the summaries as they are."""
        return list(summaries)


@dataclass
class ScriptedModel:
    """A model that gives every call the same reply."""

    reply: str
    model: str = "scripted"

    async def acomplete(self, messages: Any, **options: Any) -> Any:
        """Reply to a call."""
        return SimpleNamespace(content=self.reply, reasoning=None, raw={})


def run_agents(url: str, *runs: dict[str, Any]) -> list[int]:
    """
    Run and store one session for each dict, return their ids.

    Keys: `task`, `answers`, `notes`, `judge` (the judge model's reply), `mode` (auto or paired), `metadata`,
    `student` (in place of one that gives the answers), `safety` (its configuration of reviews and drift),
    `finalize_fails` (everything was stored, then the last write failed: the runtime stores the events again).
    """

    async def work(database: Any) -> list[int]:
        return [await _run(database, **run) for run in runs]

    ids: list[int] = with_database(url, work)
    return ids


async def _run(
    database: Any,
    *,
    task: str = "Refund order 12",
    answers: Sequence[str | None] = ("Refund sent", "Refunded"),
    notes: Sequence[str] = ("Check the order state first",),
    judge: str = ENOUGH,
    mode: str = "paired",
    metadata: dict[str, Any] | None = None,
    student: Any = None,
    safety: RuntimeSafetyConfig = NO_REVIEW,
    finalize_fails: bool = False,
) -> int:
    orchestrator = _orchestrator(student or ScriptedAgent(list(answers)), notes, judge, mode)
    return await store_session(database, orchestrator, task, metadata, safety=safety, finalize_fails=finalize_fails)


async def store_session(
    database: Any,
    orchestrator: Any,
    task: str,
    metadata: dict[str, Any] | None = None,
    *,
    safety: RuntimeSafetyConfig = NO_REVIEW,
    finalize_fails: bool = False,
) -> int:
    """Run *orchestrator* on *task* and store the session as the SDK's `arun` does. Returns its id."""
    context = ExecutionContext.get()
    context.reset()
    context.metadata["session_metadata"] = dict(metadata or {})
    events: list[Any] = []
    subscription = context.event_stream.subscribe(events.append)
    session_id = int(await database.create_session(task, metadata=context.metadata["session_metadata"]))
    try:
        result = await orchestrator.arun(task)
        await _persist_results(database, session_id, context, result, events, runtime_safety=safety)
        if finalize_fails:
            raise RuntimeError("the database went away")
        await database.finalize_session(session_id, result.final_answer, "succeeded")
    except RuntimeError:
        await _persist_events(database, session_id, events)
        await _persist_failure_metadata(database, session_id, context)
        await database.finalize_session(session_id, "", "failed")
    finally:
        subscription.unsubscribe()
    return session_id


def _orchestrator(student: Any, notes: Sequence[str], judge: str, mode: str) -> Orchestrator:
    model = LLMParameters(provider=LLMProvider.OPENAI, model="scripted", api_key_env="NONE")
    judges = RIMConfig(small_model=model, large_model=model)
    evaluator = Evaluator(judges, small_client=ScriptedModel(judge), large_client=ScriptedModel(judge))
    return Orchestrator(
        teacher=ScriptedTeacher(list(notes)),
        student=student,
        evaluator=evaluator,
        orchestration_config=OrchestrationConfig(forced_mode=mode),
        rim_config=judges,
        adaptive_config=AdaptiveTeachingConfig(),
    )


def judge_reply(score: float) -> str:
    """Reply of a judge model with this score."""
    return json.dumps({"score": score, "uncertainty": 0.1, "rationale": "fine", "principles": []})

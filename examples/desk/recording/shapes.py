"""
The JSON that arc-atlas stores about a session: plan, step, evaluation, reward, metadata.

Pure: a visit in, plain values out. Field by field as the SDK writes them in its
paired mode, where a session is a plan of one step and the second attempt is the last.
"""

from statistics import pstdev
from typing import Any

from desk.agent import SYSTEM_PROMPT
from desk.coach import NAME
from desk.shift import Visit, VisitAttempt

Json = dict[str, Any]

LEARNING_KEY = "order-desk"
STEP_ID = 1
UNCERTAINTY = 0.05
"""The coach looks answers up, so it is hardly ever unsure."""


def plan() -> Json:
    """Value of `plans.plan` for a visit."""
    return {"steps": [step()], "execution_mode": "single_shot"}


def step() -> Json:
    """The only step of the plan."""
    description = "Read the whole message and give the whole answer to it"
    return {"id": STEP_ID, "description": description, "tool": None, "tool_params": None, "depends_on": []}


def evaluation(visit: Visit, number: int) -> Json:
    """`step_attempts.evaluation` of attempt *number*, from 1. The last attempt is taken as it is, unread."""
    verdict = visit.attempts[number - 1].verdict
    reason = "deferred" if verdict.valid or number > 1 else "validation_failed"
    reward = {"score": 0.0, "rationale": reason, "judges": [], "raw": {"skipped": True, "reason": reason}}
    if number > 1:
        return {"validation": {"valid": True, "guidance": None}, "reward": reward}
    validation = {"valid": verdict.valid, "guidance": verdict.guidance, "cached": False}
    return {"validation": validation, "reward": reward}


def structured(attempt: VisitAttempt) -> Json:
    """The answer as the SDK structures it."""
    text = attempt.answer.text
    return {"text": text, "deliverable": text, "artifacts": {}, "result": {"deliverable": text, "artifacts": {}}}


def step_metadata(attempt: VisitAttempt) -> Json:
    """Value of `step_results.metadata` for an attempt."""
    answer = attempt.answer
    return {
        "artifacts": {},
        "deliverable": answer.text,
        "result": {"deliverable": answer.text, "artifacts": {}},
        "structured_output": structured(attempt),
        "text": answer.text,
        "usage": usage([attempt]),
        "runtime": runtime(attempt),
    }


def runtime(attempt: VisitAttempt) -> Json:
    """How long the attempt took."""
    milliseconds = round(attempt.answer.milliseconds, 3)
    timings = {"student_ms": milliseconds, "validation_ms": 0.0, "total_ms": milliseconds}
    return {"reward_skipped": True, "timings_ms": timings}


def usage(attempts: list[VisitAttempt]) -> Json:
    """Tokens of these attempts."""
    prompt = sum(attempt.answer.prompt_tokens for attempt in attempts)
    completion = sum(attempt.answer.completion_tokens for attempt in attempts)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "calls": len(attempts),
    }


def reward(visit: Visit) -> Json:
    """`sessions.reward`: the coach as the SDK's session judge."""
    score, rationale = visit.judgement
    sample = {
        "score": score,
        "rationale": rationale,
        "principles": [],
        "uncertainty": UNCERTAINTY,
        "temperature": None,
    }
    judge = {
        "identifier": "session_reward",
        "score": score,
        "rationale": rationale,
        "principles": [{"name": "right order", "weight": 1.0, "description": "Names the order of the message."}],
        "samples": [sample],
        "escalated": False,
        "escalation_reason": None,
    }
    raw = {
        "score": score,
        "samples": [{"score": score, "uncertainty": UNCERTAINTY}],
        "execution_mode": "paired",
        "teacher_intervened": len(visit.attempts) > 1,
        "focus_prompt": None,
    }
    return {"score": score, "rationale": None, "judges": [judge], "raw": raw}


def reward_stats(visit: Visit) -> Json:
    """`sessions.reward_stats`, over the judge's only sample."""
    score, _ = visit.judgement
    return {
        "score": score,
        "score_mean": score,
        "score_stddev": pstdev([score]),
        "sample_count": 1,
        "uncertainty_mean": UNCERTAINTY,
        "uncertainty_stddev": 0.0,
        "best_uncertainty": UNCERTAINTY,
        "timestamp": visit.ended.isoformat(),
    }


def reward_audit(visit: Visit) -> list[Json]:
    """`sessions.reward_audit`: what the judge was shown and what it said."""
    score, rationale = visit.judgement
    shown = f"{visit.task.message}\n{visit.attempts[-1].answer.text}"
    response = {"score": score, "rationale": rationale, "uncertainty": UNCERTAINTY}
    return [{"stage": "tier1", "model": NAME, "messages": [{"role": "user", "content": shown}], "response": response}]


def metadata(visit: Visit, model: str) -> Json:
    """`sessions.metadata`: what the desk says about itself, and what the SDK adds. Failed sessions have no reward."""
    mode: Json = {"mode": "paired", "confidence": 1.0}
    said = {
        "learning_key": LEARNING_KEY,
        "project_root": "examples/desk",
        "source": "desk",
        "tags": ["order-desk", f"model:{model}"],
        "executor_system_prompt": SYSTEM_PROMPT,
        "ground_truth": str(visit.task.order),
    }
    collected = {
        "execution_mode": "paired",
        "adaptive_summary": {"adaptive_mode": "paired", "mode_history": [mode], "confidence": 1.0},
        "token_usage": usage(list(visit.attempts)),
    }
    if visit.failed:
        return said | collected
    notes = [attempt.verdict.guidance for attempt in visit.attempts[:-1]]
    judged = {
        "session_reward": reward(visit),
        "reward_stats": reward_stats(visit),
        "reward_audit": reward_audit(visit),
        "reward_summary": {"score": visit.judgement[0]},
        "teacher_notes": notes,
    }
    return said | collected | judged

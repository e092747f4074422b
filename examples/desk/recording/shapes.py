"""
The JSON that arc-atlas stores about a session as a whole: reward and metadata.

Pure: a visit in, plain values out. Field by field as the SDK writes them when its drift check is off and a person has
to approve. The coach stands where the SDK asks a model to judge, three times, as it does.
"""

import json
from statistics import pstdev
from typing import Any

from desk.coach import NAME
from desk.prompt import STEP_ID
from desk.recording.attempts import Json, plan, usage
from desk.recording.caller import session_metadata, tags
from desk.shift import Visit

UNCERTAINTY = 0.05
"""The coach looks answers up, so it is hardly ever unsure."""

TEMPERATURES = (0.2, 0.5, 0.8)
"""Temperatures at which the SDK samples its judge. The coach says the same at all of them."""

_PRINCIPLES = [{"name": "right order", "weight": 1.0, "description": "Names the order of the message."}]
_RUBRIC = "Compare the order that the answer names with the one in the books, and answer with JSON."


def reward(visit: Visit) -> Json:
    """Value of `sessions.reward` for a visit."""
    score, rationale = visit.judgement
    sample = {
        "score": score,
        "rationale": rationale,
        "principles": _PRINCIPLES,
        "uncertainty": UNCERTAINTY,
        "temperature": None,
    }
    judge = {
        "identifier": "session_reward",
        "score": score,
        "rationale": rationale,
        "principles": _PRINCIPLES,
        "samples": [sample for _ in TEMPERATURES],
        "escalated": False,
        "escalation_reason": None,
    }
    raw = {
        "score": score,
        "samples": [{"score": score, "uncertainty": UNCERTAINTY} for _ in TEMPERATURES],
        "execution_mode": "paired",
        "teacher_intervened": len(visit.attempts) > 1,
        "focus_prompt": None,
    }
    return {"score": score, "rationale": None, "judges": [judge], "raw": raw}


def reward_stats(visit: Visit) -> Json:
    """Value of `sessions.reward_stats`, over the samples."""
    score, _ = visit.judgement
    return {
        "score": score,
        "score_mean": score,
        "score_stddev": pstdev([score for _ in TEMPERATURES]),
        "sample_count": len(TEMPERATURES),
        "uncertainty_mean": UNCERTAINTY,
        "uncertainty_stddev": 0.0,
        "best_uncertainty": UNCERTAINTY,
        "timestamp": visit.ended.isoformat(),
    }


def reward_audit(visit: Visit, model: str) -> list[Json]:
    """`sessions.reward_audit`: what the judge was shown and what it said, for each sample."""
    score, rationale = visit.judgement
    shown = {
        "task": visit.task.message,
        "execution_mode": "paired",
        "teacher_intervened": len(visit.attempts) > 1,
        "plan": plan(),
        "final_answer": visit.attempts[-1].answer.text,
        "session_metadata": session_metadata(visit.task, model),
        "focus_prompt": None,
    }
    verdict = {"principles": _PRINCIPLES, "score": score, "rationale": rationale, "uncertainty": UNCERTAINTY}
    asked = [{"role": "system", "content": _RUBRIC}, {"role": "user", "content": json.dumps(shown)}]
    return [
        {
            "stage": "tier1",
            "model": NAME,
            "temperature": temperature,
            "messages": asked,
            "response": json.dumps(verdict),
            "reasoning": {},
            "raw_response": {},
        }
        for temperature in TEMPERATURES
    ]


def metadata(visit: Visit, model: str) -> Json:
    """`sessions.metadata`: what the desk said about the session when it began, and what the SDK collected."""
    said = session_metadata(visit.task, model)
    notes = [attempt.verdict.guidance for attempt in visit.attempts[:-1]]
    collected = {
        "triage_dossier": _dossier(visit, said),
        "adaptive_summary": {
            "adaptive_mode": "paired",
            "mode_history": [{"mode": "paired", "confidence": 1.0}],
            "confidence": 1.0,
        },
        "execution_mode": "paired",
        "token_usage": _token_usage(visit),
        "learning_usage": _learning_usage(visit, model),
    } | ({"teacher_notes": notes} if notes else {})
    if visit.failed:
        return said | collected
    stats = reward_stats(visit)
    summary = ("score", "score_stddev", "uncertainty_mean", "uncertainty_stddev")
    judged = {
        "review": {"require_approval": True, "default_export_statuses": ["approved"], "include_all_statuses": False},
        "session_reward": reward(visit),
        "reward_stats": stats,
        "reward_audit": reward_audit(visit, model),
        "reward_summary": {name: stats[name] for name in summary},
    }
    return said | collected | judged


def _dossier(visit: Visit, said: Json) -> Json:
    return {
        "task": visit.task.message,
        "summary": visit.task.message,
        "risks": [],
        "signals": [],
        "persona_references": [],
        "embeddings": {},
        "tags": said["tags"],
        "metadata": {name: value for name, value in said.items() if name != "tags"},
        "fingerprint_hint": None,
    }


def _token_usage(visit: Visit) -> Json:
    """Tokens of the attempts that came back; the SDK never sees those of an attempt that raised."""
    counts = [usage(attempt) for attempt in visit.handed_on]
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: sum(count[name] for count in counts) for name in names} | {"calls": len(counts)}


def _learning_usage(visit: Visit, model: str) -> Json:
    """What the SDK counts about its playbooks; the desk has none."""
    failures: list[Any] = [{"step_id": STEP_ID, "status": "failed"}] if visit.failed else []
    session = {
        "cue_hits": 0,
        "action_adoptions": 0,
        "failed_adoptions": 0,
        "unique_cue_steps": [],
        "unique_adoption_steps": [],
        "reward_score": None if visit.failed else visit.judgement[0],
        "token_usage": {name: float(count) for name, count in _token_usage(visit).items()},
        "incident_id": None,
        "task_identifier": visit.task.message,
        "incident_tags": tags(model),
        "retry_count": len(visit.handed_on) - 1,
        "failure_flag": visit.failed,
        "failure_events": failures,
    }
    return {"roles": {}, "session": session, "detectors": {}}

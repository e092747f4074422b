"""
The JSON that arc-atlas stores about an attempt at the step of a session, in tables and events alike.

Pure: a visit in, plain values out. Field by field as the SDK writes them in its paired mode, where a session is a plan
of one step and the second attempt is the last.
"""

from collections.abc import Sequence
from typing import Any

from desk.prompt import DESCRIPTION, STEP_ID, Message
from desk.shift import Visit, VisitAttempt

Json = dict[str, Any]

_TYPES = {"system": "system", "user": "human", "assistant": "ai"}
"""Role of a chat message -> type of the message that the SDK's graph holds."""


def plan() -> Json:
    """Value of `plans.plan` for a visit."""
    return {"steps": [step()], "execution_mode": "single_shot"}


def step() -> Json:
    """The only step of the plan."""
    return {"id": STEP_ID, "description": DESCRIPTION, "tool": None, "tool_params": None, "depends_on": []}


def messages(asked: Sequence[Message]) -> list[Json]:
    """What the agent was asked, as the SDK's graph holds it."""
    return [
        {"type": _TYPES[message["role"]], "content": message["content"], "additional_kwargs": {}} for message in asked
    ]


def conversation(attempt: VisitAttempt) -> list[Json]:
    """What the agent was asked, and what it said."""
    said = {"type": "ai", "content": attempt.answer.text, "additional_kwargs": {"usage": usage(attempt)}}
    return [*messages(attempt.asked), said]


def usage(attempt: VisitAttempt) -> Json:
    """Tokens of an attempt."""
    prompt, completion = attempt.answer.prompt_tokens, attempt.answer.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def evaluation(visit: Visit, number: int) -> Json:
    """`step_attempts.evaluation` of attempt *number*, from 1. The last attempt is taken as it is, unread."""
    verdict = visit.attempts[number - 1].verdict
    refused = _refused(visit, number)
    reason = "validation_failed" if refused else "deferred"
    reward = {"score": 0.0, "rationale": reason, "judges": [], "raw": {"skipped": True, "reason": reason}}
    if number > 1:
        return {"validation": {"valid": True, "guidance": None}, "reward": reward}
    validation = {"valid": verdict.valid, "guidance": verdict.guidance, "cached": False}
    return {"validation": validation, "reward": reward}


def structured(attempt: VisitAttempt) -> Json:
    """The answer as the SDK structures it."""
    text = attempt.answer.text
    return {"text": text, "deliverable": text, "artifacts": {}, "result": {"deliverable": text, "artifacts": {}}}


def step_metadata(visit: Visit, number: int) -> Json:
    """Value of `step_results.metadata` for attempt *number*. The SDK keeps what lies deep as Python writes it."""
    attempt = visit.attempts[number - 1]
    text = attempt.answer.text
    snapshot = {"agent": {"messages": [str(message) for message in conversation(attempt)]}}
    return {
        "artifacts": {},
        "deliverable": text,
        "reasoning": [{"origin": "student", "payload": {"stream_snapshot": snapshot, "output_text": text}}],
        "result": {"deliverable": text, "artifacts": {}},
        "structured_output": structured(attempt),
        "text": text,
        "usage": usage(attempt),
        "runtime": runtime(visit, number),
    }


def runtime(visit: Visit, number: int) -> Json:
    """How long attempt *number* took; the scripted coach takes no time."""
    milliseconds = round(visit.attempts[number - 1].answer.milliseconds, 3)
    timings = {"student_ms": milliseconds, "validation_ms": 0.0, "total_ms": milliseconds}
    guided = {"guidance_ms": 0.0} if _refused(visit, number) else {}
    return {"reward_skipped": True, "timings_ms": timings | guided}


def trace(attempt: VisitAttempt) -> str:
    """The transcript of an attempt, without its system message."""
    told = [message for message in conversation(attempt) if message["type"] != "system"]
    return "\n".join(f"{message['type'].upper()}: {message['content']}" for message in told)


def _refused(visit: Visit, number: int) -> bool:
    """Only the first of two attempts can be refused."""
    return number == 1 and not visit.attempts[0].verdict.valid

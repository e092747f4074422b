"""Export lines as the SDK's exporter writes them, and the traces that read them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from atlas_api.training.traces import FileTraces, S3Traces, TraceFilter, Traces

Record = dict[str, Any]

EVERYTHING = TraceFilter(status=(), review_status=())


def step_record(**fields: Any) -> Record:
    """A step that was refused once, got guidance, and passed. Its first answer survives in the events only."""
    refused = {"validation": {"valid": False, "guidance": "Check the order state first"}, "reward": {"score": 0.0}}
    passed = {"validation": {"valid": True, "guidance": None}, "reward": {"score": 0.0}}
    return {
        "step_id": 1,
        "description": "Answer in one go",
        "trace": "AI: Refunded",
        "output": "Refunded",
        "reward": {"score": 0.0, "rationale": "deferred", "judges": [], "raw": {"skipped": True}},
        "attempts": 2,
        "guidance": ["Check the order state first"],
        "metadata": {"attempt_history": [{"attempt": 1, "evaluation": refused}, {"attempt": 2, "evaluation": passed}]},
        **fields,
    }


def session_record(number: int = 7, **fields: Any) -> Record:
    """One line of an export of today."""
    return {
        "task": f"Refund order {number}",
        "final_answer": "Refunded",
        "plan": {"steps": [{"id": 1, "description": "Answer in one go"}], "execution_mode": "single_shot"},
        "steps": [step_record()],
        "session_metadata": {
            "learning_key": "refunds",
            "tags": ["crm", "eu"],
            "project_root": "/srv/agent",
            "session_id": number,
            "status": "succeeded",
            "created_at": "2025-11-20T10:00:00+00:00",
        },
        "execution_mode": "paired",
        "review_status": "approved",
        "session_reward": {"score": 0.86, "rationale": None, "judges": []},
        "reward_stats": {"score": 0.86, "score_mean": 0.86},
        **fields,
    }


def metadata(**changes: Any) -> Record:
    """The metadata of a session, with *changes*."""
    return {**session_record()["session_metadata"], **changes}


def task_events(answer: str, *, attempt: int, guidance: Iterable[str] = (), start_id: int = 1) -> list[Record]:
    """The pair of events that one attempt of step 1 leaves in an export."""

    def exported(number: int, kind: str, data: Record) -> Record:
        payload = {"event_type": kind, "name": "step_1", "UUID": f"task-{attempt}", "data": data}
        return {"id": number, "event": {"payload": payload}, "created_at": "2025-11-20T10:00:00+00:00"}

    output = {"output": {"text": answer}, "context_entry": {"output_text": answer}}
    return [
        exported(start_id, "TASK_START", {"input": {"attempt": attempt, "guidance": list(guidance)}}),
        exported(start_id + 1, "TASK_END", {"output": output}),
    ]


def jsonl(*records: Any) -> bytes:
    """Records as the exporter encodes them: one line each, other scripts and line separators kept raw."""
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def file_traces(path: Path, **fields: Any) -> Traces:
    """Traces on disk. Keywords replace fields."""
    return Traces(**{"file": FileTraces(path=str(path)), **fields})


def s3_traces(uri: str, endpoint: str, **fields: Any) -> Traces:
    """Traces in an object store. Keywords replace fields."""
    return Traces(**{"s3": S3Traces(uri=uri, endpoint=endpoint), **fields})

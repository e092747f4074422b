"""
What is learnt is what the agent was asked: the rows of sessions of the SDK's runtime beside the log of its model.

The oracle is a model server's own log: each request that the agent sent while it worked on a step, and each reply.
"""

import json
import secrets
from collections import Counter
from pathlib import Path

import pytest
from support.traces.reading import read_all, traces_of

from atlas_api import parse
from atlas_api.training.traces import Traces
from atlas_trainer.dataset.session_rows import sdk_text, session_rows
from atlas_trainer.traces.messages import Message
from atlas_trainer.traces.session import Session

SESSIONS = 200


def pairs(session: Session, form: str) -> Counter[tuple[str, str]]:
    """Prompt and recorded answer of each row, as the log has them."""
    whole = parse(Traces, {"file": {"path": "x"}, "promptForm": form, "turnsPerSession": 1000, "prompts": "recorded"})
    rows = session_rows(session, whole)
    assert isinstance(rows, list), rows
    prompts = [row.prompt if form == "text" else sdk_text(row.prompt) for row in rows]
    return Counter(
        (json.dumps(prompt, sort_keys=True), row.recorded) for prompt, row in zip(prompts, rows, strict=True)
    )


def logged(asked: list[Message], reply: Message) -> tuple[str, str]:
    """A pair of the log; calls of tools are written out as the page on traces says."""
    texts = [
        f"<tool_call>\n{json.dumps({'name': call['name'], 'arguments': call['arguments']}, ensure_ascii=False)}\n"
        "</tool_call>"
        for call in reply.get("tool_calls", ())
    ]
    said = "\n".join([*([reply["content"]] if reply["content"] else []), *texts])
    return json.dumps(asked, sort_keys=True), said


def test_prompts_and_answers_of_rows_are_the_requests_and_replies_of_the_model(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support.sdk.agent_function import URL
    from support.sdk.deployed_agent import courses, model_server, run_courses
    from support.sdk.recorder import export_everything, with_database

    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    planned = courses(seed, SESSIONS)
    with model_server() as model:
        monkeypatch.setenv(URL, model.url)
        asked = run_courses(database_url, model, planned)
    assert {course.mode for course in planned} == {"auto", "paired", "stepwise"}
    assert any(course.notes for course in planned)
    assert any("tool_calls" in reply for course in planned for reply in course.replies)

    from_database, _ = read_all(traces_of(database_url, tmp_path, status=(), review_status=()))
    export = tmp_path / "export.jsonl"
    with_database(database_url, lambda database: export_everything(database, export))
    everything: dict[str, list[str]] = {"status": [], "reviewStatus": []}
    from_export, _ = read_all(parse(Traces, {"file": {"path": str(export)}, "filter": everything}))
    for sessions in (from_database, from_export):
        assert {int(session.id) for session in sessions} == set(asked)
        for session in sessions:
            for form in ("text", "messages"):
                wanted = Counter(logged(*pair) for pair in asked[int(session.id)])
                assert pairs(session, form) == wanted, session.task

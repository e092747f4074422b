"""Any file of traces gives sessions that can be used, lines that are counted, or one sentence."""

import gzip
import json
import lzma
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
import zstandard
from support.fuzz.campaign import fuzz
from support.fuzz.mutations import mutated, mutated_bytes
from support.traces.exports import EVERYTHING, file_traces, session_record, step_record, task_events
from support.traces.other_makers import ANSWER, CALLS, QUESTION, RESULT, chat, model_call, otlp

from atlas_api.errors import AtlasError
from atlas_api.training.traces import TraceFields
from atlas_trainer.dataset.session_rows import session_rows
from atlas_trainer.dataset.session_view import fate, notes, session_parts
from atlas_trainer.traces.jsonl import read_files
from atlas_trainer.traces.session import Session, Tally

pytestmark = pytest.mark.fuzz

RECORDS: list[Any] = [
    session_record(),
    session_record(8, plan=json.dumps({"steps": [{"id": 1, "description": "a"}]}), steps=json.dumps([step_record()])),
    session_record(9, events=task_events("Refunded", attempt=1, guidance=["Check"])),
    session_record(10, triage_dossier={"summary": "s", "risks": ["r"]}, student_learning="Look first"),
    {"task": "Do", "final_answer": {"a": 1}, "session_metadata": "{}"},
    chat(),
    chat(QUESTION, CALLS, RESULT, ANSWER, id="c", score=0.5, at="2026-10-01T00:00:00Z", tags=["a"]),
    {"prompt": "a", "completion": "b"},
    {"prompt": [QUESTION], "completion": [ANSWER], "score": 1},
    otlp(model_call()),
    otlp(model_call(attributes={"gen_ai.system_instructions": '[{"type": "text", "content": "Be brief"}]'})),
    otlp(model_call(), model_call("Later", start=1_790_000_100), resource={"service.name": "agent"}),
]

TOKENS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b'\\"', b"\\u0000", b"\\ud83d", b"\\udc00", b"\n", b"\r\n", b"\t",
    b"\0", b"#", b"NaN", b"1e999", b"null", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"{}", b"[]", b"[],", b'{"a":',
    b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"PAR1", "\u2028".encode(), b"\xed\xa0\x80", b"9" * 5000,
]  # fmt: skip

PACKERS: list[Callable[[bytes], bytes]] = [gzip.compress, zstandard.compress, lzma.compress]
FIELDS = TraceFields(id="id", reward="score", time="at", tags="tags", task="task.name", ground_truth="truth")


def line(random: Random) -> bytes:
    record = random.choice(RECORDS)
    if random.random() < 0.7:
        record = mutated(record, random, RECORDS)
    content = json.dumps(record, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    return mutated_bytes(content, random, TOKENS) if random.random() < 0.4 else content


def made(random: Random) -> bytes:
    content = b"\n".join(line(random) for _ in range(random.choice([1, 1, 2, 5])))
    if random.random() < 0.1:
        content = random.choice(PACKERS)(content)
        content = mutated_bytes(content, random, TOKENS) if random.random() < 0.7 else content
    return content


def use(session: Session, traces: Any) -> None:
    """What previews, rows and frozen datasets do with a session."""
    repr(session).encode()
    json.dumps(asdict(session), default=str, allow_nan=False)
    for _, text in session_parts(session, traces, fate(session, traces)):
        text.encode()
    found = session_rows(session, traces)
    for row in () if isinstance(found, str) else found.rows:
        json.dumps(row.to_json(), allow_nan=False).encode()
        row.canonical().encode("ascii")


def checked(message: str) -> None:
    """A message is one line of text."""
    assert "\n" not in message.encode().decode()


def test_a_file_of_traces_is_read_or_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"

    def attempt(random: Random) -> str:
        file.write_bytes(made(random))
        changes: dict[str, Any] = random.choice(
            [{}, {}, {"filter": EVERYTHING}, {"fields": FIELDS}, {"role": "teacher"}]
        )
        traces = file_traces(file, **{"max_malformed": random.choice([0, 3]), **changes})
        tally = Tally()
        try:
            sessions = list(read_files(traces, tally))
        except AtlasError as error:
            checked(str(error))
            return type(error).__name__
        for session in sessions:
            use(session, traces)
        for note in (*notes(tally, traces.fields), tally.causes):
            checked(note)
        return "sessions" if sessions else "nothing"

    counts = fuzz("exports", attempt, 20_000)
    assert sum(counts.values()) > 0

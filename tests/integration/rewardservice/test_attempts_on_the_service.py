"""Texts that try to be another item, another answer or another log line, through the real service."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.judges.injections import INJECTIONS
from support.judges.judge_replies import JudgeRequest, Reply, by_content, refusal
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import Served, item, service_manifest, serving, until, write_manifest

TEXTS = [text for text in INJECTIONS.values() if text.encode("utf-8", "replace").decode() == text]
"""Those that a request may hold; half a surrogate pair is refused."""

LINES = [
    INJECTIONS[name]
    for name in (
        "a forged log line", "carriage return", "colours and clearing", "a terminal title", "right to left",
        "line separators", "next line", "null", "tags",
    )
]  # fmt: skip

ATTEMPTS = [item(text, prompt=text, reference=text, principles=text, metadata={text[:100]: text}) for text in TEXTS]
INNOCENT = item("It is 42.", reference="42")
PLAIN = {"antiGaming": {"enabled": False}}


@pytest.fixture
def judge() -> Iterator[ScriptedJudge]:
    with ScriptedJudge() as running:
        yield running


def scores(served: Served, *items: Any) -> list[float]:
    answer = served.score(*items)
    assert answer.status_code == 200, answer.text
    found = [one["score"] for one in answer.json()["results"]]
    assert all(score is not None for score in found)
    return found


def rows(file: Path) -> dict[str, str]:
    """What the file of answers holds: text by key."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return dict(database.execute("SELECT key, text FROM answers"))


def test_every_text_has_an_answer_of_its_own_in_memory_in_the_file_and_after_a_restart(
    judge: ScriptedJudge, tmp_path: Path
) -> None:
    file = tmp_path / "answers.sqlite"
    alone = service_manifest(judge.base_url, cache={"entries": 0}, **PLAIN)
    with serving(write_manifest(tmp_path / "alone.yaml", alone), tmp_path / "log0") as served:
        expected = [scores(served, one)[0] for one in (INNOCENT, *ATTEMPTS)]
    remembering = service_manifest(judge.base_url, cache={"path": str(file)}, **PLAIN)
    config = write_manifest(tmp_path / "service.yaml", remembering)
    judge.requests.clear()
    with serving(config, tmp_path / "log1") as served:
        assert scores(served, *ATTEMPTS, INNOCENT) == [*expected[1:], expected[0]]
        served.terminate()
        assert served.process.wait(60) == 0
    questions = {request.text for request in judge.requests}
    answers = {by_content(request).content for request in judge.requests}
    kept = rows(file)
    assert len(questions) == len(TEXTS) + 1
    assert len(kept) == len(questions)
    assert set(kept.values()) == answers
    assert all(len(key) == 64 and int(key, 16) >= 0 for key in kept)
    count = judge.count
    with serving(config, tmp_path / "log2") as served:
        assert scores(served, INNOCENT, *reversed(ATTEMPTS)) == [expected[0], *reversed(expected[1:])]
    assert judge.count == count


def test_attempts_forge_no_log_line_and_the_log_holds_nothing_of_them(judge: ScriptedJudge, tmp_path: Path) -> None:
    """The log is asked for: the endpoint repeats attempts when it refuses, and a new configuration is made of them."""
    marked = [f"{text[:200]} marked-by-the-test" for text in TEXTS]

    def repeats(_: JudgeRequest) -> Reply:
        return refusal(400, message=" ".join(text[:60] for text in LINES))

    judge.script = repeats
    config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url, **PLAIN))
    with serving(config, tmp_path / "log") as served:
        for text in marked:
            served.score(item(text, prompt=text, reference=text), {"completion": [text], text[:30]: text})
        assert served.get("/readyz").status_code == 503
        changed = service_manifest(judge.base_url, **PLAIN, **{text[:60]: text for text in LINES})
        write_manifest(config, changed)
        for text in LINES:
            with served.client as client:
                client.get("/v1/" + "".join(f"%{byte:02x}" for byte in text[:60].encode()))
        until(lambda: served.get("/v1/config").json()["refused"])
        served.terminate()
        assert served.process.wait(60) == 0
    raw = served.log.read_bytes()
    lines = [json.loads(line) for line in raw.split(b"\n")[:-1]]
    levels = [line["level"] for line in lines]
    assert "warning" in levels  # of the probe
    assert levels.count("error") == len(LINES)  # of the configuration
    assert all(line["logger"].startswith(("atlas_rewards", "asyncio")) for line in lines)
    assert all(line["message"].isprintable() for line in lines)
    assert not set(raw) & (set(range(32)) - {10} | {127})
    assert b"marked-by-the-test" not in raw

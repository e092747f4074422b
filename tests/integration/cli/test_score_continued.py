"""Outputs of `atlas-core score --items` that an earlier start has begun: what is kept, asked again, refused."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.judges.judge_replies import JudgeRequest, Reply, Script, hang, refusal, verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import until
from support.server.score_command import atlas_core, items_file, line, manifest, number_of, results, scored

from atlas_api import InvalidManifest
from atlas_api.errors import NothingScored, RunActive, SourceUnreachable

HEARS_SIGINT = """import signal, sys
from atlas_core.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""
"""The command. What a shell starts in the background ignores SIGINT, and so would what tests start from there."""


def test_an_interrupted_start_says_so_in_a_line_and_keeps_what_is_done(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(5))), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda request: hang() if number_of(request) == 3 else verdict(0.5)) as judge:
        command = [sys.executable, "-c", HEARS_SIGINT, "score", "-f", str(manifest(tmp_path, judge))]
        command += ["--items", str(items), "-o", str(output)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as started:
            until(lambda: output.exists() and len(output.read_bytes().splitlines()) == 3)
            started.send_signal(signal.SIGINT)
            _, printed = started.communicate(timeout=60)
        assert (started.returncode, printed) == (130, "interrupted\n")
        judge.script = lambda _: verdict(0.5)
        scored(manifest(tmp_path, judge), items, output)
    assert [one["line"] for one in results(output)] == [1, 2, 3, 4, 5]


def test_an_output_that_has_no_room_left_says_so_in_a_line_and_keeps_what_is_done(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(5))), tmp_path / "scored.jsonl"
    code = (
        "import resource, sys; from atlas_core.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); sys.exit(main(sys.argv[1:]))"
    )
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        file = manifest(tmp_path, judge)
        command = [sys.executable, "-c", code, "score", "-f", str(file), "--items", str(items), "-o", str(output)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert ended.stderr.startswith("no space left for a file; free some")
        assert len(ended.stderr.splitlines()) == 1
        calls = judge.count
        scored(file, items, output)
        assert judge.count - calls < 5
    assert [one["line"] for one in results(output)] == [1, 2, 3, 4, 5]


def test_after_a_kill_what_is_there_is_not_asked_again(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(30))), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda request: hang() if number_of(request) >= 20 else verdict(0.5)) as judge:
        file = manifest(tmp_path, judge, concurrency=2)
        command = [sys.executable, "-m", "atlas_core", "score", "-f", file, "--items", items, "-o", output]
        process = subprocess.Popen(list(map(str, command)))
        until(lambda: output.exists() and len(output.read_bytes().splitlines()) >= 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with output.open("ab") as torn:
            torn.write(b'{"line": 21, "it')
        judge.script = lambda _: verdict(0.9)
        judge.requests.clear()
        printed = scored(file, items, output)
        assert sorted(number_of(request) for request in judge.requests) == list(range(20, 30))
    assert [one["line"] for one in results(output)] == list(range(1, 31))
    assert [one["score"] for one in results(output)] == [0.5] * 20 + [0.9] * 10
    assert "10 scored, 0 without a score, 0 malformed, 20 from an earlier start" in printed


def test_a_finished_file_asks_nobody(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, line(1)), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        file = manifest(tmp_path, judge)
        scored(file, items, output)
        before = output.read_bytes()
        scored(file, items, output)
        assert judge.count == 1
    assert output.read_bytes() == before


def test_results_of_something_else_are_never_continued(tmp_path: Path) -> None:
    output = tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        file = manifest(tmp_path, judge)
        scored(file, items_file(tmp_path, line(1), line(2)), output)
        before = output.read_bytes()
        with pytest.raises(InvalidManifest, match="holds results of other items; name another file"):
            scored(file, items_file(tmp_path, line(1), line(3)), output)
        with pytest.raises(InvalidManifest, match="holds more results than there are items"):
            scored(file, items_file(tmp_path, line(1)), output)
        other = manifest(tmp_path, judge, temperatures=[0.7])
        with pytest.raises(InvalidManifest, match="was written with another configuration"):
            scored(other, items_file(tmp_path, line(1), line(2)), output)
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    ["do not touch\n", "[" * 100_000 + "\n", f'{{"line": {10**30}, "item": "", "score": 1, "revision": ""}}\n'],
    ids=["text", "endless brackets", "a line of no file"],
)
def test_a_file_that_is_no_output_is_left_alone(content: str, tmp_path: Path) -> None:
    output = tmp_path / "precious.txt"
    output.write_text(content)
    with ScriptedJudge() as judge, pytest.raises(InvalidManifest, match="line 1 is no result of this command"):
        scored(manifest(tmp_path, judge), items_file(tmp_path, line(1)), output)
    assert output.read_text() == content


def test_when_no_item_gets_a_score_each_start_fails_and_the_file_says_why(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, line(1), line(2)), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda _: Reply("no")) as judge:
        file = manifest(tmp_path, judge)
        for _ in range(2):
            with pytest.raises(NothingScored, match="says why of each"):
                scored(file, items, output)
        assert judge.count == 2
    assert all("gave a verdict" in one["reasons"][0] for one in results(output))


def outage_from(first: int, end: int) -> Script:
    """Of the endpoint, for the items with these numbers."""
    return lambda request: refusal(503) if first <= number_of(request) < end else verdict(0.5)


def test_after_an_outage_the_command_says_how_many_why_and_how_to_continue(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(20))), tmp_path / "scored.jsonl"
    with ScriptedJudge(outage_from(5, 12)) as judge:
        file = manifest(tmp_path, judge, concurrency=1, circuitBreaker={"failures": 1000})
        done = atlas_core("score", "-f", file, "--items", items, "-o", output)
    assert done.returncode == SourceUnreachable.exit_code
    assert "without a score: 7 overloaded, as items.jsonl:6: 0 of 1 judges gave a verdict" in done.stdout
    assert "13 scored, 7 without a score, 0 malformed" in done.stdout
    assert done.stderr.strip() == (
        "SourceUnreachable: judges could not answer about 7 of 20 items;"
        " the same command asks about these again, once their endpoint answers"
    )


def test_the_next_start_asks_again_about_what_judges_could_not_answer_and_nothing_else(tmp_path: Path) -> None:
    lines = ["{", *map(line, range(20)), line(77)]
    items, output = items_file(tmp_path, *lines), tmp_path / "scored.jsonl"
    outage = outage_from(5, 12)
    with ScriptedJudge(lambda request: Reply("no") if number_of(request) == 77 else outage(request)) as judge:
        file = manifest(tmp_path, judge, concurrency=1, circuitBreaker={"failures": 1000})
        with pytest.raises(SourceUnreachable):
            scored(file, items, output)
        judge.script = lambda _: verdict(0.9)
        judge.requests.clear()
        printed = scored(file, items, output)
        assert sorted(number_of(request) for request in judge.requests) == list(range(5, 12))
        finished = output.read_bytes()
        scored(file, items, output)
        assert output.read_bytes() == finished
    assert "7 scored, 0 without a score, 0 malformed, 15 from an earlier start" in printed
    assert [one["line"] for one in results(output)] == list(range(1, 23))
    assert [one["score"] for one in results(output)] == [None] + [0.5] * 5 + [0.9] * 7 + [0.5] * 8 + [None]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["items.jsonl", "rewardservice.yaml", "scored.jsonl"]


def test_a_kill_while_asking_again_loses_no_answer(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(20))), tmp_path / "scored.jsonl"
    with ScriptedJudge(outage_from(5, 12)) as judge:
        file = manifest(tmp_path, judge, concurrency=1, circuitBreaker={"failures": 1000})
        with pytest.raises(SourceUnreachable):
            scored(file, items, output)
        judge.script = lambda request: hang() if number_of(request) >= 9 else verdict(0.9)
        command = [sys.executable, "-m", "atlas_core", "score", "-f", file, "--items", items, "-o", output]
        with subprocess.Popen(list(map(str, command))) as process:
            until(lambda: len(output.read_bytes().splitlines()) >= 24)
            process.kill()
        judge.script = lambda _: verdict(0.7)
        judge.requests.clear()
        scored(file, items, output)
        assert sorted(number_of(request) for request in judge.requests) == [9, 10, 11]
    assert [one["line"] for one in results(output)] == list(range(1, 21))
    assert [one["score"] for one in results(output)] == [0.5] * 5 + [0.9] * 4 + [0.7] * 3 + [0.5] * 8


def test_neighbours_that_were_compared_are_asked_about_again_together(tmp_path: Path) -> None:
    lines = [line(1, prompt="same", response=f"answer {n}") for n in range(3)] + [line(7)]
    items, output = items_file(tmp_path, *lines), tmp_path / "scored.jsonl"
    judges = [{"name": "accuracy", "rubric": "accuracy", "mode": "group"}]
    with ScriptedJudge(lambda request: refusal(503) if "same" in request.text else verdict(0.5)) as judge:
        file = manifest(tmp_path, judge, judges=judges)
        with pytest.raises(SourceUnreachable):
            scored(file, items, output)
        judge.script = by_place
        judge.requests.clear()
        scored(file, items, output)
        assert judge.count - 2 == len(judge.requests) == 1
    assert [one["score"] for one in results(output)] == [0.3, 0.3, 0.3, 0.5]


def by_place(request: JudgeRequest) -> Reply:
    """A ranking in which a score says among how many."""
    names = sorted(set(re.findall(r"<<(C\d) ", request.text)))
    one = {"principles": [], "rationale": "", "score": len(names) / 10, "uncertainty": 0.1}
    return Reply(json.dumps({"ranking": [{"candidate": name, **one} for name in names]}))


def test_an_output_that_another_start_writes_is_refused(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(5))), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda request: hang() if number_of(request) == 3 else verdict(0.5)) as judge:
        file = manifest(tmp_path, judge)
        command = [sys.executable, "-m", "atlas_core", "score", "-f", file, "--items", items, "-o", output]
        with subprocess.Popen(list(map(str, command))) as first:
            until(lambda: output.exists() and len(output.read_bytes().splitlines()) == 3)
            second = atlas_core(*command[3:])
            first.kill()
        assert second.returncode == RunActive.exit_code
        assert second.stderr.startswith(f"RunActive: --output {output}: another start of this command writes it")
        judge.script = lambda _: verdict(0.5)
        scored(file, items, output)
    assert [one["line"] for one in results(output)] == [1, 2, 3, 4, 5]

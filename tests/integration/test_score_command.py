"""`atlas-core score`, as a process and in this one, against a scripted judge."""

import json
import re
import signal
import socket
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.judge_replies import Asked, Reply, Script, hang, refusal, verdict
from support.reward_service import service_manifest, until, write_manifest
from support.scripted_judge import ScriptedJudge

from atlas_api import InvalidManifest
from atlas_api.errors import NothingScored, RunActive, SourceMissing, SourceUnreachable
from atlas_core.score import score_file, score_one
from atlas_rewards import Item, RewardService


def manifest(folder: Path, judge: ScriptedJudge, **spec: Any) -> Path:
    return write_manifest(folder / "rewardservice.yaml", service_manifest(judge.base_url, **spec))


def items_file(folder: Path, *lines: str) -> Path:
    path = folder / "items.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def line(number: int, **more: Any) -> str:
    return json.dumps({"prompt": f"What is {number} + 1?", "response": f"answer {number}", **more})


def results(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def atlas_core(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "atlas_core", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def scored(file: Path, items: Path, output: Path, as_json: bool = False) -> str:
    """What the command says."""
    out = StringIO()
    score_file(RewardService.from_file(file), items, output, as_json, Console(file=out, width=100))
    return out.getvalue()


def number_of(asked: Asked) -> int:
    """The number in the answer that is judged."""
    return int(re.findall(r"answer (\d+)", asked.text)[-1])


def test_one_completion_is_shown_with_each_judge_and_verifier(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: verdict(0.7, 0.2, "Right [bold]and\x1b[2J short.")) as judge:
        file = manifest(tmp_path, judge, verifiers=[{"name": "answer", "numeric": {}}])
        done = atlas_core(
            "score", "-f", file, "--prompt", "What is 6 * 7?", "--response", "It is 42.", "--reference", "42"
        )
    assert done.returncode == 0, done.stderr
    assert "score 0.85" in done.stdout
    assert "accuracy" in done.stdout
    assert "Right [bold]and" in done.stdout
    assert "\x1b" not in done.stdout
    assert "verifier answer: 1.00" in done.stdout


def test_the_table_says_who_decided_and_which_rule_changed_what(tmp_path: Path) -> None:
    def script(asked: Asked) -> Reply:
        if "What you judge: accuracy" in asked.text:
            return verdict(0.2, 0.9 if asked.model == "small" else 0.1)
        return verdict(0.9)

    with ScriptedJudge(script) as judge:
        file = manifest(
            tmp_path,
            judge,
            judges=[{"name": name, "rubric": name} for name in ("accuracy", "process")],
            models={name: {"model": name, "baseUrl": judge.base_url} for name in ("small", "large")},
        )
        out = StringIO()
        score_one(RewardService.from_file(file), Item("!!!"), False, Console(file=out, width=120))
    assert "large: uncertainty" in out.getvalue()
    assert "processAboveAccuracy: 0.90 -> 0.30" in out.getvalue()
    assert "capped by empty: 0.25 -> 0.25" in out.getvalue()


def test_json_has_the_fields_of_the_services_answers(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: verdict(0.7)) as judge:
        done = atlas_core("score", "-f", manifest(tmp_path, judge), "--prompt", "a", "--response", "b", "--json")
    result = json.loads(done.stdout)
    assert result["score"] == 0.7
    assert result["judges"][0]["escalationReason"] is None
    assert result["revision"]


def test_no_score_is_an_exit_code_of_its_own_with_the_reason(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: Reply("I would rather not say.")) as judge:
        done = atlas_core("score", "-f", manifest(tmp_path, judge), "--prompt", "a", "--response", "b")
    assert done.returncode == NothingScored.exit_code
    assert done.stderr.startswith("NothingScored: the completion has no score: 0 of 1 judges gave a verdict")
    assert len(done.stderr.splitlines()) == 1


def test_a_completion_that_judges_could_not_answer_about_says_where_to_look(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    file = write_manifest(tmp_path / "rewardservice.yaml", service_manifest(nobody))
    done = atlas_core("score", "-f", file, "--prompt", "a", "--response", "b")
    assert done.returncode == SourceUnreachable.exit_code
    assert f"small at {nobody}: cannot be reached: Connection refused; start it, or correct baseUrl" in done.stderr


@pytest.mark.parametrize(("lines", "why"), [((), "holds no item"), (("{", "[]"), "no item of .* got a score")])
def test_a_file_without_one_score_is_no_success(lines: tuple[str, ...], why: str, tmp_path: Path) -> None:
    with ScriptedJudge() as judge, pytest.raises(NothingScored, match=why):
        scored(manifest(tmp_path, judge), items_file(tmp_path, *lines), tmp_path / "scored.jsonl")


def test_an_interrupted_start_says_so_in_a_line_and_keeps_what_is_done(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(5))), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda asked: hang() if number_of(asked) == 3 else verdict(0.5)) as judge:
        command = [sys.executable, "-m", "atlas_core", "score", "-f", str(manifest(tmp_path, judge))]
        command += ["--items", str(items), "-o", str(output)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as started:
            until(lambda: output.exists() and len(output.read_bytes().splitlines()) == 3)
            started.send_signal(signal.SIGINT)
            _, said = started.communicate(timeout=60)
        assert (started.returncode, said) == (130, "interrupted\n")
        judge.script = lambda _: verdict(0.5)
        scored(manifest(tmp_path, judge), items, output)
    assert [one["line"] for one in results(output)] == [1, 2, 3, 4, 5]


def test_a_reason_that_quotes_a_completion_does_not_steer_the_terminal(tmp_path: Path) -> None:
    items = items_file(tmp_path, line(1, response="\x1b[2J\x1b]0;mine\x07"))
    output = tmp_path / "scored.jsonl"
    verifiers = [{"name": "mine", "python": {"entryPoint": "support.quoting_verifier:quotes"}}]
    with ScriptedJudge(lambda _: Reply("no")) as judge:
        file = manifest(tmp_path, judge, verifiers=verifiers)
        out = StringIO()
        with pytest.raises(NothingScored):
            score_file(RewardService.from_file(file), items, output, False, Console(file=out, width=100))
        with pytest.raises(NothingScored) as one:
            score_one(RewardService.from_file(file), Item("\x1b[2J"), False, Console(file=out, width=100))
    assert "cannot read" in out.getvalue()
    assert "cannot read" in str(one.value)
    assert "\x1b" not in out.getvalue() + str(one.value)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--response", "b"], "--response needs --prompt"),
        (["--items", "x"], "--items and --output belong together"),
        (["--prompt", "a", "--response", "b", "-o", "x"], "--items and --output belong together"),
        (["--items", "x", "-o", "y", "--prompt", "a"], "--prompt and --reference belong to --response"),
        (["--items", "x", "--response", "b"], "not allowed with"),
        ([], "one of the arguments --response --items is required"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments: list[str], complaint: str) -> None:
    done = atlas_core("score", "-f", "rewardservice.yaml", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_wrong_manifest_is_refused_with_the_file_first(tmp_path: Path) -> None:
    file = tmp_path / "rewardservice.yaml"
    file.write_text(
        "apiVersion: atlas.arc.computer/v1alpha1\nkind: RewardService\nmetadata: {name: x}\nspec: {judge: []}"
    )
    done = atlas_core("score", "-f", file, "--prompt", "a", "--response", "b")
    assert done.returncode == 2
    assert all(text.startswith(f"{file}: spec.") for text in done.stderr.splitlines())


def test_results_of_a_file_come_in_its_order(tmp_path: Path) -> None:
    def script(asked: Asked) -> Reply:
        number = number_of(asked)
        return Reply(verdict(number / 100).content, latency=0.05 if number % 7 == 0 else 0.0)

    items, output = items_file(tmp_path, *map(line, range(40))), tmp_path / "scored.jsonl"
    with ScriptedJudge(script) as judge:
        said = scored(manifest(tmp_path, judge, concurrency=4), items, output)
    assert [(one["line"], one["score"]) for one in results(output)] == [(n + 1, n / 100) for n in range(40)]
    assert said.strip() == f"{output}: 40 scored, 0 without a score, 0 malformed"


def test_malformed_lines_are_counted_named_and_keep_their_place(tmp_path: Path) -> None:
    lines = [line(1), "{", "", '{"prompt": "a"}', "[" * 100_000, line(2, respones="x"), line(3)]
    items, output = items_file(tmp_path, *lines), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        said = scored(manifest(tmp_path, judge), items, output)
    assert [(one["line"], one["score"]) for one in results(output)] == [
        (1, 0.5), (2, None), (4, None), (5, None), (6, None), (7, 0.5),
    ]  # fmt: skip
    assert [text.split(": ", 2)[1] for text in said.splitlines()[:3]] == [f"items.jsonl:{n}" for n in (2, 4, 5)]
    assert "not JSON at character 2" in said
    assert "malformed: 1 more" in said
    assert "2 scored, 0 without a score, 4 malformed" in said


def test_the_counts_can_be_had_as_json(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, line(1), "{"), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        told = json.loads(scored(manifest(tmp_path, judge), items, output, as_json=True))
    assert told == {
        "kept": 0,
        "scored": 1,
        "unscored": 0,
        "unanswered": 0,
        "causes": {},
        "malformed": ["items.jsonl:2: not JSON at character 2"],
    }


def test_after_a_kill_what_is_there_is_not_asked_again(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(30))), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda asked: hang() if number_of(asked) >= 20 else verdict(0.5)) as judge:
        file = manifest(tmp_path, judge, concurrency=2)
        command = [sys.executable, "-m", "atlas_core", "score", "-f", file, "--items", items, "-o", output]
        process = subprocess.Popen(list(map(str, command)))
        until(lambda: output.exists() and len(output.read_bytes().splitlines()) >= 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with output.open("ab") as torn:
            torn.write(b'{"line": 21, "it')
        judge.script = lambda _: verdict(0.9)
        judge.asked.clear()
        said = scored(file, items, output)
        assert sorted(number_of(asked) for asked in judge.asked) == list(range(20, 30))
    assert [one["line"] for one in results(output)] == list(range(1, 31))
    assert [one["score"] for one in results(output)] == [0.5] * 20 + [0.9] * 10
    assert "10 scored, 0 without a score, 0 malformed, 20 from an earlier start" in said


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


def test_a_file_that_is_no_output_is_left_alone(tmp_path: Path) -> None:
    output = tmp_path / "precious.txt"
    output.write_text("do not touch\n")
    with ScriptedJudge() as judge, pytest.raises(InvalidManifest, match="line 1 is no result of this command"):
        scored(manifest(tmp_path, judge), items_file(tmp_path, line(1)), output)
    assert output.read_text() == "do not touch\n"


def test_a_file_of_items_that_is_not_there_is_named_and_makes_no_output(tmp_path: Path) -> None:
    with ScriptedJudge() as judge, pytest.raises(SourceMissing, match=r"absent\.jsonl is no file; check --items"):
        scored(manifest(tmp_path, judge), tmp_path / "absent.jsonl", tmp_path / "scored.jsonl")
    assert not (tmp_path / "scored.jsonl").exists()


def test_judges_that_compare_are_shown_neighbours_with_the_same_prompt_together(tmp_path: Path) -> None:
    def ranking(asked: Asked) -> Reply:
        names = sorted(set(re.findall(r"<<(C\d) ", asked.text)))
        one = {"principles": [], "rationale": "", "score": 0.5, "uncertainty": 0.1}
        return Reply(json.dumps({"ranking": [{"candidate": name, **one} for name in names]})) if names else verdict(0.5)

    lines = [line(1, prompt="same", response=f"answer {n}") for n in range(3)] + [line(7)]
    items, output = items_file(tmp_path, *lines), tmp_path / "scored.jsonl"
    with ScriptedJudge(ranking) as judge:
        judges = [{"name": "accuracy", "rubric": "accuracy", "mode": "group"}]
        file = manifest(tmp_path, judge, judges=judges)
        scored(file, items, output)
        assert judge.count == 2
    assert [one["score"] for one in results(output)] == [0.5] * 4


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
    return lambda asked: refusal(503) if first <= number_of(asked) < end else verdict(0.5)


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
    with ScriptedJudge(lambda asked: Reply("no") if number_of(asked) == 77 else outage(asked)) as judge:
        file = manifest(tmp_path, judge, concurrency=1, circuitBreaker={"failures": 1000})
        with pytest.raises(SourceUnreachable):
            scored(file, items, output)
        judge.script = lambda _: verdict(0.9)
        judge.asked.clear()
        said = scored(file, items, output)
        assert sorted(number_of(asked) for asked in judge.asked) == list(range(5, 12))
        finished = output.read_bytes()
        scored(file, items, output)
        assert output.read_bytes() == finished
    assert "7 scored, 0 without a score, 0 malformed, 15 from an earlier start" in said
    assert [one["line"] for one in results(output)] == list(range(1, 23))
    assert [one["score"] for one in results(output)] == [None] + [0.5] * 5 + [0.9] * 7 + [0.5] * 8 + [None]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["items.jsonl", "rewardservice.yaml", "scored.jsonl"]


def test_a_kill_while_asking_again_loses_no_answer(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(20))), tmp_path / "scored.jsonl"
    with ScriptedJudge(outage_from(5, 12)) as judge:
        file = manifest(tmp_path, judge, concurrency=1, circuitBreaker={"failures": 1000})
        with pytest.raises(SourceUnreachable):
            scored(file, items, output)
        judge.script = lambda asked: hang() if number_of(asked) >= 9 else verdict(0.9)
        command = [sys.executable, "-m", "atlas_core", "score", "-f", file, "--items", items, "-o", output]
        with subprocess.Popen(list(map(str, command))) as process:
            until(lambda: len(output.read_bytes().splitlines()) >= 24)
            process.kill()
        judge.script = lambda _: verdict(0.7)
        judge.asked.clear()
        scored(file, items, output)
        assert sorted(number_of(asked) for asked in judge.asked) == [9, 10, 11]
    assert [one["line"] for one in results(output)] == list(range(1, 21))
    assert [one["score"] for one in results(output)] == [0.5] * 5 + [0.9] * 4 + [0.7] * 3 + [0.5] * 8


def test_neighbours_that_were_compared_are_asked_about_again_together(tmp_path: Path) -> None:
    lines = [line(1, prompt="same", response=f"answer {n}") for n in range(3)] + [line(7)]
    items, output = items_file(tmp_path, *lines), tmp_path / "scored.jsonl"
    judges = [{"name": "accuracy", "rubric": "accuracy", "mode": "group"}]
    with ScriptedJudge(lambda asked: refusal(503) if "same" in asked.text else verdict(0.5)) as judge:
        file = manifest(tmp_path, judge, judges=judges)
        with pytest.raises(SourceUnreachable):
            scored(file, items, output)
        judge.script = by_place
        judge.asked.clear()
        scored(file, items, output)
        assert judge.count - 2 == len(judge.asked) == 1
    assert [one["score"] for one in results(output)] == [0.3, 0.3, 0.3, 0.5]


def by_place(asked: Asked) -> Reply:
    """A ranking in which a score says among how many."""
    names = sorted(set(re.findall(r"<<(C\d) ", asked.text)))
    one = {"principles": [], "rationale": "", "score": len(names) / 10, "uncertainty": 0.1}
    return Reply(json.dumps({"ranking": [{"candidate": name, **one} for name in names]}))


def test_an_output_that_another_start_writes_is_refused(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(5))), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda asked: hang() if number_of(asked) == 3 else verdict(0.5)) as judge:
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


def test_the_help_names_the_exit_codes() -> None:
    said = " ".join(atlas_core("score", "--help").stdout.split())
    for error in (InvalidManifest, RunActive, SourceUnreachable, NothingScored):
        assert re.search(rf"\b{error.exit_code} [a-z]", said)

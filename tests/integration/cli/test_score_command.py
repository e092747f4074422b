"""`atlas-core score`, as a process and in this one, against a scripted judge."""

import json
import re
import socket
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from support.judges.judge_replies import JudgeRequest, Reply, refusal, verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import service_manifest, write_manifest
from support.server.score_command import atlas_core, items_file, line, manifest, number_of, results, scored

from atlas_api import InvalidManifest
from atlas_api.errors import JudgeRefused, NothingScored, RunActive, SourceMissing, SourceUnreachable
from atlas_core.commands.score import score_file, score_one
from atlas_rewards import Item, RewardScorer


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
    assert "0.85 = (0.70 + 1.00) / 2" in done.stdout


def test_the_table_says_who_decided_and_which_rule_changed_what(tmp_path: Path) -> None:
    def script(request: JudgeRequest) -> Reply:
        if "What you judge: accuracy" in request.text:
            return verdict(0.2, 0.9 if request.model == "small" else 0.1)
        return verdict(0.9)

    with ScriptedJudge(script) as judge:
        file = manifest(
            tmp_path,
            judge,
            judges=[{"name": name, "rubric": name} for name in ("accuracy", "process")],
            models={name: {"model": name, "baseUrl": judge.base_url} for name in ("small", "large")},
        )
        out = StringIO()
        score_one(RewardScorer.from_file(file), Item("!!!"), False, Console(file=out, width=120))
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
    assert "reason: 0 of 1 judges gave a verdict" in done.stdout
    assert done.stderr.startswith("NothingScored: the completion has no score, for the reasons given; name a model")
    assert len(done.stderr.splitlines()) == 1


def test_why_judges_could_not_answer_is_said_once_and_the_end_says_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    file = write_manifest(tmp_path / "rewardservice.yaml", service_manifest(nobody))
    done = atlas_core("score", "-f", file, "--prompt", "a", "--response", "b")
    assert done.returncode == SourceUnreachable.exit_code
    printed = " ".join(done.stdout.split())
    assert printed.count("cannot be reached") == 1
    assert f"small at {nobody}: cannot be reached: Connection refused; start it, or correct baseUrl" in printed
    assert done.stderr == (
        "SourceUnreachable: judges could not answer about the completion, for the reasons given;"
        " the same command asks again, once their endpoint answers\n"
    )


def test_a_refusal_is_a_mistake_with_the_words_of_the_endpoint(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: refusal(401, message="Incorrect API key provided")) as judge:
        done = atlas_core("score", "-f", manifest(tmp_path, judge), "--prompt", "a", "--response", "b")
    assert done.returncode == JudgeRefused.exit_code
    assert "401 Unauthorized: Incorrect API key provided; check apiKeyFrom" in " ".join(done.stdout.split())
    assert done.stderr == (
        "JudgeRefused: judges were refused, for the reasons given; mend that, and the same command asks again\n"
    )


@pytest.mark.parametrize("fine", [0, 5])
def test_a_file_ends_when_judges_begin_to_be_refused_and_goes_on_when_that_is_mended(fine: int, tmp_path: Path) -> None:
    items, output = items_file(tmp_path, *map(line, range(200))), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda request: verdict(0.5) if request.number < fine else refusal(402)) as judge:
        file = manifest(tmp_path, judge, concurrency=1)
        with pytest.raises(
            JudgeRefused, match=r"^small at http.*answers 402 Payment Required: scripted refusal; check"
        ):
            scored(file, items, output)
        assert judge.count < 20
        judge.script = lambda _: verdict(0.5)
        scored(file, items, output)
    assert [one["score"] for one in results(output)] == [0.5] * 200


def test_an_item_that_is_refused_for_itself_ends_nothing(tmp_path: Path) -> None:
    def script(request: JudgeRequest) -> Reply:
        return refusal(400, message="too long") if "answer 1" in request.text else verdict(0.5)

    items, output = items_file(tmp_path, *map(line, range(30))), tmp_path / "scored.jsonl"
    with ScriptedJudge(script) as judge, pytest.raises(SourceUnreachable, match="about 11 of 30"):
        scored(manifest(tmp_path, judge, concurrency=1), items, output)
    assert sum(one["score"] == 0.5 for one in results(output)) == 19


@pytest.mark.parametrize(("lines", "why"), [((), "holds no item"), (("{", "[]"), "no item of .* got a score")])
def test_a_file_without_one_score_is_no_success(lines: tuple[str, ...], why: str, tmp_path: Path) -> None:
    with ScriptedJudge() as judge, pytest.raises(NothingScored, match=why):
        scored(manifest(tmp_path, judge), items_file(tmp_path, *lines), tmp_path / "scored.jsonl")


def test_a_reason_that_quotes_a_completion_does_not_steer_the_terminal(tmp_path: Path) -> None:
    items = items_file(tmp_path, line(1, response="\x1b[2J\x1b]0;mine\x07"))
    output = tmp_path / "scored.jsonl"
    verifiers = [{"name": "mine", "python": {"entryPoint": "support.verifiers.quoting_verifier:quotes"}}]
    with ScriptedJudge(lambda _: Reply("no")) as judge:
        file = manifest(tmp_path, judge, verifiers=verifiers)
        out = StringIO()
        with pytest.raises(NothingScored):
            score_file(RewardScorer.from_file(file), items, output, False, Console(file=out, width=100))
        one = StringIO()
        with pytest.raises(NothingScored):
            score_one(RewardScorer.from_file(file), Item("\x1b[2J"), False, Console(file=one, width=100))
    assert "cannot read" in out.getvalue()
    assert "cannot read" in one.getvalue()
    assert "\x1b" not in out.getvalue() + one.getvalue()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--response", "b"], "--response needs --prompt"),
        (["--items", "x"], "--items and --output must be given together"),
        (["--prompt", "a", "--response", "b", "-o", "x"], "--items and --output must be given together"),
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
    def script(request: JudgeRequest) -> Reply:
        number = number_of(request)
        return Reply(verdict(number / 100).content, latency=0.05 if number % 7 == 0 else 0.0)

    items, output = items_file(tmp_path, *map(line, range(40))), tmp_path / "scored.jsonl"
    with ScriptedJudge(script) as judge:
        printed = scored(manifest(tmp_path, judge, concurrency=4), items, output)
    assert [(one["line"], one["score"]) for one in results(output)] == [(n + 1, n / 100) for n in range(40)]
    assert printed.strip() == f"{output}: 40 scored, 0 without a score, 0 malformed"


def test_malformed_lines_are_counted_named_and_keep_their_place(tmp_path: Path) -> None:
    lines = [line(1), "{", "", '{"prompt": "a"}', "[" * 100_000, line(2, respones="x"), line(3)]
    items, output = items_file(tmp_path, *lines), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        printed = scored(manifest(tmp_path, judge), items, output)
    assert [(one["line"], one["score"]) for one in results(output)] == [
        (1, 0.5), (2, None), (4, None), (5, None), (6, None), (7, 0.5),
    ]  # fmt: skip
    assert [text.split(": ", 2)[1] for text in printed.splitlines()[:3]] == [f"items.jsonl:{n}" for n in (2, 4, 5)]
    assert "not JSON at character 2" in printed
    assert "malformed: 1 more" in printed
    assert "2 scored, 0 without a score, 4 malformed" in printed


def test_the_counts_can_be_had_as_json(tmp_path: Path) -> None:
    items, output = items_file(tmp_path, line(1), "{"), tmp_path / "scored.jsonl"
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        counts = json.loads(scored(manifest(tmp_path, judge), items, output, as_json=True))
    assert counts == {
        "kept": 0,
        "scored": 1,
        "unscored": 0,
        "unanswered": 0,
        "causes": {},
        "malformed": ["items.jsonl:2: not JSON at character 2"],
    }


def test_a_file_of_items_that_is_not_there_is_named_and_makes_no_output(tmp_path: Path) -> None:
    with ScriptedJudge() as judge, pytest.raises(SourceMissing, match=r"absent\.jsonl is no file; check --items"):
        scored(manifest(tmp_path, judge), tmp_path / "absent.jsonl", tmp_path / "scored.jsonl")
    assert not (tmp_path / "scored.jsonl").exists()


def test_judges_that_compare_are_shown_neighbours_with_the_same_prompt_together(tmp_path: Path) -> None:
    def ranking(request: JudgeRequest) -> Reply:
        names = sorted(set(re.findall(r"<<(C\d) ", request.text)))
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


def test_the_help_names_the_exit_codes() -> None:
    printed = " ".join(atlas_core("score", "--help").stdout.split())
    for error in (InvalidManifest, RunActive, SourceUnreachable, JudgeRefused, NothingScored):
        assert re.search(rf"\b{error.exit_code} [a-z]", printed)

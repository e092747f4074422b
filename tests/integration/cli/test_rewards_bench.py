"""`atlas-core rewards bench` on recorded sessions, against a scripted judge; and the demo that shows it."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from support.judges.judge_replies import JudgeRequest, Rates, Reply, Script, refusal, verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import service_manifest, write_manifest

from atlas_api.errors import AtlasError, InvalidManifest, JudgeRefused, NothingMatched, NothingScored, SourceUnreachable
from atlas_core.commands.rewards_bench import bench
from atlas_rewards.configuration import load_configuration
from atlas_rewards.scorer import RewardScorer

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "rewardservice.yaml"
DESK = ROOT / "examples" / "desk-sessions.jsonl"
NAMES = ("accuracy", "helpfulness", "process", "diagnostic")
KEY = "sk-very-secret-5142"


def configuration(folder: Path, judge: ScriptedJudge, **spec: Any) -> Path:
    judges = [{"name": name, "rubric": name} for name in NAMES]
    manifest = service_manifest(judge.base_url, **{"judges": judges, **spec})
    return write_manifest(folder / "rewardservice.yaml", manifest)


def benched(file: Path, out: Path, *wanted: str, seed: int = 0, traces: Path = DESK) -> str:
    """What the command says."""
    console = Console(file=(printed := StringIO()), width=100)
    bench(file, traces, out, console, wanted=wanted, seed=seed)
    return printed.getvalue()


def audit(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "audit.jsonl").read_text().splitlines()]


def by_truth(request: JudgeRequest) -> Reply:
    """1 when the answer names the right order, else 0.1."""
    truth = request.text.split("<<REFERENCE")[1].split(">>\n")[1].split("\n")[0]
    return verdict(1.0 if truth in request.text.rsplit("<<", 2)[1] else 0.1)


def test_models_are_asked_once_whatever_is_compared(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        benched(configuration(tmp_path, judge), tmp_path / "out", "accuracy+process", "process+diagnostic")
        assert judge.count == 40 * len(NAMES)


def test_every_item_and_combination_has_a_line_in_the_audit(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        benched(configuration(tmp_path, judge), tmp_path / "out", "accuracy+process")
    lines = audit(tmp_path / "out")
    names = ["all together", *NAMES, "accuracy+process"]
    assert [line["combination"] for line in lines] == names * 40
    assert len({line["session"] for line in lines}) == 40
    assert {len(line["judges"]) for line in lines if line["combination"] == "accuracy+process"} == {2}


def test_judges_that_go_by_the_truth_agree_with_the_record(tmp_path: Path) -> None:
    with ScriptedJudge(by_truth) as judge:
        file = configuration(tmp_path, judge, judges=[{"name": "accuracy", "rubric": "accuracy"}])
        benched(file, tmp_path / "out")
    scored = [one for one in audit(tmp_path / "out") if one["recordedReward"] is not None]
    agreed = [one for one in scored if abs(one["score"] - one["recordedReward"]) <= 0.02]
    # For a right answer after guidance the record gives less than its truth alone.
    guided = [one for one in scored if one["recordedReward"] == 0.6]
    row = next(
        line for line in (tmp_path / "out/report.md").read_text().splitlines() if line.startswith("| all together |")
    )
    assert len(agreed) / (len(scored) - len(guided)) > 0.9
    close = len(agreed) / len(scored)
    assert f"{100 * close:.1f} %" in row or f"{100 * close:.0f} %" in row


def test_each_completion_is_asked_about_alone_even_of_judges_that_compare(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        judges = [{"name": "accuracy", "rubric": "accuracy", "mode": "group"}]
        benched(configuration(tmp_path, judge, judges=judges), tmp_path / "out")
        assert not any("<<C1 " in request.text for request in judge.requests)


def test_no_judge_sees_a_recorded_reward_or_another_session(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        benched(configuration(tmp_path, judge), tmp_path / "out")
        tasks = [json.loads(line)["task"] for line in DESK.read_text().splitlines()]
        assert all(sum(task in request.text for task in tasks) == 1 for request in judge.requests)
        assert not any("reward" in request.body["messages"][1]["content"].lower() for request in judge.requests)


def test_the_seed_changes_the_order_and_no_score(tmp_path: Path) -> None:
    with ScriptedJudge() as judge:
        file = configuration(tmp_path, judge)
        for seed in (1, 2):
            benched(file, tmp_path / str(seed), seed=seed)
    first, second = ({(one["session"], one["combination"]): one["score"] for one in audit(tmp_path / n)} for n in "12")
    assert first == second
    assert list(first) != list(second)


def test_failures_are_counted_by_cause_and_nothing_is_made_up(tmp_path: Path) -> None:
    with ScriptedJudge(Rates(lambda _: verdict(0.5), errors=0.2, garbage=0.2)) as judge:
        benched(configuration(tmp_path, judge), tmp_path / "out")
    alone = [one for one in audit(tmp_path / "out") if one["combination"] in NAMES]
    unscored = sum(one["score"] is None for one in alone)
    causes = (tmp_path / "out/report.md").read_text().split("## Items without a score")[1].split("## ")[0]
    rows = [line.strip("| ").split(" | ") for line in causes.splitlines() if line.startswith("| ")][2:]
    assert unscored > 20
    assert sum(int(count) for name, _, count in rows if name in NAMES) == unscored
    assert {cause for _, cause, _ in rows} & {"overloaded", "unreadable"}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(lambda _: refusal(503, "0"), SourceUnreachable, id="judges could not answer"),
        pytest.param(
            lambda request: Reply("no") if request.number else refusal(401), SourceUnreachable, id="one could not"
        ),
        pytest.param(lambda _: Reply("no"), NothingScored, id="nothing could be read"),
    ],
)
def test_a_report_without_a_score_is_no_success(script: Script, expected: type[AtlasError], tmp_path: Path) -> None:
    with ScriptedJudge(script) as judge, pytest.raises(expected, match="no item has a score; of the first: 0 of 4"):
        benched(configuration(tmp_path, judge), tmp_path / "out")
    assert (tmp_path / "out/report.md").exists()


def test_judges_that_are_refused_end_it_at_once(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: refusal(403, message="no access")) as judge:
        with pytest.raises(JudgeRefused, match="403 Forbidden: no access"):
            benched(configuration(tmp_path, judge, concurrency=1), tmp_path / "out")
        assert judge.count < 60


def test_no_file_holds_the_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        small = {"model": "small", "baseUrl": judge.base_url, "apiKeyFrom": {"file": str(tmp_path / "key")}}
        benched(configuration(tmp_path, judge, models={"small": small}), tmp_path / "out")
        assert judge.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert not any(KEY in file.read_text() for file in (tmp_path / "out").iterdir())


def test_report_plots_and_audit_lie_in_one_folder(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        printed = benched(configuration(tmp_path, judge), tmp_path / "new/out")
    names = {file.name for file in (tmp_path / "new/out").iterdir()}
    assert names == {"report.md", "audit.jsonl", "scores.svg", "agreement.svg", "latency.svg"}
    assert "report.md" in printed


def test_nobody_is_asked_before_everything_is_known_to_be_right(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    (tmp_path / "file").write_text("")
    with ScriptedJudge() as judge:
        file = configuration(tmp_path, judge)
        with pytest.raises(InvalidManifest, match="no judge or verifier is called 'acuracy'"):
            benched(file, tmp_path / "out", "acuracy")
        with pytest.raises(InvalidManifest, match="--output"):
            benched(file, tmp_path / "file")
        with pytest.raises(NothingMatched, match="no session at all"):
            benched(file, tmp_path / "out", traces=empty)
        assert judge.count == 0


def test_the_command_says_what_the_function_says(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        file = configuration(tmp_path, judge)
        command = [sys.executable, "-m", "atlas_core", "rewards", "bench", "-f", file, "--traces", DESK]
        command += ["-o", tmp_path / "out", "--combination", "accuracy+process"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "40 recorded sessions" in done.stdout
    assert "accuracy+process" in done.stdout


def test_the_example_is_good_and_needs_its_key_only_when_it_asks(tmp_path: Path) -> None:
    RewardScorer.from_file(EXAMPLE)
    spec = load_configuration(EXAMPLE).spec
    assert tuple(judge.name for judge in spec.judges) == NAMES
    assert spec.models.large is not None
    document = yaml.safe_load(EXAMPLE.read_text())
    document["spec"]["models"]["small"]["apiKeyFrom"] = {"file": str(tmp_path / "absent")}
    file = write_manifest(tmp_path / "rewardservice.yaml", document)
    command = [sys.executable, "-m", "atlas_core", "score", "-f", str(file), "--prompt", "a", "--response", "b"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (22, 1)
    assert done.stderr.startswith("SourceMissing: ")


def test_the_demo_runs_from_judges_to_report(tmp_path: Path) -> None:
    for name in ("examples", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(
        [sys.executable, "-m", "desk.rewards"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": "examples"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a fake that goes by rules" in done.stdout
    assert "processAboveAccuracy" in done.stdout
    assert "0.97 = (2 x 0.99 + 0.89 + 0.94 + 0.89 + 4 x 1.00 + 1.00) / 10" in done.stdout
    assert (tmp_path / ".demo/rewards/report/report.md").exists()

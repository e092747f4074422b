"""GRPO with judges: in the trainer's process, and behind a service. The judge model is scripted (a fake)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from support.judge_replies import by_content
from support.report_page import drawn
from support.scripted_judge import ScriptedJudge
from support.tiny_model import save_tiny_model
from support.trainings import make_training, write_export

from atlas_api.errors import SourceUnreachable
from atlas_core.run import run
from atlas_rewards import Item
from atlas_rewards.client import RewardClient
from atlas_rewards.training_reward import Judges

ONE_STEP = {"maxSteps": 1, "batchSize": 8, "microBatchSize": 8}
RUN = Path("runs/agents/demo/run-0001")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a tiny model and sixteen sessions."""
    save_tiny_model(tmp_path / "model")
    write_export(tmp_path)
    return tmp_path


def write_service(folder: Path, judge: ScriptedJudge) -> Path:
    path = folder / "rewardservice.yaml"
    names = ("accuracy", "helpfulness")
    document = {
        "apiVersion": "atlas.arc.computer/v1alpha1",
        "kind": "RewardService",
        "metadata": {"name": "judges"},
        "spec": {
            "judges": [{"name": name, "rubric": name} for name in names],
            "models": {"small": {"model": "small", "baseUrl": judge.base_url}},
        },
    }
    path.write_text(yaml.safe_dump(document))
    return path


@contextmanager
def served(config: Path) -> Iterator[str]:
    """Address of a service in a process of its own."""
    command = [sys.executable, "-m", "atlas_rewards.service.main", "serve", f"--config={config}", "--port=0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stderr is not None
        try:
            yield address_in(process.stderr)
        finally:
            process.terminate()


def address_in(log: Any) -> str:
    """The address that the service says it listens on."""
    for line in log:
        words = json.loads(line)
        for value in words.values():
            if isinstance(value, str) and "http://" in value:
                return "http://" + value.split("http://")[1].split()[0].rstrip("/.,")
    raise AssertionError("the service ended without naming its address")


@contextmanager
def closing_sync(judges: Judges) -> Iterator[Judges]:
    try:
        yield judges
    finally:
        judges.close_sync()


def numbers(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / RUN / "metrics.jsonl").read_text().splitlines()]


def assert_each_judge_is_seen(folder: Path) -> None:
    (trained,) = [line for line in numbers(folder) if line["kind"] == "train"]
    assert {"rewards/accuracy", "rewards/helpfulness", "reward"} <= set(trained)
    series = drawn((folder / RUN / "report.html").read_text(), "Reward")
    assert {"reward", "accuracy", "helpfulness"} <= {name for name, marks in series.items() if marks}


def test_the_trainer_itself_asks_the_judges(folder: Path) -> None:
    with ScriptedJudge(by_content) as judge:
        named = {"file": str(write_service(folder, judge))}
        run(make_training(folder, reward={"serviceRef": named}, optimization=ONE_STEP), False, Console(quiet=True))
        assert judge.count > 0
    assert_each_judge_is_seen(folder)


def test_a_service_elsewhere_is_asked(folder: Path) -> None:
    with ScriptedJudge(by_content) as judge, served(write_service(folder, judge)) as url:
        reward = {"serviceRef": {"url": url}, "verifiers": [{"name": "close", "referenceSimilarity": {}}]}
        run(make_training(folder, reward=reward, optimization=ONE_STEP), False, Console(quiet=True))
    assert_each_judge_is_seen(folder)


def test_the_same_items_score_the_same_here_and_there(tmp_path: Path) -> None:
    from atlas_rewards import RewardService

    items = [Item(f"answer {number}", prompt=({"role": "user", "content": "?"},)) for number in range(100)]
    with (
        ScriptedJudge(by_content) as judge,
        served(config := write_service(tmp_path, judge)) as url,
        closing_sync(RewardClient(url)) as client,
        closing_sync(RewardService.from_file(config)) as service,
    ):
        there, here = client.score_sync(items), service.score_sync(items)
    assert [result.score for result in there] == [result.score for result in here]
    assert {result.revision for result in there} == {result.revision for result in here}


def test_a_service_that_stays_away_is_an_outage_and_no_zero() -> None:
    with (
        closing_sync(RewardClient("http://127.0.0.1:9", patience=0.1)) as away,
        pytest.raises(SourceUnreachable, match="cannot be reached"),
    ):
        away.score_sync([Item("x")])

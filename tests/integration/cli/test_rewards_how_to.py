"""The examples of docs/how-to/rewards.md, run as they stand, in a folder with the page's configuration."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points, metadata
from pathlib import Path

import pytest
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import serving

from atlas_api import parse
from atlas_api.manifest.yaml_document import read_documents
from atlas_api.rewardservice.spec import RewardService

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "rewards.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line[2:]) for block in blocks("console") for line in block.splitlines()]


PROGRAMS = blocks("python")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the configuration of the page, whose endpoint is a scripted judge."""
    folder = tmp_path_factory.mktemp("how-to")
    (folder / "items.jsonl").write_text('{"prompt": "What is 6*7?", "response": "42", "reference": "42"}\n')
    with ScriptedJudge() as judge:
        (configuration,) = blocks("yaml")
        here = configuration.replace("http://localhost:8000/v1", judge.base_url)
        cache = str(folder / "answers.sqlite")  # the service is started in another folder
        (folder / "rewardservice.yaml").write_text(here.replace("answers.sqlite", cache))
        shutil.copy(ROOT / "examples" / "desk-sessions.jsonl", folder / "sessions.jsonl")
        yield folder


def done(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
    return ended.stdout


def test_the_configuration_is_valid_as_it_stands() -> None:
    (configuration,) = blocks("yaml")
    assert parse(RewardService, read_documents(configuration)[0]).spec.quorum == 2


def test_what_is_installed_is_the_extra_that_the_commands_are_tested_with() -> None:
    (installed,) = [words[-1] for words in commands() if words[:2] == ["pip", "install"]]
    assert installed == ".[rewards]"
    assert "atlas-rewards" in {script.name for script in entry_points(group="console_scripts")}
    assert "rewards" in metadata("atlas-core").get_all("Provides-Extra", [])


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_every_program_runs(folder: Path, number: int) -> None:
    (folder / "program.py").write_text(PROGRAMS[number])
    done(folder, sys.executable, "program.py")


@pytest.mark.parametrize("command", [words for words in commands() if words[0] == "atlas-core"])
def test_every_command_runs(folder: Path, command: list[str]) -> None:
    assert done(folder, *command)


def test_the_service_answers_every_request_of_the_page(folder: Path) -> None:
    requests = [words for words in commands() if words[0] == "curl"]
    assert len(requests) == 4
    with serving(folder / "rewardservice.yaml", folder / "log") as served:
        answers = [done(folder, *(word.replace("localhost:8080", served.url) for word in words)) for words in requests]
    ready, scored, judges, configuration = answers
    assert ready == "ok\n"
    assert json.loads(scored)["results"][0]["verifiers"]["right_number"] == 1
    assert [judge["state"] for judge in json.loads(judges)["judges"]] == ["Answering"] * 3
    assert json.loads(configuration)["refused"] is None


def test_every_metric_of_the_page_exists(folder: Path) -> None:
    with serving(folder / "rewardservice.yaml", folder / "log") as served:
        served.get("/readyz")
        metrics = served.get("/metrics").text
    for name in set(re.findall(r"atlas_rewards_[a-z_]+", PAGE)) - {"atlas_rewards_"}:
        assert f"# HELP {name.removesuffix('_total')}" in metrics or f"# HELP {name}" in metrics, name

"""Whoever has installed `atlas-core[rewards]` alone can do everything that the page on rewards promises."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import zstandard
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import item, service_manifest, write_manifest
from support.server.installed import brought_by
from support.traces.exports import jsonl, session_record
from support.trainer.trainings import write_manifest as write_training

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A configuration, items and an export."""
    (tmp_path / "items.jsonl").write_text(json.dumps(item()) + "\n")
    (tmp_path / "export.jsonl").write_bytes(jsonl(session_record(1), session_record(2)))
    with ScriptedJudge() as judge:
        write_manifest(
            tmp_path / "service.yaml",
            service_manifest(judge.base_url, verifiers=[{"name": "right", "numeric": {}}], cache={"path": "cache"}),
        )
        yield tmp_path


def training(folder: Path) -> None:
    """A training that reads the export and starts from a folder that looks like a model."""
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    (folder / "export.jsonl").rename(folder / "traces.jsonl")
    shutil.copy(folder / "traces.jsonl", folder / "export.jsonl")
    write_training(folder)


def done(folder: Path, module: str, *arguments: str, extra: str = "rewards") -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.run(
        [sys.executable, "-m", "support.server.installed", extra, module, *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_extra_is_light() -> None:
    assert not brought_by("rewards") & {"torch", "transformers", "trl", "kubernetes", "zstandard", "boto3"}
    assert {"atlas-core", "aiohttp", "rich", "pydantic-core"} <= brought_by("rewards")


@pytest.mark.parametrize(
    "arguments",
    [
        ["atlas_core", "validate", "-f", "service.yaml"],
        ["atlas_core", "score", "-f", "service.yaml", "--prompt", "a", "--response", "b"],
        ["atlas_core", "score", "-f", "service.yaml", "--items", "items.jsonl", "-o", "scored.jsonl"],
        ["atlas_core", "rewards", "bench", "-f", "service.yaml", "--traces", "export.jsonl", "-o", "bench"],
        ["atlas_rewards.server.command", "--help"],
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
def test_every_command_runs(folder: Path, arguments: list[str]) -> None:
    ended = done(folder, *arguments)
    assert ended.returncode == 0, ended.stderr


def test_the_service_starts_and_answers(folder: Path) -> None:
    (folder / "ask.py").write_text(
        "import threading, sys\n"
        "from atlas_rewards.client.reward_client import RewardClient\n"
        "from atlas_rewards import Item\n"
        "print(RewardClient(sys.argv[1]).score_sync([Item('42')])[0].score)\n"
    )
    path = os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    command = [sys.executable, "-m", "support.server.installed", "rewards", "atlas_rewards.server.main"]
    with subprocess.Popen(
        [*command, "serve", "--config", "service.yaml", "--port", "0"],
        cwd=folder, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE, text=True,
    ) as service:  # fmt: skip
        assert service.stderr is not None
        try:
            listening = next(
                found for line in service.stderr if (found := re.search(r"listening on (http://[^\"]+)", line))
            )
            ended = done(folder, "ask", listening[1])
        finally:
            service.kill()
    assert 0 <= float(ended.stdout) <= 1, ended.stderr


def test_what_needs_more_is_told_with_the_extra_that_brings_it(folder: Path) -> None:
    (folder / "export.jsonl.zst").write_bytes(
        zstandard.ZstdCompressor().compress((folder / "export.jsonl").read_bytes())
    )
    ended = done(
        folder, "atlas_core", "rewards", "bench", "-f", "service.yaml", "--traces", "export.jsonl.zst", "-o", "bench"
    )
    assert ended.returncode == 2
    assert ended.stderr.strip() == (
        '--traces export.jsonl.zst: reading it needs zstandard; install atlas-core with the extra "trainer"'
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["atlas_core", "score", "-f", "service.yaml", "--prompt", "a", "--response", "b"],
            'this command needs aiohttp; install atlas-core with the extra "rewards"',
        ),
        (
            ["atlas_core", "rewards", "bench", "-f", "service.yaml", "--traces", "export.jsonl", "-o", "bench"],
            'this command needs aiohttp; install atlas-core with the extra "rewards"',
        ),
        (
            ["atlas_rewards.server.command", "serve", "--config", "service.yaml"],
            '`atlas-rewards` needs starlette; install atlas-core with the extra "rewards"',
        ),
        (["atlas_operator"], '`atlas-operator` needs kopf; install atlas-core with the extra "operator"'),
        (
            ["atlas_core", "data", "preview", "-f", "training.yaml"],
            'this command needs jinja2; install atlas-core with the extra "trainer"',
        ),
        (
            ["atlas_core", "data", "export", "-f", "training.yaml", "-o", "rows.parquet"],
            'this command needs pyarrow; install atlas-core with the extra "trainer"',
        ),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "",
)
def test_without_any_extra_each_program_names_its_own_in_one_sentence(
    folder: Path, arguments: list[str], sentence: str
) -> None:
    training(folder)
    ended = done(folder, *arguments, extra="")
    assert ended.returncode == 2
    assert re.sub(r"needs \w+;", "needs ...;", ended.stderr) == re.sub(r"needs \w+;", "needs ...;", f"{sentence}\n")


@pytest.mark.parametrize("module", ["atlas_core", "atlas_rewards.server.command", "atlas_operator"])
def test_every_program_tells_its_version_whatever_is_installed(folder: Path, module: str) -> None:
    ended = done(folder, module, "--version", extra="")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{version('atlas-core')}\n", "")


def test_without_any_extra_a_look_at_this_machine_says_what_is_missing(folder: Path) -> None:
    training(folder)
    ended = done(folder, "atlas_core", "run", "--check", "-f", "training.yaml", extra="")
    assert ended.returncode == 2
    (line,) = ended.stdout.splitlines()
    assert re.fullmatch(
        r'training.yaml: a run needs accelerate, .*torch, .*; install atlas-core with the extra "trainer"', line
    )
    assert ended.stderr == ""


def test_a_training_is_told_what_to_install(folder: Path) -> None:
    ended = done(folder, "atlas_core", "run", "-f", str(ROOT / "examples" / "jsonl-grpo.yaml"))
    assert ended.returncode == 2
    assert re.fullmatch(r'this command needs \w+; install atlas-core with the extra "trainer"', ended.stderr.strip())

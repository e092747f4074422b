"""`atlas-core score` against a scripted judge: its files, and the command as a process and in this one."""

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from support.judges.judge_replies import JudgeRequest
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import service_manifest, write_manifest

from atlas_core.commands.score import score_file
from atlas_rewards import RewardScorer


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
    score_file(RewardScorer.from_file(file), items, output, as_json, Console(file=out, width=100))
    return out.getvalue()


def number_of(request: JudgeRequest) -> int:
    """The number in the answer that is judged."""
    return int(re.findall(r"answer (\d+)", request.text)[-1])

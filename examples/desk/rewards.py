"""
`python -m desk.rewards`: the rewards alone, on the desk's recorded sessions. Behind `make rewards-demo`.

Starts scripted judges (a fake) and the real scoring service, each as a process, scores three sessions over HTTP, and
compares combinations of judges over all of them. Trains nothing and needs no key.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_core.report.recorded_items import recorded_items, traces_in
from atlas_core.report.score_table import result_table
from atlas_rewards.client.reward_client import RewardClient
from atlas_rewards.configuration import load_configuration
from atlas_trainer.traces.session import Tally

FOLDER = Path(".demo/rewards")
MANIFEST = Path("examples/rewardservice.yaml")
SESSIONS = Path("examples/desk-sessions.jsonl")
"""The first 40 sessions of `make run` as the SDK exports them, of every review status."""

SHOWN = ("3", "2", "11")
"""Sessions: one right, one wrong, one that the small model is unsure about."""

PATIENCE = 60.0
"""Seconds until a process must have said its address."""

_ADDRESS = re.compile(r"http://[0-9a-z.:\[\]]+(?:/v1)?")


def main() -> int:
    """Run the demo in the root of the repository. Returns the exit code."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    return run(FOLDER, Console())


def run(folder: Path, console: Console) -> int:
    """The demo, its files in *folder*. Returns the exit code of the benchmark."""
    folder.mkdir(parents=True, exist_ok=True)
    judges = [*_python("support.judges.scripted_judge"), "--script", "desk.judges:judge", "--latency", "0.05"]
    console.rule("[bold]1 of 3: the judges", align="left")
    with _started([*judges, "--errors", "0.02"], folder / "judges.log") as models:
        console.print(f"  scripted judges, a fake that goes by rules, at {models}")
        manifest = _manifest(folder, models)
        console.rule(f"[bold]2 of 3: atlas-rewards serve --config {manifest}", align="left")
        command = [*_python("atlas_rewards.server.main"), "serve", "--config", str(manifest), "--port", "0"]
        with _started(command, folder / "service.log") as service:
            console.print(f"  the service answers at {service}")
            _show_some(service, load_configuration(manifest).spec, console)
        console.rule("[bold]3 of 3: atlas-core rewards bench", align="left")
        bench = [*_python("atlas_core"), "rewards", "bench", "-f", str(manifest), "--traces", str(SESSIONS)]
        bench += ["--combination", "accuracy+process", "--combination", "accuracy+answer", "-o", str(folder / "report")]
        return subprocess.run(bench, check=False, env=_environment()).returncode  # noqa: S603 - our own command


def _show_some(service: str, spec: RewardServiceSpec, console: Console) -> None:
    client = RewardClient(service)
    items = [one for one in recorded_items(traces_in(SESSIONS), 0, Tally()) if one.session in SHOWN]
    results = client.score_sync([recorded.item for recorded in items])
    client.close_sync()
    for recorded, result in zip(items, results, strict=True):
        asked = recorded.item.metadata["task"]
        console.print(
            Text(f'\n  "{asked}"  ->  "{recorded.item.completion}"   recorded reward {recorded.reward}'), soft_wrap=True
        )
        console.print(result_table(result, spec))


def _manifest(folder: Path, models: str) -> Path:
    """The example, with the scripted judges in the place of the models."""
    document: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    for model in document["spec"]["models"].values():
        model["baseUrl"] = models
        del model["apiKeyFrom"]
    path = folder / "rewardservice.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


@contextmanager
def _started(command: Sequence[str], log: Path) -> Iterator[str]:
    """A process; yields the address that it says, and ends it in the end. Raises RuntimeError when it says none."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=_environment())  # noqa: S603
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait()


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if found := _ADDRESS.search(log.read_text(encoding="utf-8")):
            return found[0]
        time.sleep(0.05)
    raise RuntimeError(f"did not start; {log} says: {log.read_text(encoding='utf-8')[-500:]}")


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def _environment() -> dict[str, str]:
    """Examples and the tests' fake judge can be imported; they are no part of the installed package."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(["examples", "tests"])}


if __name__ == "__main__":
    sys.exit(main())

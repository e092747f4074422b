"""kill -9 at any point: the next start continues, ends where an undisturbed run ends, never sees half a checkpoint."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.trainer.tiny_model import save_tiny_model
from support.trainer.trainings import write_export, write_manifest

from atlas_api.errors import STOPPED_BY
from atlas_trainer.storage.manifest import MANIFEST

pytestmark = pytest.mark.faults

STEPS = 6
RUN = Path("runs/agents/demo/run-0001")


def start(folder: Path) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "atlas_core", "run", "-f", str(folder / "training.yaml")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(arguments, cwd=folder, stdout=log, stderr=log, env=environment)


def finish(folder: Path) -> None:
    process = start(folder)
    assert process.wait() == 0, (folder / "log.txt").read_text()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that makes a folder with a tiny model, traces and a manifest."""

    def prepare(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        save_tiny_model(folder / "model", width=384)
        write_export(folder)
        optimization = {"maxSteps": STEPS, "batchSize": 8, "microBatchSize": 4, "learningRate": 1e-3}
        checkpoints = {"local": {"path": str(folder / "runs")}, "everySteps": 2, "keep": 2}
        write_manifest(folder, optimization=optimization, checkpoints=checkpoints)
        return folder

    return prepare


@pytest.fixture(scope="module")
def undisturbed(prepared: Callable[[str], Path]) -> str:
    folder = prepared("undisturbed")
    finish(folder)
    return weights(folder)


def weights(folder: Path) -> str:
    """SHA-256 of the final weights."""
    return hashlib.sha256((folder / RUN / "final" / "model.safetensors").read_bytes()).hexdigest()


def listed_checkpoints_are_whole(folder: Path) -> bool:
    for manifest in (folder / RUN).glob(f"checkpoint-*/{MANIFEST}"):
        for name, file in json.loads(manifest.read_text())["files"].items():
            if hashlib.sha256((manifest.parent / name).read_bytes()).hexdigest() != file["sha256"]:
                return False
    return True


def logged_step(folder: Path) -> int:
    path = folder / RUN / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return max((json.loads(line)["step"] for line in lines[:-1]), default=-1)


POINTS: dict[str, Callable[[Path], bool]] = {
    "while the dataset is frozen": lambda folder: (folder / RUN / "dataset").exists(),
    "after the baseline": lambda folder: (folder / RUN / "evaluations" / "step-000000.json").exists(),
    "in the middle of a step": lambda folder: logged_step(folder) >= 1,
    "while a checkpoint is written": lambda folder: any((folder / RUN / ".saving").glob("checkpoint-4/*")),
    "while the final model is written": lambda folder: (folder / RUN / ".saving" / "final").exists(),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_continues_to_the_same_weights(
    point: str, prepared: Callable[[str], Path], undisturbed: str
) -> None:
    folder = prepared("killed")
    process = start(folder)
    while not POINTS[point](folder):
        assert process.poll() is None, (folder / "log.txt").read_text()
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert listed_checkpoints_are_whole(folder)

    finish(folder)
    assert weights(folder) == undisturbed
    status = json.loads((folder / RUN.parent / "status.json").read_text())
    assert (status["phase"], status["progress"]["step"], status["run"]["attempt"]) == ("Succeeded", STEPS, 2)
    steps = [json.loads(line) for line in (folder / RUN / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps if line["kind"] == "train"] == list(range(1, STEPS + 1))
    assert not (folder / RUN / ".saving").exists()


@pytest.fixture
def in_a_terminal() -> Iterator[None]:
    """What `nohup`, or a shell with `&`, had set to be ignored ends new processes again: they inherit it."""
    ignored = [number for number in STOPPED_BY if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


SIGNALS = {
    signal.SIGTERM: (143, "Preempted: preempted (SIGTERM); step "),
    signal.SIGINT: (130, "Interrupted: interrupted by Ctrl-C (SIGINT); step "),
    signal.SIGHUP: (129, "HungUp: stopped, since the terminal was closed (SIGHUP); step "),
}


@pytest.mark.usefixtures("in_a_terminal")
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_each_signal_has_its_code_and_saves_first_and_the_next_start_continues_there(
    number: signal.Signals, prepared: Callable[[str], Path], undisturbed: str
) -> None:
    code, said = SIGNALS[number]
    folder = prepared("stopped")
    process = start(folder)
    while logged_step(folder) < 1:
        assert process.poll() is None, (folder / "log.txt").read_text()
        time.sleep(0.001)
    process.send_signal(number)
    assert process.wait() == code
    saved = max(int(path.parent.name[-6:]) for path in (folder / RUN).glob(f"checkpoint-*/{MANIFEST}"))
    assert saved >= logged_step(folder)
    status = json.loads((folder / RUN.parent / "status.json").read_text())
    assert status["phase"] == "Interrupted"
    assert status["message"].startswith(f"{said}{saved} of {STEPS} is saved")

    finish(folder)
    assert weights(folder) == undisturbed


@pytest.mark.usefixtures("in_a_terminal")
def test_a_second_ctrl_c_ends_the_run_at_once(prepared: Callable[[str], Path]) -> None:
    folder = prepared("impatient")
    process = start(folder)
    while logged_step(folder) < 1:
        assert process.poll() is None, (folder / "log.txt").read_text()
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    while "stopping after this step" not in (folder / "log.txt").read_text():
        assert process.poll() is None, (folder / "log.txt").read_text()
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    message = json.loads((folder / RUN.parent / "status.json").read_text())["message"]
    assert message.startswith("Interrupted: interrupted by Ctrl-C (SIGINT); ")

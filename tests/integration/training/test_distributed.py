"""Two processes train one model: they start, stop, fail and continue together, and end where one launcher's would."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.trainer.measured import make_run
from support.trainer.tiny_model import save_tiny_model
from support.trainer.trainings import write_export

from atlas_api.pods.contract import DISTRIBUTED_PORT, launch_command
from atlas_api.training.compute import Compute
from atlas_trainer.storage.manifest import MANIFEST

STEPS = 6
RUN = Path("runs/agents/demo/run-0001")
Prepare = Callable[[str], Path]

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]  # each test starts four processes that load torch and TRL


@pytest.fixture(scope="module")
def prepare(tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    """A function that makes a folder with a tiny model, traces and run.json. A group lies across both processes."""

    def made(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        save_tiny_model(folder / "model")
        write_export(folder)
        run = make_run(
            folder,
            grpo={"groupSize": 8, "maxCompletionTokens": 16},
            optimization={"maxSteps": STEPS, "batchSize": 8, "learningRate": 1e-3},
            compute={"workers": 2, "gpusPerWorker": 0},
        )
        (folder / "run.json").write_text(run.model_dump_json(by_alias=True, exclude_none=True))
        return folder

    return made


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def start(folder: Path, command: list[str], name: str, **variables: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "XDG_CACHE_HOME": str(folder / f"cache-{name}"),
        **variables,
    }
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)


def start_pods(folder: Path, attempt: int) -> list[subprocess.Popen[bytes]]:
    """Two pods with one process each."""
    port = str(free_port())
    return [
        start(
            folder,
            [sys.executable, "-m", "atlas_trainer", "run.json"],
            f"pod-{rank}",
            RANK=str(rank),
            WORLD_SIZE="2",
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=port,
            ATLAS_ATTEMPT=str(attempt),
        )
        for rank in range(2)
    ]


def logs(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("*.log")))


def finish_pods(folder: Path, attempt: int) -> None:
    codes = [process.wait() for process in start_pods(folder, attempt)]
    assert codes == [0, 0], logs(folder)


@pytest.fixture(scope="module")
def undisturbed(prepare: Prepare) -> Path:
    """Folder of a run by torchrun, as in one pod with two GPUs."""
    folder = prepare("undisturbed")
    port = str(free_port())
    command = launch_command(Compute(workers=1, gpus_per_worker=2))
    local = [sys.executable, *(part.replace(str(DISTRIBUTED_PORT), port) for part in command[1:]), "run.json"]
    assert start(folder, local, "launcher").wait() == 0, logs(folder)
    return folder


def weights(folder: Path) -> str:
    """SHA-256 of the final weights."""
    return hashlib.sha256((folder / RUN / "final" / "model.safetensors").read_bytes()).hexdigest()


def status(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / RUN.parent / "status.json").read_text())
    return document


def saved_steps(folder: Path) -> list[int]:
    return sorted(int(path.parent.name[-6:]) for path in (folder / RUN).glob(f"checkpoint-*/{MANIFEST}"))


def until_saved(folder: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    while not saved_steps(folder):
        assert all(process.poll() is None for process in processes), logs(folder)
        time.sleep(0.001)


def test_a_checkpoint_holds_the_random_state_of_every_process(undisturbed: Path) -> None:
    checkpoint = undisturbed / RUN / f"checkpoint-{STEPS:06d}"
    listed = json.loads((checkpoint / MANIFEST).read_text())["files"]
    assert {"rng_state_0.pth", "rng_state_1.pth", "model.safetensors", "optimizer.pt"} <= set(listed)
    states = [torch.load(checkpoint / f"rng_state_{rank}.pth", weights_only=False) for rank in range(2)]
    assert not torch.equal(states[0]["cpu"], states[1]["cpu"])


def test_one_process_reports_for_all(undisturbed: Path) -> None:
    lines = [json.loads(line) for line in (undisturbed / RUN / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "train"] == list(range(1, STEPS + 1))
    assert [line["step"] for line in lines if line["kind"] == "eval"] == [0, 2, 4, 6]
    assert status(undisturbed)["phase"] == "Succeeded"
    assert not list((undisturbed / RUN).glob(".saving*"))
    assert not list((undisturbed / "cache-launcher" / "atlas-core").iterdir())


def test_sigterm_to_one_stops_both_at_one_step_and_the_next_attempt_ends_with_the_same_weights(
    prepare: Prepare, undisturbed: Path
) -> None:
    folder = prepare("terminated")
    processes = start_pods(folder, attempt=1)
    until_saved(folder, processes)
    processes[1].send_signal(signal.SIGTERM)
    assert [process.wait() for process in processes] == [143, 143], logs(folder)
    stopped = status(folder)
    assert (stopped["phase"], stopped["checkpoints"]["latest"]["step"]) == ("Interrupted", stopped["progress"]["step"])
    assert saved_steps(folder)[-1] == stopped["progress"]["step"]

    finish_pods(folder, attempt=2)
    assert weights(folder) == weights(undisturbed)


def test_a_killed_process_ends_the_other_and_the_next_attempt_ends_with_the_same_weights(
    prepare: Prepare, undisturbed: Path
) -> None:
    folder = prepare("killed")
    processes = start_pods(folder, attempt=1)
    until_saved(folder, processes)
    processes[1].kill()
    assert [process.wait() for process in processes] == [48, -signal.SIGKILL], logs(folder)
    assert "WorkerLost" in status(folder)["message"]

    finish_pods(folder, attempt=2)
    assert (status(folder)["phase"], status(folder)["run"]["attempt"]) == ("Succeeded", 2)
    assert weights(folder) == weights(undisturbed)


def test_an_error_of_the_first_process_ends_the_others(prepare: Prepare) -> None:
    folder = prepare("nothing-to-learn")
    (folder / "traces.jsonl").write_text("")
    first, second = (process.wait() for process in start_pods(folder, attempt=1))
    assert (first, second) == (30, 48), logs(folder)

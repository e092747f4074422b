"""The whole story on a real node: real pods train SmolLM2 on recorded sessions, from apply to delete."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster.kubectl import Document, Kubectl
from cluster.programs.processes import wait_until
from support.kubernetes.leftovers import assert_nothing_is_left
from support.trainer.order_desk import BUCKET, NAME, OrderDesk
from support.training.cluster_trainings import condition

from atlas_operator.cluster.labels import TRAINING

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

RUN_SECONDS = 600


@pytest.fixture(autouse=True)
def nothing_is_left(desk: OrderDesk) -> Iterator[None]:
    """Each story begins with nothing: beside pods that an earlier training left, run 1 would get another number."""
    yield
    desk.kubectl.delete("atlastraining", NAME, "--ignore-not-found")
    assert_nothing_is_left(desk.kubectl, TRAINING)


def seen(kubectl: Kubectl, holds: Callable[[Document], bool], what: str, seconds: float = RUN_SECONDS) -> Document:
    def settled(training: Document | None) -> bool:
        assert training is not None
        assert training.get("status", {}).get("phase") not in ("Failed", "Invalid"), training["status"]
        return holds(training)

    found = kubectl.wait_for("atlastraining", NAME, settled, what, seconds)
    assert found is not None
    return found


def run_succeeded(number: int) -> Callable[[Document], bool]:
    def holds(training: Document) -> bool:
        status = training.get("status", {})
        return bool(status.get("phase") == "Succeeded" and status["run"]["number"] == number)

    return holds


def test_apply_progress_model_edit_second_run_history_delete(desk: OrderDesk, tmp_path: Path) -> None:
    kubectl = desk.kubectl
    kubectl.apply(desk.manifest)
    with watched(kubectl, tmp_path / "watch.txt") as lines:
        status = seen(kubectl, run_succeeded(1), "run 1")["status"]
        kubectl.apply(desk.changed(optimization={"learningRate": 1e-4}))
        training = seen(kubectl, run_succeeded(2), "run 2")
    assert status["progress"]["percent"] == 100
    assert {"baselineSuccess", "evalSuccess", "reward"} <= set(status["metrics"])
    assert_model_is_there(desk, status["model"])
    assert_model_is_there(desk, status["checkpoints"]["latest"])
    assert any(" Running " in line and "/3 " in line for line in lines()), lines()

    assert training["status"]["run"]["trigger"] == "SpecChange"
    (entry,) = training["status"]["history"]
    assert (entry["run"], entry["phase"]) == (1, "Succeeded")
    assert training["status"]["model"]["run"] == 2
    assert condition(training, "Ready")["status"] == "True"

    kubectl.delete("atlastraining", NAME)
    assert_nothing_is_left(kubectl, TRAINING)


def test_a_killed_worker_ends_the_attempt_and_the_next_one_goes_on_from_the_checkpoint(desk: OrderDesk) -> None:
    kubectl = desk.kubectl
    kubectl.apply(desk.changed(compute={"workers": 2}, optimization={"maxSteps": 20}))
    seen(kubectl, lambda one: "latest" in one.get("status", {}).get("checkpoints", {}), "a checkpoint")
    kubectl.run("delete", "pod", f"{NAME}-1-1-worker-1", "--grace-period=0", "--force")
    training = seen(kubectl, lambda one: one["status"]["run"]["attempt"] == 2, "attempt 2")
    assert sum(training["status"]["run"]["failures"].values()) == 1
    reached = training["status"]["progress"]["step"]
    seen(kubectl, lambda one: one["status"]["progress"]["step"] > reached, "a step of attempt 2")
    # Read while it trains: pods that still run when the first worker ends are removed with their log.
    assert "continuing after step" in kubectl.run("logs", f"{training['status']['run']['job']}-worker-0")
    status = seen(kubectl, run_succeeded(1), "run 1")["status"]
    assert_model_is_there(desk, status["model"])


def test_suspending_saves_a_checkpoint_and_resuming_goes_on_from_it(desk: OrderDesk) -> None:
    kubectl = desk.kubectl
    steps = 500  # of which dozens pass before the first one is seen
    kubectl.apply(desk.changed(optimization={"maxSteps": steps}, checkpoints={"everySteps": steps}))
    seen(kubectl, lambda one: one.get("status", {}).get("progress", {}).get("step", 0) >= 1, "a step")
    kubectl.patch("atlastraining", NAME, {"spec": {"suspend": True}})
    status = seen(kubectl, lambda one: one["status"]["phase"] == "Suspended", "suspension")["status"]
    wait_until("its pods are gone", lambda: not kubectl.items("pods", TRAINING), seconds=60)
    assert_model_is_there(desk, status["checkpoints"]["latest"])
    reached = status["checkpoints"]["latest"]["step"]
    assert 1 <= reached < steps

    kubectl.patch("atlastraining", NAME, {"spec": {"suspend": False}})
    resumed = seen(kubectl, lambda one: one["status"]["progress"]["step"] > reached, "a step after it")
    log = kubectl.run("logs", f"{resumed['status']['run']['job']}-master-0")
    assert f"continuing after step {reached} of {steps}" in log


def assert_model_is_there(desk: OrderDesk, model: Document) -> None:
    """The address in the status leads to a complete model whose manifest has the digest in the status."""
    key = model["uri"].removeprefix(f"s3://{BUCKET}/")
    client = desk.store.client()
    manifest = client.get_object(Bucket=BUCKET, Key=f"{key}/manifest.json")["Body"].read()
    assert hashlib.sha256(manifest).hexdigest() == model["sha256"]
    files = json.loads(manifest)["files"]
    stored = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{key}/")["Contents"]
    assert {f"{key}/{name}" for name in files} <= {entry["Key"] for entry in stored}


@contextmanager
def watched(kubectl: Kubectl, file: Path) -> Iterator[Callable[[], list[str]]]:
    """`kubectl get atl -w` beside the block; the function returns the lines that it has printed."""
    with file.open("w") as output, kubectl.begin("get", "atl", "-w", output=output) as process:
        try:
            yield lambda: file.read_text().splitlines()
        finally:
            process.terminate()
    print(file.read_text())

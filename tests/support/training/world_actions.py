"""
Everything that may happen in the simulated world, by name: `ACTIONS`.

The user edits and deletes (`world_user`), the cluster serves well and badly, the trainer tells the truth or lies, time
passes, the operator looks, and crashes.
"""

import json
from datetime import timedelta
from typing import Any

from support.training.plans import judges_document
from support.training.world_objects import is_ended, is_over
from support.training.world_operator import Ledger
from support.training.world_story import Action, Story, picked
from support.training.world_user import USER, apply

from atlas_api.errors import AtlasError
from atlas_operator.cluster.document import Document
from atlas_operator.failures.pod import errors


def begin() -> Story:
    """A training was just applied, and nobody looked at it yet."""
    story = Story()
    apply(story, 0)
    return story


def act(story: Story, name: str, pick: int) -> None:
    """Let something happen."""
    ACTIONS[name](story, pick)


# The cluster


def operate(story: Story, pick: int) -> None:
    """The training-operator works."""
    if job := picked(list(story.world.jobs.values())[::-1], pick // 4):
        story.world.operate(job)


def collect(story: Story, _: int) -> None:
    """Garbage is collected."""
    story.world.collect_garbage()


def queue(story: Story, pick: int) -> None:
    """Kueue holds a job, or admits it."""
    if (job := picked(list(story.world.jobs.values())[::-1], pick // 4)) and not is_ended(job):
        story.world.hold(job, suspend=pick % 2 == 0)


def judge(story: Story, pick: int) -> None:
    """The RewardService answers, falls silent, or is gone."""
    found = judges_document("True" if pick % 2 == 0 else "False", "no pod answers")
    story.world.reward_services = () if pick % 4 == 3 else (found,)
    story.world.changed = True


def _pods(story: Story, phase: str) -> list[Document]:
    return [pod for pod in story.world.pods.values() if pod["status"]["phase"] == phase]


def kubelet(story: Story, pick: int) -> None:
    """A pod gets a node, or runs, or goes."""
    pods = [pod for pod in story.world.pods.values() if not is_over(pod) or "deletionTimestamp" in pod["metadata"]]
    pod = picked(pods, pick)
    if pod is None or story.world.finish(pod) or "deletionTimestamp" in pod["metadata"]:
        return
    if not pod["spec"].get("nodeName"):
        story.world.schedule(pod)
    elif pod["status"]["phase"] == "Pending":
        story.world.start(pod)


def run(story: Story, _: int) -> None:
    """All pods that can get nodes and run, and the training-operator takes notice."""
    for pod in story.world.pods.values():
        if pod["status"]["phase"] == "Pending" and "deletionTimestamp" not in pod["metadata"]:
            story.world.schedule(pod)
            story.world.start(pod)
    for job in story.world.jobs.values():
        story.world.operate(job)


def crash(story: Story, pick: int) -> None:
    """A pod ends with one of the trainer's exit codes, or by a signal."""
    codes = [kind for kind in errors() if kind] + [1, 137, 137, 139, 143, 143]
    if pod := picked(_pods(story, "Running"), pick):
        code = codes[(pick + len(story.world.jobs) * 5) % len(codes)]
        story.world.exit(pod, code, "OOMKilled" if code == 137 and pick % 2 else "Error")


def complain(story: Story, pick: int) -> None:
    """A pod ends and says why."""
    kinds = [kind for kind in errors().values() if kind is not AtlasError]
    if pod := picked(_pods(story, "Running"), pick):
        kind = kinds[(pick + len(story.world.jobs) * 3) % len(kinds)]
        said = {**json.loads(story.world.honest(pod, "Failed")), "reason": kind.__name__, "message": "x" * 600}
        story.world.exit(pod, kind.exit_code, "Error", json.dumps(said))


def succeed(story: Story, pick: int) -> None:
    """A pod ends well; its marker is in the report, in the termination message, in both or nowhere."""
    if pod := picked(_pods(story, "Running"), pick):
        said = story.world.honest(pod, "Succeeded", step=4)
        if pick % 2:
            story.world.report(pod, said)
        story.world.exit(pod, 0, "Completed", said if pick % 4 > 1 else "")


def evict(story: Story, pick: int) -> None:
    """A pod is evicted or preempted."""
    if pod := picked(_pods(story, "Running") + _pods(story, "Pending"), pick):
        story.world.evict(pod, ("EvictionByEvictionAPI", "PreemptionByScheduler", "DeletionByTaintManager")[pick % 3])


def stick(story: Story, pick: int) -> None:
    """A pod will not end when it is asked to, or does again."""
    if pod := picked(list(story.world.pods.values()), pick):
        story.world.stuck ^= {pod["metadata"]["uid"]}


def break_backend(story: Story, pick: int) -> None:
    """The API server knows no PyTorchJobs, or does again; it refuses a kind; the operator has no image."""
    world = story.world
    if pick % 4 == 0 and not world.jobs:
        world.backend_served = not world.backend_served
    elif pick % 4 == 1:
        world.refused = None if world.refused else ("PyTorchJob", "ConfigMap")[pick // 4 % 2]
    elif pick % 4 == 2:
        world.default_image = None if world.default_image else "example.test/trainer:1"
    world.changed = True


# The trainer


def report(story: Story, pick: int) -> None:
    """The trainer tells how far it is."""
    if pod := picked(_pods(story, "Running"), pick):
        story.world.report(pod, story.world.honest(pod, "Running", step=pick % 5))


def lie(story: Story, pick: int) -> None:
    """The trainer writes what is not so."""
    pod = picked(list(story.world.pods.values()), pick)
    if pod is None:
        return
    said = json.loads(story.world.honest(pod, "Succeeded"))
    lies: list[Any] = [
        "no JSON",
        {**said, "run": 7},
        {**said, "attempt": 10**12},
        {**said, "phase": "Running", "metrics": {f"{'m' * 60}{number}": 0.1 + number for number in range(99)}},
        {**said, "phase": "Failed", "reason": "Bad", "message": "\U0001f600" * 2000, "exitCode": 400},
        {**said, "progress": {"step": -1}, "metrics": [1], "model": {"uri": "/" + "m" * 1000, "run": 99}},
        {**said, "phase": "Interrupted", "checkpoints": {"latest": _large(said), "best": _large(said)}},
        {**said, "phase": "Succeeded", "model": None},
    ]
    chosen = lies[pick % len(lies)]
    story.world.report(pod, chosen if isinstance(chosen, str) else json.dumps(chosen))


def _large(said: Document) -> Document:
    return {"uri": "/" + "c" * 1000, "step": 1, "sha256": said["model"]["sha256"]}


def relabel(story: Story, pick: int) -> None:
    """The trainer, which may patch its progress ConfigMap, calls it another run's."""
    if found := story.world.config_maps.get(f"demo-{pick % 3 + 1}-progress"):
        found["metadata"]["labels"] = {**found["metadata"]["labels"], "atlas.arc.computer/run": "9" * (pick + 1)}
        story.world.changed = True


# Time, and the operator


def wait(story: Story, pick: int) -> None:
    """Time passes: up to two hours."""
    story.world.now += timedelta(seconds=(1, 5, 12, 40, 310, 900, 1200, 7200)[pick % 8])


def lose_status(story: Story, pick: int) -> None:
    """The status is wiped, or was written by a version that nobody can read."""
    if story.world.training and pick % 4 == 0:
        story.world.training["status"] = {} if pick % 8 else {"run": "odd"}
        edits = story.operator.ledger.edits
        story.operator.ledger = Ledger(lost=True, edits=edits)
        story.world.changed = True


def look(story: Story, _: int) -> None:
    """The operator looks, whether it has a reason to or not."""
    story.operator.look()


def look_and_crash(story: Story, pick: int) -> None:
    """The operator ends in the middle of a look, and starts again."""
    story.operator.look(crash_after=pick)


CLUSTER = {
    "operate": operate,
    "kubelet": kubelet,
    "run": run,
    "collect": collect,
    "queue": queue,
    "judge": judge,
    "crash": crash,
    "complain": complain,
    "succeed": succeed,
    "evict": evict,
    "stick": stick,
    "break": break_backend,
}
OTHERS = {
    "report": report,
    "lie": lie,
    "relabel": relabel,
    "wait": wait,
    "lose status": lose_status,
    "look": look,
    "look and crash": look_and_crash,
}
ACTIONS: dict[str, Action] = {**USER, **CLUSTER, **OTHERS}

OFTEN = ("operate", "kubelet", "run", "look", "look")
"""Without these nothing goes on: a driver has them act more often."""

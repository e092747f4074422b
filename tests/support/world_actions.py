"""
Everything that may happen in the simulated world, by name: each action takes the story and a number that picks.

The user edits and deletes, the cluster serves well and badly, the trainer tells the truth or lies, time passes, the
operator looks, and crashes.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from support.plans import spec_document, training_document
from support.world import World, is_ended, is_over
from support.world_operator import Ledger, Operator

from atlas_api.errors import AtlasError
from atlas_operator.evidence import errors
from atlas_operator.observed import Document


class Story:
    """A world and its operator."""

    def __init__(self) -> None:
        self.world = World()
        self.operator = Operator(self.world)
        self.training_number = 0
        apply(self, 0)

    def act(self, name: str, pick: int) -> None:
        """Let something happen. What makes no sense now does nothing."""
        ACTIONS[name](self, pick)


Action = Callable[[Story, int], None]


# The user


def apply(story: Story, pick: int) -> None:
    """Create the training, where there is none."""
    if story.world.training is None:
        story.training_number += 1
        limits = {"queueSeconds": 600, "startSeconds": 300, "runSeconds": 3000, "stallSeconds": 900}
        name = f"uid-of-demo-{story.training_number}"
        story.world.training = training_document(uid=name, limits=limits)
        story.operator.ledger = Ledger()
        story.world.changed = True
        if pick % 4 == 3:
            story.world.training["spec"]["suspend"] = True


def delete(story: Story, pick: int) -> None:
    """Delete the training."""
    if pick == 0 and story.world.training is not None:
        story.world.training = None
        story.operator.ledger = Ledger()
        story.world.changed = True


def edited(**spec: Any) -> Action:
    """An edit that sets parts of the spec."""

    def action(story: Story, _: int) -> None:
        training = story.world.training
        if training and any(training["spec"].get(key) != value for key, value in spec.items()):
            training["spec"] = {**training["spec"], **spec}
            training["metadata"]["generation"] += 1
            story.operator.ledger.edits += 1
            story.world.changed = True

    return action


def edit_recipe(story: Story, pick: int) -> None:
    """Another number of steps."""
    edited(optimization={"maxSteps": 4 + pick % 3, "batchSize": 8})(story, pick)


def edit_compute(story: Story, pick: int) -> None:
    """Another image, another number of workers."""
    edited(compute={"image": f"example.test/trainer:{pick % 2}", "workers": 1 + pick % 2})(story, pick)


def edit_address(story: Story, pick: int) -> None:
    """Another place for checkpoints."""
    address = {"s3": {"uri": f"s3://models/{pick % 2}"}}
    edited(checkpoints=address)(story, pick)


def edit_limits(story: Story, pick: int) -> None:
    """Other deadlines and budgets."""
    deadlines = {"queueSeconds": 300, "startSeconds": 200, "runSeconds": 1000, "stallSeconds": 400}
    retries = {"infrastructure": pick % 3, "user": pick % 2, "preempted": pick % 2 + 1, "data": pick % 2}
    chosen: Document = dict(list(deadlines.items())[: pick % 5])
    edited(limits={**chosen, "retries": retries})(story, pick)


def edit_policy(story: Story, pick: int) -> None:
    """Another reaction to edits."""
    edited(retrain={"onSpecChange": ("Replace", "Wait", "Never")[pick % 3]})(story, pick)


def edit_history(story: Story, pick: int) -> None:
    """Another length of the history."""
    edited(historyLimit=(0, 1, 50)[pick % 3])(story, pick)


def edit_ready_when(story: Story, pick: int) -> None:
    """Another meaning of Ready."""
    edited(readyWhen=("Accepted", "Running", "Succeeded")[pick % 3])(story, pick)


def spoil(story: Story, pick: int) -> None:
    """A spec that cannot be started: odd, or with checkpoints on a laptop."""
    if pick == 7:
        edited(grpo={"groupSize": 0})(story, pick)
    else:
        edited(checkpoints={"local": {"path": "/tmp/runs"}})(story, pick)


def repair(story: Story, pick: int) -> None:
    """The spec as it was applied."""
    edited(**{key: value for key, value in spec_document().items() if key in ("grpo", "checkpoints")})(story, pick)


def retrain(story: Story, pick: int) -> None:
    """Ask for another run."""
    if story.world.training:
        value = f"2026-11-{pick % 8 + 10}" * (40 if pick == 7 else 1)
        annotations = story.world.training["metadata"].setdefault("annotations", {})
        if annotations.get("atlas.arc.computer/retrain-at") != value:
            annotations["atlas.arc.computer/retrain-at"] = value
            story.operator.ledger.edits += 1
            story.world.changed = True


def suspend(story: Story, pick: int) -> None:
    """Stop after a checkpoint."""
    edited(suspend=True)(story, pick)


def resume(story: Story, pick: int) -> None:
    """Go on."""
    edited(suspend=False)(story, pick)


def remove(story: Story, pick: int) -> None:
    """Delete a job, a pod or a ConfigMap."""
    shelf = (story.world.jobs, story.world.pods, story.world.config_maps)[pick % 3]
    if found := _pick(list(shelf.values()), pick):
        story.world.remove(found)


def _pick(found: list[Document], pick: int) -> Document | None:
    return found[pick % len(found)] if found else None


# The cluster


def operate(story: Story, pick: int) -> None:
    """The training-operator works."""
    if job := _pick(list(story.world.jobs.values())[::-1], pick // 4):
        story.world.operate(job)


def collect(story: Story, _: int) -> None:
    """Garbage is collected."""
    story.world.collect_garbage()


def queue(story: Story, pick: int) -> None:
    """Kueue holds a job, or admits it."""
    if (job := _pick(list(story.world.jobs.values())[::-1], pick // 4)) and not is_ended(job):
        story.world.hold(job, suspend=pick % 2 == 0)


def _pods(story: Story, phase: str) -> list[Document]:
    return [pod for pod in story.world.pods.values() if pod["status"]["phase"] == phase]


def kubelet(story: Story, pick: int) -> None:
    """A pod gets a node, or runs, or goes."""
    pods = [pod for pod in story.world.pods.values() if not is_over(pod) or "deletionTimestamp" in pod["metadata"]]
    pod = _pick(pods, pick)
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
    if pod := _pick(_pods(story, "Running"), pick):
        code = codes[(pick + len(story.world.jobs) * 5) % len(codes)]
        story.world.exit(pod, code, "OOMKilled" if code == 137 and pick % 2 else "Error")


def complain(story: Story, pick: int) -> None:
    """A pod ends and says why."""
    kinds = [kind for kind in errors().values() if kind is not AtlasError]
    if pod := _pick(_pods(story, "Running"), pick):
        kind = kinds[(pick + len(story.world.jobs) * 3) % len(kinds)]
        said = {**json.loads(story.world.honest(pod, "Failed")), "reason": kind.__name__, "message": "x" * 600}
        story.world.exit(pod, kind.exit_code, "Error", json.dumps(said))


def succeed(story: Story, pick: int) -> None:
    """A pod ends well; its marker is in the report, in the termination message, in both or nowhere."""
    if pod := _pick(_pods(story, "Running"), pick):
        said = story.world.honest(pod, "Succeeded", step=4)
        if pick % 2:
            story.world.report(pod, said)
        story.world.exit(pod, 0, "Completed", said if pick % 4 > 1 else "")


def evict(story: Story, pick: int) -> None:
    """A pod is evicted or preempted."""
    if pod := _pick(_pods(story, "Running") + _pods(story, "Pending"), pick):
        story.world.evict(pod, ("EvictionByEvictionAPI", "PreemptionByScheduler", "DeletionByTaintManager")[pick % 3])


def stick(story: Story, pick: int) -> None:
    """A pod will not end when it is asked to, or does again."""
    if pod := _pick(list(story.world.pods.values()), pick):
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
    if pod := _pick(_pods(story, "Running"), pick):
        story.world.report(pod, story.world.honest(pod, "Running", step=pick % 5))


def lie(story: Story, pick: int) -> None:
    """The trainer writes what is not so."""
    pod = _pick(list(story.world.pods.values()), pick)
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


USER = {
    "apply": apply,
    "delete": delete,
    "edit recipe": edit_recipe,
    "edit compute": edit_compute,
    "edit address": edit_address,
    "edit limits": edit_limits,
    "edit policy": edit_policy,
    "edit history": edit_history,
    "edit readyWhen": edit_ready_when,
    "spoil": spoil,
    "repair": repair,
    "retrain": retrain,
    "suspend": suspend,
    "resume": resume,
    "remove": remove,
}
CLUSTER = {
    "operate": operate,
    "kubelet": kubelet,
    "run": run,
    "collect": collect,
    "queue": queue,
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

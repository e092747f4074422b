"""Everything that may happen in a generated history but the operator's looks, by name and by who does it."""

import json
from collections.abc import Callable
from datetime import timedelta

from support.training.cluster_trainings import finished_report, report
from support.training.simulated_cluster import SimulatedCluster, is_ended, is_over
from support.training.training_documents import IMAGE, judges_document, spec_document

from atlas_api.errors import AtlasError
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import RUN
from atlas_operator.failures.pod import errors
from atlas_operator.objects.names import progress_name
from atlas_operator.training.attempt import place_of

Action = Callable[[SimulatedCluster, int], object]
"""Something that may happen; the number picks of what it happens to. What makes no sense now does nothing."""


def _picked(found: list[Document], pick: int) -> Document | None:
    """One of them, None when there is none."""
    return found[pick % len(found)] if found else None


def _job(cluster: SimulatedCluster, pick: int) -> Document | None:
    """One of the jobs, mostly the newest."""
    return _picked(cluster.jobs[::-1], pick // 4)


def _pod(cluster: SimulatedCluster, pick: int, *phases: str) -> Document | None:
    """One of the pods in these phases."""
    return _picked([pod for phase in phases for pod in cluster.pods if pod["status"]["phase"] == phase], pick)


# The user


def apply(cluster: SimulatedCluster, pick: int = 0) -> None:
    """Create the training, where there is none."""
    limits = {"queueSeconds": 600, "startSeconds": 300, "runSeconds": 3000, "stallSeconds": 900}
    cluster.apply(limits=limits, **({"suspend": True} if pick % 4 == 3 else {}))


def delete(cluster: SimulatedCluster, pick: int) -> None:
    """Delete the training."""
    if pick == 0 and cluster.training:
        cluster.delete(cluster.training)


def remove(cluster: SimulatedCluster, pick: int) -> None:
    """Delete a job, a pod or a ConfigMap."""
    if found := _picked((cluster.jobs, cluster.pods, cluster.config_maps)[pick % 3], pick):
        cluster.delete(found)


def limits(pick: int) -> Document:
    """Other deadlines and budgets."""
    deadlines = {"queueSeconds": 300, "startSeconds": 200, "runSeconds": 1000, "stallSeconds": 400}
    retries = {"infrastructure": pick % 3, "user": pick % 2, "preempted": pick % 2 + 1, "data": pick % 2}
    return {**dict(list(deadlines.items())[: pick % 5]), "retries": retries}


def reward(pick: int) -> Document:
    """Judges, with patience or without end; or verifiers alone."""
    judged = {"serviceRef": {"name": "judges"}, **({"waitSeconds": 60 * pick} if pick % 4 else {})}
    return judged if pick % 3 else spec_document()["reward"]


def spoiled(pick: int) -> Document:
    """What makes a spec that cannot be started: odd, or with checkpoints on a laptop."""
    return {"grpo": {"groupSize": 0}} if pick == 7 else {"checkpoints": {"local": {"path": "/tmp/runs"}}}


EDITS: dict[str, Callable[[int], Document]] = {
    "edit recipe": lambda pick: {"optimization": {"maxSteps": 4 + pick % 3, "batchSize": 8}},
    "edit compute": lambda pick: {"compute": {"image": f"example.test/trainer:{pick % 2}", "workers": 1 + pick % 2}},
    "edit address": lambda pick: {"checkpoints": {"s3": {"uri": f"s3://models/{pick % 2}"}}},
    "edit limits": lambda pick: {"limits": limits(pick)},
    "edit reward": lambda pick: {"reward": reward(pick)},
    "edit policy": lambda pick: {"retrain": {"onSpecChange": ("Replace", "Wait", "Never")[pick % 3]}},
    "edit history": lambda pick: {"historyLimit": (0, 1, 50)[pick % 3]},
    "edit readyWhen": lambda pick: {"readyWhen": ("Accepted", "Running", "Succeeded")[pick % 3]},
    "spoil": spoiled,
    "repair": lambda _: {part: spec_document()[part] for part in ("grpo", "checkpoints")},
    "suspend": lambda _: {"suspend": True},
    "resume": lambda _: {"suspend": False},
}
"""Parts of the spec as the user changes them."""


def _edit(make: Callable[[int], Document]) -> Action:
    return lambda cluster, pick: cluster.edit(**make(pick))


def retrain(cluster: SimulatedCluster, pick: int) -> None:
    """Ask for another run."""
    cluster.annotate(f"2026-11-{pick % 8 + 10}" * (40 if pick == 7 else 1))


# The cluster


def operate(cluster: SimulatedCluster, pick: int) -> None:
    """Let the training-operator work."""
    if job := _job(cluster, pick):
        cluster.operate(job)


def queue(cluster: SimulatedCluster, pick: int) -> None:
    """Let Kueue hold a job, or admit it."""
    if (job := _job(cluster, pick)) and not is_ended(job):
        cluster.hold(job, suspend=pick % 2 == 0)


def judge(cluster: SimulatedCluster, pick: int) -> None:
    """Let the RewardService answer, fall silent, or be gone."""
    found = judges_document("True" if pick % 2 == 0 else "False", "no pod answers")
    cluster.become(reward_services=[] if pick % 4 == 3 else [found])


def kubelet(cluster: SimulatedCluster, pick: int) -> None:
    """Let a pod get a node, or run, or go."""
    pod = _picked([pod for pod in cluster.pods if not is_over(pod) or "deletionTimestamp" in pod["metadata"]], pick)
    if pod is None or cluster.finish(pod) or "deletionTimestamp" in pod["metadata"]:
        return
    if not pod["spec"].get("nodeName"):
        cluster.schedule(pod)
    elif pod["status"]["phase"] == "Pending":
        cluster.start(pod)


def crash(cluster: SimulatedCluster, pick: int) -> None:
    """End a pod with one of the trainer's exit codes, or by a signal."""
    codes = [kind for kind in errors() if kind] + [1, 137, 137, 139, 143, 143]
    if pod := _pod(cluster, pick, "Running"):
        code = codes[(pick + len(cluster.jobs) * 5) % len(codes)]
        cluster.exit(pod, code, "OOMKilled" if code == 137 and pick % 2 else "Error")


def complain(cluster: SimulatedCluster, pick: int) -> None:
    """End a pod that says why."""
    kinds = [kind for kind in errors().values() if kind is not AtlasError]
    if pod := _pod(cluster, pick, "Running"):
        kind = kinds[(pick + len(cluster.jobs) * 3) % len(kinds)]
        words = report(*place_of(pod), "Failed", reason=kind.__name__, message="x" * 600)
        cluster.exit(pod, kind.exit_code, message=cluster.report_text(words))


def succeed(cluster: SimulatedCluster, pick: int) -> None:
    """End a pod well; its marker is in the report, in the termination message, in both or nowhere."""
    if pod := _pod(cluster, pick, "Running"):
        run, attempt = place_of(pod)
        text = cluster.report_text(finished_report(run, attempt))
        if pick % 2:
            cluster.report(run, text)
        cluster.exit(pod, 0, message=text if pick % 4 > 1 else "")


def evict(cluster: SimulatedCluster, pick: int) -> None:
    """Evict or preempt a pod."""
    if pod := _pod(cluster, pick, "Running", "Pending"):
        cluster.evict(pod, ("EvictionByEvictionAPI", "PreemptionByScheduler", "DeletionByTaintManager")[pick % 3])


def stick(cluster: SimulatedCluster, pick: int) -> None:
    """Let a pod not end when it is asked to, or end again."""
    if pod := _picked(cluster.pods, pick):
        cluster.stuck ^= {pod["metadata"]["uid"]}


def breaks(cluster: SimulatedCluster, pick: int) -> None:
    """Let the API server know no PyTorchJobs or refuse a kind, or the operator have no image; or mend that."""
    if pick % 4 == 0 and not cluster.jobs:
        cluster.become(backend_served=not cluster.backend_served)
    elif pick % 4 == 1:
        cluster.become(refused=None if cluster.refused else ("PyTorchJob", "ConfigMap")[pick // 4 % 2])
    elif pick % 4 == 2:
        cluster.become(default_image=None if cluster.default_image else IMAGE)


# The trainer, time and the API server


def tell(cluster: SimulatedCluster, pick: int) -> None:
    """Report how far a trainer is."""
    if pod := _pod(cluster, pick, "Running"):
        run, attempt = place_of(pod)
        cluster.report(run, cluster.report_text(report(run, attempt, step=pick % 5 * 100)))


def lie(cluster: SimulatedCluster, pick: int) -> None:
    """Report what is not so."""
    pod = _picked(cluster.pods, pick)
    if pod is None:
        return
    run, attempt = place_of(pod)
    honest = finished_report(run, attempt)
    large = {"uri": "/" + "c" * 1000, "step": 1, "sha256": honest["model"]["sha256"]}
    lies: list[Document] = [
        {},
        {"run": 7},
        {"attempt": 10**12},
        {"phase": "Running", "metrics": {f"{'m' * 60}{number}": 0.1 + number for number in range(99)}},
        {"phase": "Failed", "reason": "Bad", "message": "\U0001f600" * 2000, "exitCode": 400},
        {"progress": {"step": -1}, "metrics": [1], "model": {"uri": "/" + "m" * 1000, "run": 99}},
        {"phase": "Interrupted", "checkpoints": {"latest": large, "best": large}},
        {"phase": "Succeeded", "model": None},
    ]
    chosen = lies[pick % len(lies)]
    cluster.report(run, json.dumps({**honest, **chosen}) if chosen else "no JSON")


def relabel(cluster: SimulatedCluster, pick: int) -> None:
    """Call a progress ConfigMap, which its trainer may patch, another run's."""
    if found := cluster.store.objects.get(("ConfigMap", progress_name("demo", pick % 3 + 1))):
        labels = {**found["metadata"]["labels"], RUN: "9" * (pick + 1)}
        cluster.store.put({**found, "metadata": {**found["metadata"], "labels": labels}})


def wait(cluster: SimulatedCluster, pick: int) -> None:
    """Let time pass: up to two hours."""
    cluster.store.now += timedelta(seconds=(1, 5, 12, 40, 310, 900, 1200, 7200)[pick % 8])


def lose_status(cluster: SimulatedCluster, pick: int) -> None:
    """Wipe the status, or leave what nobody can read."""
    if pick % 4 == 0:
        cluster.lose_status({} if pick % 8 else {"run": "odd"})


USER: dict[str, Action] = {
    "apply": apply,
    "delete": delete,
    "remove": remove,
    "retrain": retrain,
    **{name: _edit(make) for name, make in EDITS.items()},
}
CLUSTER: dict[str, Action] = {
    "operate": operate,
    "kubelet": kubelet,
    "run": lambda cluster, _: cluster.run_all(),
    "collect": lambda cluster, _: cluster.collect_garbage(),
    "queue": queue,
    "judge": judge,
    "crash": crash,
    "complain": complain,
    "succeed": succeed,
    "evict": evict,
    "stick": stick,
    "break": breaks,
}
OTHERS: dict[str, Action] = {
    "report": tell,
    "lie": lie,
    "relabel": relabel,
    "wait": wait,
    "lose status": lose_status,
}

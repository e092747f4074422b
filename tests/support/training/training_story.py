"""One training on a control plane through its life: started, watched, ended as a test says. kwok plays its pods."""

from collections.abc import Callable

from cluster.kubectl import Document, Kubectl
from support.training.cluster_trainings import cluster_training, end_pod, finished_report, tell

NAME = "refunds"


def seen(kubectl: Kubectl, holds: Callable[[Document], bool], what: str) -> Document:
    """The training, once *holds*; the wait says what it waited for."""
    found = kubectl.wait_for("atlastraining", NAME, lambda one: one is not None and holds(one), what)
    assert found is not None
    return found


def phase_is(kubectl: Kubectl, phase: str) -> Document:
    """The training, once it is in the phase."""
    return seen(kubectl, lambda one: one.get("status", {}).get("phase") == phase, f"phase {phase}")


def attempt_is(kubectl: Kubectl, run: int, attempt: int) -> Document:
    """The training, once its newest attempt is this one."""
    return seen(kubectl, lambda one: run_of(one) == (run, attempt), f"run {run}, attempt {attempt}")


def run_of(training: Document) -> tuple[int, int]:
    """Numbers of its run and attempt."""
    run = training["status"]["run"]
    return run["number"], run["attempt"]


def shows(step: str) -> Callable[[Document], bool]:
    """Whether `kubectl get` shows this step."""
    return lambda training: bool(training["status"]["display"].get("step") == step)


def start(kubectl: Kubectl, **spec: object) -> Document:
    """A training whose first attempt runs. Keywords replace whole parts of its spec."""
    kubectl.create(cluster_training(NAME, **spec))
    return phase_is(kubectl, "Running")


def edit(kubectl: Kubectl, **spec: object) -> Document:
    """Change the spec as a merge patch does; the training, once the operator has seen it."""
    generation = kubectl.patch("atlastraining", NAME, {"spec": spec})["metadata"]["generation"]
    return seen(kubectl, lambda one: one["status"]["observedGeneration"] == generation, "a look at the edit")


def succeed(kubectl: Kubectl, run: int = 1, attempt: int = 1) -> Document:
    """Let the attempt end with a model."""
    tell(kubectl, NAME, finished_report(run, attempt))
    end_pod(kubectl, NAME, run, attempt, 0)
    return phase_is(kubectl, "Succeeded")


def children(kubectl: Kubectl) -> list[str]:
    """All objects of the training, as kind/name."""
    kinds = "pytorchjobs,pods,services,configmaps,serviceaccounts,roles,rolebindings"
    names = kubectl.run("get", kinds, "-l", "atlas.arc.computer/training", "-o", "name").split()
    return sorted(names)

"""AtlasTraining as the manager sees it: its children, its reconciliation, its metrics."""

from collections import Counter as Count
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from atlas_operator.backends import BACKENDS
from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.document import Document, Key
from atlas_operator.controller.controller import Controller
from atlas_operator.controller.metrics import StateGauge
from atlas_operator.rewardservice.dependents import Dependents
from atlas_operator.settings import Settings
from atlas_operator.training.reconcile import reconcile


class AttemptMetrics:
    """Counters of attempts that started and failed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter("atlas_attempts_started", "PyTorchJobs that were created", registry=registry)
        self._failures = Counter("atlas_attempt_failures", "Failed attempts by class", ["class"], registry=registry)

    def created(self, document: Document) -> None:
        """Count a child that was created, if it is a job."""
        if document["kind"] in BACKENDS:
            self._attempts.inc()

    def status_changed(self, old: Document, new: Document) -> None:
        """Count the failures that a status adds to the one before."""
        for failure_class, count in new_failures(old, new).items():
            self._failures.labels(failure_class).inc(count)


def training_controller(
    client: ClusterClient, settings: Settings, registry: CollectorRegistry, dependents: Dependents
) -> Controller:
    """The controller of AtlasTrainings; *dependents* learn of trainings that wait for a RewardService."""

    def note_dependent(key: Key, training: Document) -> tuple[Key, ...]:
        dependents.update(key, training)
        return ()

    return Controller(
        kind="AtlasTraining",
        reconcile=partial(reconcile, client, settings),
        children=("Pod", "ConfigMap"),
        installed_children=tuple(BACKENDS),
        states=StateGauge(registry, "atlas_trainings", "AtlasTraining objects by phase", "phase"),
        state_of=phase_in,
        wakes=note_dependent,
        forget=dependents.forget,
    )


def phase_in(training: Document) -> str:
    """Phase that the status of *training* tells; Pending while it has none."""
    phase: str = training.get("status", {}).get("phase") or "Pending"
    return phase


def new_failures(old: Document, new: Document) -> dict[str, int]:
    """Failed attempts by class that status *new* counts and *old* does not; a new run counts from zero."""
    run: dict[str, Any] = new.get("run") or {}
    earlier: dict[str, Any] = old.get("run") or {}
    same = run.get("number") == earlier.get("number")
    return dict(Count(run.get("failures") or {}) - Count((earlier.get("failures") or {}) if same else {}))

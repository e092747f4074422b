"""What the operator counts, for Prometheus. `api`, `cluster`, `watches` and `main` report; `health` serves it."""

from collections import Counter as Count
from collections.abc import Callable, Collection
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from atlas_operator.cluster.observed import Document, Key

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._phases: dict[Key, str] = {}
        self._trainings = Gauge("atlas_trainings", "AtlasTraining objects by phase", ["phase"], registry=registry)
        self._states: dict[Key, str] = {}
        self._services = Gauge(
            "atlas_reward_services",
            "RewardService objects by state (Ready, Reconciling, Stalled)",
            ["state"],
            registry=registry,
        )
        self._reconciliations = Counter(
            "atlas_reconciliations", "Looks at an object by result (ok, stale, error)", ["result"], registry=registry
        )
        self._seconds = Histogram(
            "atlas_reconciliation_seconds", "Duration of a look at an object", buckets=_SECONDS, registry=registry
        )
        self._requests = Counter(
            "atlas_api_requests", "Answers of the API server by verb and code", ["verb", "code"], registry=registry
        )
        self._attempts = Counter("atlas_attempts_started", "PyTorchJobs that were created", registry=registry)
        self._failures = Counter("atlas_attempt_failures", "Failed attempts by class", ["class"], registry=registry)

    def queue(self, depth: Callable[[], float], age: Callable[[], float]) -> None:
        """Where the queue's figures come from."""
        waiting = Gauge("atlas_queue_depth", "Objects that wait for a worker", registry=self.registry)
        oldest = Gauge("atlas_queue_age_seconds", "Wait of the oldest of them", registry=self.registry)
        waiting.set_function(depth)
        oldest.set_function(age)

    def request(self, verb: str, code: str) -> None:
        """The API server answered with *code*; `error`: it did not."""
        self._requests.labels(verb, code).inc()

    def reconciled(self, result: str, seconds: float) -> None:
        """A look at an object is over."""
        self._reconciliations.labels(result).inc()
        self._seconds.observe(seconds)

    def created(self, document: Document) -> None:
        """A child was created."""
        if document["kind"] == "PyTorchJob":
            self._attempts.inc()

    def status_changed(self, old: Document, new: Document) -> None:
        """A status was written."""
        for failure_class, count in new_failures(old, new).items():
            self._failures.labels(failure_class).inc(count)

    def training(self, key: Key, phase: str | None) -> None:
        """A training was seen in *phase*; None: it is gone."""
        _move(self._trainings, self._phases, key, phase)

    def service(self, key: Key, state: str | None) -> None:
        """A RewardService was seen in *state*; None: it is gone."""
        _move(self._services, self._states, key, state)

    def only(self, keys: Collection[Key]) -> None:
        """These are all trainings and RewardServices: others were deleted while nobody watched."""
        for key in self._phases.keys() - set(keys):
            self.training(key, None)
        for key in self._states.keys() - set(keys):
            self.service(key, None)


def _move(gauge: Gauge, known: dict[Key, str], key: Key, state: str | None) -> None:
    """Count *key* in *state*, and no longer where it was before."""
    before = known.pop(key, None)
    if before is not None:
        gauge.labels(before).dec()
    if state is not None:
        known[key] = state
        gauge.labels(state).inc()


def new_failures(old: Document, new: Document) -> dict[str, int]:
    """Failed attempts by class that status *new* counts and *old* does not; a new run counts from zero."""
    run: dict[str, Any] = new.get("run") or {}
    earlier: dict[str, Any] = old.get("run") or {}
    same = run.get("number") == earlier.get("number")
    return dict(Count(run.get("failures") or {}) - Count((earlier.get("failures") or {}) if same else {}))

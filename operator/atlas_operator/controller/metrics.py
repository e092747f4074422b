"""Metrics of the operator for Prometheus, whatever the kind: requests, the work queue, reconciliations, states."""

from collections.abc import Callable, Collection, Mapping, Sized

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from atlas_operator.cluster.document import Key

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Metrics of one process, in a registry of their own. Kinds add theirs to the registry."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._reconciliations = Counter(
            "atlas_reconciliations", "Looks at an object by result (ok, stale, error)", ["result"], registry=registry
        )
        self._seconds = Histogram(
            "atlas_reconciliation_seconds", "Duration of a look at an object", buckets=_SECONDS, registry=registry
        )
        self._requests = Counter(
            "atlas_api_requests", "Answers of the API server by verb and code", ["verb", "code"], registry=registry
        )

        self._definitions = Gauge(
            "atlas_crd_fields_differing",
            "Fields that the CRD of a kind lacks (missing), or that this operator does not know (unknown)",
            ["kind", "side"],
            registry=registry,
        )

    def definitions(self, missing: Mapping[str, Sized], unknown: Mapping[str, Sized]) -> None:
        """Tell how many fields differ, by kind."""
        self._definitions.clear()
        for side, fields in (("missing", missing), ("unknown", unknown)):
            for kind, names in fields.items():
                self._definitions.labels(kind, side).set(len(names))

    def queue(self, depth: Callable[[], float], age: Callable[[], float]) -> None:
        """Serve the figures of the work queue, read when somebody asks."""
        waiting = Gauge("atlas_queue_depth", "Objects that wait for a worker", registry=self.registry)
        oldest = Gauge("atlas_queue_age_seconds", "Wait of the oldest of them", registry=self.registry)
        waiting.set_function(depth)
        oldest.set_function(age)

    def request(self, verb: str, code: str) -> None:
        """Count an answer of the API server by its *code*; `error`: it did not answer."""
        self._requests.labels(verb, code).inc()

    def reconciled(self, result: str, seconds: float) -> None:
        """Count a look at an object that is over."""
        self._reconciliations.labels(result).inc()
        self._seconds.observe(seconds)


class StateGauge:
    """Number of objects of one kind by the state in which each was seen last; *label* is what the state is called."""

    def __init__(self, registry: CollectorRegistry, name: str, description: str, label: str) -> None:
        self._gauge = Gauge(name, description, [label], registry=registry)
        self._states: dict[Key, str] = {}

    def set(self, key: Key, state: str | None) -> None:
        """Count *key* in *state*, and no longer where it was before; None: it is gone."""
        before = self._states.pop(key, None)
        if before is not None:
            self._gauge.labels(before).dec()
        if state is not None:
            self._states[key] = state
            self._gauge.labels(state).inc()

    def keep(self, keys: Collection[Key]) -> None:
        """Forget all objects but *keys*: others were deleted while nobody watched."""
        for key in self._states.keys() - set(keys):
            self.set(key, None)

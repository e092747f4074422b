"""What the service counts, for Prometheus."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from atlas_api.scoring import ItemResult
from atlas_rewards.llm.client import LLMStatistics

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

_Counted = tuple[tuple[str, ...], int]
"""Labels and how often so far."""

_Source = tuple[int, str]
"""Who counted: a generation, and what of it."""


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "atlas_rewards_requests", "Answered requests by path and code", ["path", "code"], registry=registry
        )
        self._seconds = Histogram(
            "atlas_rewards_request_seconds", "Duration of scoring requests", buckets=_SECONDS, registry=registry
        )
        self._items = Counter(
            "atlas_rewards_items", "Items by outcome (scored, unscored, invalid)", ["outcome"], registry=registry
        )
        self._verdicts = Counter(
            "atlas_rewards_verdicts", "Verdicts by judge and outcome (given, none)", ["judge", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._conflicts = Counter(
            "atlas_rewards_conflicting_replies", "Replies that held different verdicts, so none", ["judge"],
            registry=registry,
        )  # fmt: skip
        self._judge_seconds = Histogram(
            "atlas_rewards_judge_seconds", "Time to a judge's verdict", ["judge"], buckets=_SECONDS, registry=registry
        )
        self._calls = Counter(
            "atlas_rewards_model_calls", "Calls of models by outcome: answered, or why not", ["model", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._tokens = Counter("atlas_rewards_tokens", "Tokens of prompts and answers", ["model"], registry=registry)
        self._cache = Counter(
            "atlas_rewards_cache_lookups", "Questions to the cache by result (hit, miss)", ["result"], registry=registry
        )
        self.reloads = Counter(
            "atlas_rewards_reloads", "New configurations by result (taken, refused)", ["result"], registry=registry
        )
        self._known: dict[tuple[_Source, Counter, tuple[str, ...]], int] = {}

    def waiting(self, items: Callable[[], float]) -> None:
        """Where the number of waiting items comes from."""
        gauge = Gauge("atlas_rewards_waiting_items", "Items taken and not yet answered", registry=self.registry)
        gauge.set_function(items)

    def ready(self, is_ready: Callable[[], bool]) -> None:
        """Where the gauge of readiness comes from: whether the newest probe went well."""
        Gauge(
            "atlas_rewards_ready", "Whether the quorum answered the newest probe", registry=self.registry
        ).set_function(is_ready)

    def request(self, path: str, code: int) -> None:
        """A request was answered with *code*."""
        self._requests.labels(path, str(code)).inc()

    def scored(self, seconds: float, results: Sequence[ItemResult], invalid: int) -> None:
        """A scoring request was answered: *results* of its items, and *invalid* items that could not be read."""
        self._seconds.observe(seconds)
        scored = sum(result.score is not None for result in results)
        for outcome, count in (("scored", scored), ("unscored", len(results) - scored), ("invalid", invalid)):
            self._items.labels(outcome).inc(count)
        for judge in (judge for result in results for judge in result.judges):
            self._verdicts.labels(judge.name, "none" if judge.score is None else "given").inc()
            self._conflicts.labels(judge.name).inc(judge.conflicts)
            self._judge_seconds.labels(judge.name).observe(judge.seconds)

    def model_calls(self, generation: int, statistics: LLMStatistics) -> None:
        """Count what the client of *generation* counted since it began; only what is new is added."""
        for index, model in enumerate(statistics.models):
            source = (generation, f"model {index}")
            self._add(source, self._tokens, [((model.model,), model.tokens)])
            outcomes: dict[str, int] = {str(why): count for why, count in model.failures.items()}
            outcomes |= {"answered": model.answered, "abandoned": model.abandoned}
            self._add(source, self._calls, [((model.model, outcome), count) for outcome, count in outcomes.items()])
        cache = statistics.cache
        self._add((generation, "cache"), self._cache, [(("hit",), cache.hits), (("miss",), cache.misses)])

    def _add(self, source: _Source, counter: Counter, counted: Sequence[_Counted]) -> None:
        for labels, count in counted:
            key = (source, counter, labels)
            counter.labels(*labels).inc(max(0, count - self._known.get(key, 0)))
            self._known[key] = count

    def forget(self, generation: int) -> None:
        """*generation* has ended."""
        for key in [key for key in self._known if key[0][0] == generation]:
            del self._known[key]

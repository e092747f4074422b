"""How each judge did lately, from its results: for `GET /v1/judges` and the report to the operator. Pure."""

from collections import deque
from collections.abc import Sequence

from atlas_api.rewardservice.status import JudgeReport, JudgeState
from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.llm.statistics import Latencies

WINDOW = 1000
"""Verdicts that "lately" means."""

IN_A_ROW = 5
"""Verdicts that must be missing in a row before a judge counts as failing; the probe's alone is enough."""

_OF_THE_REQUEST = ("tooMany",)
"""Causes that lie in the request alone: the judge was not even asked."""


class JudgeRecord:
    """What is known about one judge."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._latencies = Latencies()
        self._failed: deque[bool] = deque(maxlen=WINDOW)
        self._missing = 0
        self._known = False
        self._reason: str | None = None

    def record(self, result: JudgeResult) -> None:
        """Count that the judge gave a verdict about an item, or did not."""
        if result.causes == _OF_THE_REQUEST:
            return
        failed = result.score is None
        self._known = True
        self._failed.append(failed)
        self._missing = self._missing + 1 if failed else 0
        self._reason = next(iter(result.causes), None)
        if not failed:
            self._latencies.add(result.seconds)

    def record_probe(self, result: JudgeResult) -> None:
        """Note whether the judge answered the probe."""
        self._known = True
        self._missing = IN_A_ROW if result.score is None else 0
        self._reason = next(iter(result.causes), None)

    @property
    def state(self) -> JudgeState:
        """`Unknown` before the first verdict."""
        if not self._known:
            return "Unknown"
        return "Failing" if self._missing >= IN_A_ROW else "Answering"

    def report(self) -> JudgeReport:
        """What is known about the judge."""
        state = self.state
        return JudgeReport(
            name=self.name,
            state=state,
            reason=self._reason if state == "Failing" else None,
            p50_ms=_milliseconds(self._latencies.percentile(50)),
            p99_ms=_milliseconds(self._latencies.percentile(99)),
            error_rate=round(sum(self._failed) / len(self._failed), 4) if self._failed else None,
            questions=len(self._failed),
        )


class JudgeRecords:
    """All judges of one generation."""

    def __init__(self, names: Sequence[str]) -> None:
        self._records = {name: JudgeRecord(name) for name in names}

    def record(self, results: Sequence[ItemResult]) -> None:
        """Count what the judges gave for items."""
        for result in results:
            for judge in result.judges:
                self._records[judge.name].record(judge)

    def record_probe(self, result: ItemResult) -> None:
        """Note which judges answered the probe."""
        for judge in result.judges:
            self._records[judge.name].record_probe(judge)

    def reports(self) -> tuple[JudgeReport, ...]:
        """One a judge, in the order of the configuration."""
        return tuple(record.report() for record in self._records.values())


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)

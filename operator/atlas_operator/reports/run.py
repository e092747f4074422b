"""
What the trainer says of its run, believed only as far as it can be checked.

Called by the plan with the text of the progress ConfigMap, and with the pods for their termination message. A pod that
lies changes nothing but the numbers of its own run, within bounds: each part that is odd is left out and the others
count. Knows nothing about how an attempt ended beyond what was said; that is `ending`.
"""

import json
from collections.abc import Iterable
from typing import Literal

from atlas_api.errors import WorkerLost
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import CheckpointAddress, CheckpointsStatus, DatasetStatus, ModelStatus, Progress
from atlas_operator.backends import BACKEND
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import items, mapping, string
from atlas_operator.cluster.plain_text import reason_in
from atlas_operator.reports import values

TEXT_LIMIT = 64 * 1024

_LARGEST_EXIT_CODE = 255

_Phase = Literal["Running", "Succeeded", "Failed", "Interrupted"]
_PHASES: dict[object, _Phase] = {
    "Running": "Running",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Interrupted": "Interrupted",
}


def read_report(text: str | None, run: int, attempt: int) -> RunReport | None:
    """
    Read *text*, the JSON of a `RunReport` of *run*, whose newest attempt is *attempt*.

    None when it is no report of this run, is longer than 64 kB, or claims an attempt that does not exist. What an
    earlier attempt said stays true of the run, but not of how the newest attempt is: its phase reads `Running`, and
    reason, message, exit code and model are left out.
    """
    said = parsed(text)
    number, told_by = values.count(said.get("run")), values.count(said.get("attempt"))
    if number != run or not told_by or told_by > attempt:
        return None
    report = RunReport(
        run=run,
        attempt=told_by,
        phase="Running",
        progress=_progress(mapping(said, "progress")),
        metrics=values.numbers(said.get("metrics")),
        dataset=_dataset(mapping(said, "dataset")),
        checkpoints=CheckpointsStatus(
            latest=_checkpoint(mapping(said, "checkpoints", "latest")),
            best=_checkpoint(mapping(said, "checkpoints", "best")),
        ),
    )
    return _with_end(report, said) if told_by == attempt else report


def termination_report(pods: Iterable[Document], run: int, attempt: int) -> RunReport | None:
    """Read what container `pytorch` of rank 0 left when it ended. Of several, the newest attempt's.

    When all it knows is that another worker is gone, that worker's own words count.
    """
    told = [
        (BACKEND.is_rank_0(pod), report)
        for pod in pods
        if (report := read_report(string(trainer_of(pod), "state", "terminated", "message"), run, attempt))
    ]
    firsts = [report for is_first, report in told if is_first]
    first = max(firsts, key=lambda report: report.attempt, default=None)
    if first is None or first.reason != WorkerLost.__name__:
        return first
    others = (report for is_first, report in told if not is_first and report.phase in ("Failed", "Interrupted"))
    return next(others, first)


def trainer_of(pod: Document) -> Document:
    """Status of the container `pytorch`, empty while there is none."""
    containers = items(pod, "status", "containerStatuses")
    return next((each for each in containers if each.get("name") == BACKEND.CONTAINER), {})


def parsed(text: str | None) -> Document:
    """The object that *text* is in JSON, empty when it is none or longer than 64 kB."""
    if not text or len(text) > TEXT_LIMIT:
        return {}
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: [[[[... is valid JSON and deeper than Python's stack
        return {}
    return said if isinstance(said, dict) else {}


def _with_end(report: RunReport, said: Document) -> RunReport:
    """Add how the attempt is, which only its own report can tell."""
    phase = said.get("phase")
    known = _PHASES.get(phase) if isinstance(phase, str) else None
    end = {
        "phase": known or "Running",
        "reason": reason_in(string(said, "reason"), "") or None,
        "message": values.line(said.get("message")),
        "exit_code": values.count(said.get("exitCode"), _LARGEST_EXIT_CODE),
        "model": _model(mapping(said, "model"), report.run) if known == "Succeeded" else None,
    }
    return report.model_copy(update=end)


def _progress(said: Document) -> Progress | None:
    step, max_steps = values.count(said.get("step")), values.count(said.get("maxSteps"))
    updated_at = values.time(said.get("updatedAt"))
    if step is None or max_steps is None or updated_at is None or step > max_steps:
        return None
    return Progress(
        step=step,
        max_steps=max_steps,
        percent=100 * step // max_steps if max_steps else 0,
        eta_seconds=values.count(said.get("etaSeconds"), values.LONGEST_ETA),
        updated_at=updated_at,
    )


def _dataset(said: Document) -> DatasetStatus | None:
    matched, used = values.count(said.get("matched")), values.count(said.get("used"))
    digest = values.sha256(said.get("digest"))
    if matched is None or used is None or digest is None:
        return None
    return DatasetStatus(
        matched=matched,
        used=used,
        dropped=values.counts(said.get("dropped")),
        digest=digest,
        watermark=values.time(said.get("watermark")),
    )


def _checkpoint(said: Document) -> CheckpointAddress | None:
    uri, sha256 = values.uri(said.get("uri")), values.sha256(said.get("sha256"))
    step = values.count(said.get("step"))
    if uri is None or sha256 is None or step is None:
        return None
    return CheckpointAddress(uri=uri, step=step, sha256=sha256, metric=values.number(said.get("metric")))


def _model(said: Document, run: int) -> ModelStatus | None:
    uri, sha256 = values.uri(said.get("uri")), values.sha256(said.get("sha256"))
    if uri is None or sha256 is None or values.count(said.get("run")) != run:
        return None
    return ModelStatus(uri=uri, run=run, sha256=sha256, metric=values.number(said.get("metric")))

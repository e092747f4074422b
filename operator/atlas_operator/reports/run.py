"""
Report of the trainer about its run, believed only as far as it can be checked. Pure.

It comes as the text of the progress ConfigMap, or as the termination message of a pod. A pod that lies changes nothing
but the numbers of its own run, within bounds: each part that is odd is left out and the others count. How an attempt
ended is weighed elsewhere (`failures.attempt`).
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
from atlas_operator.reports import values
from atlas_operator.status.wording import reason_in

TEXT_LIMIT = 64 * 1024

_LARGEST_EXIT_CODE = 255
_FEW = 12
"""Entries of counts whose names are known: ways to a prompt, causes for which a turn is no row."""

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
    earlier attempt reported stays true of the run, but not of how the newest attempt is: its phase reads `Running`, and
    reason, message, exit code and model are left out.
    """
    data = parsed(text)
    number, author = values.count(data.get("run")), values.count(data.get("attempt"))
    if number != run or not author or author > attempt:
        return None
    report = RunReport(
        run=run,
        attempt=author,
        phase="Running",
        progress=_progress(mapping(data, "progress")),
        metrics=values.numbers(data.get("metrics")),
        dataset=_dataset(mapping(data, "dataset")),
        checkpoints=CheckpointsStatus(
            latest=_checkpoint(mapping(data, "checkpoints", "latest")),
            previous=_checkpoint(mapping(data, "checkpoints", "previous")),
            best=_checkpoint(mapping(data, "checkpoints", "best")),
        ),
    )
    return _with_end(report, data) if author == attempt else report


def termination_report(pods: Iterable[Document], run: int, attempt: int) -> RunReport | None:
    """Read what container `pytorch` of rank 0 left when it ended. Of several, the newest attempt's.

    When all it knows is that another worker is gone, that worker's own words count.
    """
    reports = [
        (BACKEND.is_rank_0(pod), report)
        for pod in pods
        if (report := read_report(string(trainer_of(pod), "state", "terminated", "message"), run, attempt))
    ]
    firsts = [report for is_first, report in reports if is_first]
    first = max(firsts, key=lambda report: report.attempt, default=None)
    if first is None or first.reason != WorkerLost.__name__:
        return first
    others = (report for is_first, report in reports if not is_first and report.phase in ("Failed", "Interrupted"))
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
        data = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: [[[[... is valid JSON and deeper than Python's stack
        return {}
    return data if isinstance(data, dict) else {}


def _with_end(report: RunReport, data: Document) -> RunReport:
    """Add how the attempt is, which only its own report can tell."""
    phase = data.get("phase")
    known = _PHASES.get(phase) if isinstance(phase, str) else None
    end = {
        "phase": known or "Running",
        "reason": reason_in(string(data, "reason"), "") or None,
        "message": values.line(data.get("message")),
        "exit_code": values.count(data.get("exitCode"), _LARGEST_EXIT_CODE),
        "model": _model(mapping(data, "model"), report.run) if known == "Succeeded" else None,
    }
    return report.model_copy(update=end)


def _progress(data: Document) -> Progress | None:
    step, max_steps = values.count(data.get("step")), values.count(data.get("maxSteps"))
    updated_at = values.time(data.get("updatedAt"))
    if step is None or max_steps is None or updated_at is None or step > max_steps:
        return None
    return Progress(
        step=step,
        max_steps=max_steps,
        percent=100 * step // max_steps if max_steps else 0,
        eta_seconds=values.count(data.get("etaSeconds"), values.LONGEST_ETA),
        updated_at=updated_at,
    )


def _dataset(data: Document) -> DatasetStatus | None:
    matched, used = values.count(data.get("matched")), values.count(data.get("used"))
    digest = values.sha256(data.get("digest"))
    if matched is None or used is None or digest is None:
        return None
    return DatasetStatus(
        matched=matched,
        used=used,
        rows=values.count(data.get("rows")),
        prompts=values.counts(data.get("prompts"), _FEW),
        unreferenced=values.count(data.get("unreferenced")),
        shortened=values.count(data.get("shortened")),
        held_out=values.count(data.get("heldOut")),
        held_out_alike=values.count(data.get("heldOutAlike")),
        dropped=values.counts(data.get("dropped")),
        dropped_rows=values.counts(data.get("droppedRows"), _FEW),
        missing=values.counts(data.get("missing"), _FEW),
        digest=digest,
        watermark=values.time(data.get("watermark")),
    )


def _checkpoint(data: Document) -> CheckpointAddress | None:
    uri, sha256 = values.uri(data.get("uri")), values.sha256(data.get("sha256"))
    step = values.count(data.get("step"))
    if uri is None or sha256 is None or step is None:
        return None
    return CheckpointAddress(uri=uri, step=step, sha256=sha256, metric=values.number(data.get("metric")))


def _model(data: Document, run: int) -> ModelStatus | None:
    uri, sha256 = values.uri(data.get("uri")), values.sha256(data.get("sha256"))
    if uri is None or sha256 is None or values.count(data.get("run")) != run:
        return None
    return ModelStatus(uri=uri, run=run, sha256=sha256, metric=values.number(data.get("metric")))

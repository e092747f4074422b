"""
The termination message: what a pod leaves behind when its container ends, also when the API server is away.

The kubelet copies the file into the pod's status, up to 4096 bytes.
"""

from collections.abc import Iterator
from pathlib import Path

from atlas_api.pods.contract import TERMINATION_LIMIT
from atlas_api.pods.run_report import RunReport


def write_termination_message(report: RunReport, file: Path) -> None:
    """Write *report* into *file*, shortened where it must be."""
    file.write_bytes(shortened(report))


def shortened(report: RunReport, limit: int = TERMINATION_LIMIT) -> bytes:
    """Encode *report* in at most *limit* bytes of JSON: without counts and numbers first, then with less message."""
    return next(text for form in _ever_shorter(report) if len(text := _json(form)) <= limit)


def _ever_shorter(report: RunReport) -> Iterator[RunReport]:
    yield report
    if report.dataset:
        report = report.model_copy(
            update={"dataset": report.dataset.model_copy(update={"dropped": {}, "dropped_rows": {}})}
        )
        yield report
    report = report.model_copy(update={"metrics": {}})
    yield report
    while report.message:
        report = report.model_copy(update={"message": report.message[: len(report.message) // 2]})
        yield report
    # Addresses alone can only be this long when a path is: the operator knows where the run saves.
    yield RunReport(**{name: getattr(report, name) for name in ("run", "attempt", "phase", "reason", "exit_code")})


def _json(report: RunReport) -> bytes:
    return report.model_dump_json(by_alias=True, exclude_none=True).encode()

"""Ends of attempts, and the failures they lead to, each checked to be fit for a condition."""

from typing import Any

from support.kubernetes.kube_objects import make_condition, make_job

from atlas_api.pods.run_report import RunReport
from atlas_api.text import escaped
from atlas_api.training.status import ModelStatus
from atlas_operator.cluster.document import Document
from atlas_operator.failures.attempt import Failure, classify_attempt

FAILED = make_job(make_condition("Created"), make_condition("Failed", message="1 Worker replica failed."))
SUCCEEDED = make_job(make_condition("Created"), make_condition("Succeeded"))
MODEL = ModelStatus(uri="s3://models/final", run=1, sha256="ab" * 32)


def say(phase: Any = "Running", **fields: Any) -> RunReport:
    """A report of run 1, attempt 1, as `read_report` returns it."""
    return RunReport(run=1, attempt=1, phase=phase, **fields)


def disrupted(reason: str, at: float = 60) -> Document:
    """The condition with which Kubernetes says that it took a pod away."""
    return make_condition("DisruptionTarget", reason=reason, at=at)


def fail(
    *pods: Document, job: Document | None = FAILED, report: RunReport | None = None, said: RunReport | None = None
) -> Failure:
    """The failure that these lead to; *said* is the termination message."""
    result = classify_attempt(job, pods, report, said)
    assert isinstance(result, Failure)
    assert result.message
    assert escaped(result.message) == result.message
    assert len(result.message) <= 500
    return result

"""Diagnoses, each checked to be fit for a condition."""

from support.kubernetes.kube_objects import make_condition, make_job

from atlas_api.text import escaped
from atlas_operator.cluster.document import Document
from atlas_operator.pending.attempt import why_not_running
from atlas_operator.pending.reasons import PendingReason

JOB = make_job(make_condition("Created"))


def diagnose(*pods: Document, job: Document = JOB, events: list[Document] | None = None) -> PendingReason:
    """The diagnosis, which is always fit for a condition."""
    diagnosis = why_not_running(job, pods, events or [])
    assert diagnosis.reason.isalnum()
    assert escaped(diagnosis.message) == diagnosis.message
    assert len(diagnosis.message) <= 500
    return diagnosis

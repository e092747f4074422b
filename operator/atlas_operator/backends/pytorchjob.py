"""
What the training-operator says of a PyTorchJob, in one word.

Called by the plan, `ending` and `diagnosis`. Looks at no pod: a job that is `Starting` does not say why.
"""

from datetime import datetime
from typing import Literal

from atlas_operator.cluster.fields import at, condition, holds, items, mapping, moment, whole
from atlas_operator.cluster.observed import Document

JobState = Literal["Failed", "Succeeded", "Suspending", "Queued", "Running", "Starting", "Unseen"]


def job_state(job: Document) -> JobState:
    """
    Say how the job is. The first that holds, in this order:

        Failed, Succeeded   for good
        Unseen              no condition at all: the training-operator has not looked at it
        Queued              suspended: no pod is left
        Suspending          to be suspended, but pods may be left
        Running             every replica's pod runs
        Starting            anything else
    """
    if holds(job, "Failed"):
        return "Failed"
    if holds(job, "Succeeded"):
        return "Succeeded"
    if not items(job, "status", "conditions"):
        return "Unseen"
    if at(job, "spec", "runPolicy", "suspend") is True:
        return "Queued" if holds(job, "Suspended") else "Suspending"
    return "Running" if holds(job, "Running") and _all_active(job) else "Starting"


def running_since(job: Document) -> datetime | None:
    """Say since when the first of the pods runs. None unless all run now."""
    return moment(condition(job, "Running"), "lastTransitionTime") if job_state(job) == "Running" else None


def replicas(job: Document) -> int:
    """Pods that the job is to have. A replica spec without a number means one."""
    specs = mapping(job, "spec", "pytorchReplicaSpecs").values()
    return sum(1 if (wanted := whole(spec, "replicas")) is None else wanted for spec in specs)


def _all_active(job: Document) -> bool:
    statuses = mapping(job, "status", "replicaStatuses").values()
    active = sum(whole(status, "active") or 0 for status in statuses)
    return active > 0 and active >= replicas(job)

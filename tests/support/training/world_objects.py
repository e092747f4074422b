"""What the parts of the simulated world ask of objects. Knows no world."""

from atlas_operator.backends.pytorchjob import job_state
from atlas_operator.cluster.document import Document

TERMINAL = ("Succeeded", "Failed")


def owner(document: Document) -> str | None:
    """UID of the controller."""
    owners = document["metadata"].get("ownerReferences", [])
    return next((each["uid"] for each in owners if each.get("controller")), None)


def is_over(pod: Document) -> bool:
    """Whether a pod has ended."""
    return pod["status"]["phase"] in TERMINAL


def is_ended(job: Document) -> bool:
    """Whether the training-operator is done with a job."""
    return job_state(job) in TERMINAL


def set_condition(job: Document, kind: str, status: str, stamp: str) -> None:
    """Set a condition of a job, with its time where it changes."""
    conditions = job.setdefault("status", {}).setdefault("conditions", [])
    found = next((each for each in conditions if each["type"] == kind), None)
    if found is None:
        conditions.append({"type": kind, "status": status, "lastTransitionTime": stamp})
    elif found["status"] != status:
        found.update(status=status, lastTransitionTime=stamp)

"""Children that nobody needs any more. Pure; called by `plan`."""

from collections.abc import Iterator

from atlas_api.status import RunStatus
from atlas_operator.attempt import ENDED, place_of
from atlas_operator.job_state import job_state
from atlas_operator.labels import progress_name, run_name
from atlas_operator.observed import Document, Observed

KEPT_ATTEMPTS = 3
"""Jobs of the newest run that are kept for their logs."""

RBAC = "rbac.authorization.k8s.io/v1"


def leftovers(observed: Observed, run: RunStatus) -> Iterator[Document]:
    """Everything of earlier runs, jobs of long-gone attempts, and jobs that run without being the newest attempt."""
    for job in observed.jobs:
        number, attempt = place_of(job)
        stray = (number, attempt) != (run.number, run.attempt) and job_state(job) not in ENDED
        stale = number == run.number and attempt <= run.attempt - KEPT_ATTEMPTS
        if stray or stale or number < run.number:
            yield job
    metadata = observed.training["metadata"]
    for found in observed.config_maps:
        number, _ = place_of(found)
        if number < run.number and found["metadata"]["name"] == run_name(metadata["name"], number):
            yield from _of_run(metadata["name"], metadata["namespace"], number)


def _of_run(name: str, namespace: str, run: int) -> Iterator[Document]:
    """References to the children of a run. The ConfigMap by which they are found again goes last."""
    base = run_name(name, run)
    yield _reference("v1", "ConfigMap", progress_name(name, run), namespace)
    yield _reference(RBAC, "RoleBinding", base, namespace)
    yield _reference(RBAC, "Role", base, namespace)
    yield _reference("v1", "ServiceAccount", base, namespace)
    yield _reference("v1", "ConfigMap", base, namespace)


def _reference(api: str, kind: str, name: str, namespace: str) -> Document:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}}

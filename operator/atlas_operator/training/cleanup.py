"""Garbage collection: children of a training that nobody needs any more. Pure.

What a deleted training owned is left to the garbage collector of Kubernetes.
"""

from collections.abc import Iterator

from atlas_api.training.status import RunStatus
from atlas_operator.backends import BACKEND
from atlas_operator.backends.base import ENDED
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import name_of
from atlas_operator.cluster.kinds import KINDS
from atlas_operator.cluster.labels import RUN, number_of
from atlas_operator.objects.metadata import RBAC, child
from atlas_operator.objects.names import progress_name, run_name
from atlas_operator.objects.run import holds_run_file
from atlas_operator.training.attempt import place_of
from atlas_operator.training.observed import Observed

KEPT_ATTEMPTS = 3
"""Jobs of the newest run that are kept for their logs."""


def garbage(observed: Observed, run: RunStatus | None) -> Iterator[Document]:
    """Everything of earlier runs, jobs of long-gone attempts, and jobs that run without being the newest attempt.

    *observed* is `told_apart`: what belongs to something else stays.
    """
    newest = (run.number, run.attempt) if run else (0, 0)
    for job in observed.jobs:
        number, attempt = place_of(job)
        stray = (number, attempt) != newest and BACKEND.job_state(job) not in ENDED
        stale = number == newest[0] and attempt <= newest[1] - KEPT_ATTEMPTS
        if stray or stale or number < newest[0]:
            yield job
    maps, name = observed.config_maps, observed.training["metadata"]["name"]
    for number in sorted({number_of(each, RUN) for each in maps if number_of(each, RUN) < newest[0]}):
        files = [each for each in maps if holds_run_file(each, name, number)]
        if files or any(name_of(each) == progress_name(name, number) for each in maps):
            yield from _of_run(observed.training, number)
            yield from files


def _of_run(training: Document, run: int) -> Iterator[Document]:
    """The children of a run, with their owner: another object may have the name.

    The ConfigMaps with run.json, by which they are found again, go after them.
    """
    name = training["metadata"]["name"]
    base = run_name(name, run)
    yield child(training, "v1", "ConfigMap", progress_name(name, run), {})
    yield child(training, KINDS["NetworkPolicy"][0], "NetworkPolicy", base, {})
    yield child(training, RBAC, "RoleBinding", base, {})
    yield child(training, RBAC, "Role", base, {})
    yield child(training, "v1", "ServiceAccount", base, {})

"""
Failure classification of an attempt, as a Job's podFailurePolicy does it: how it ended, and whose fault it was. Pure.

To be asked once the job is finished or gone and no pod of it runs. Knows neither budgets nor what happens next.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from atlas_api.errors import STOPPED_BY, AtlasError, FailureClass
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import ModelStatus
from atlas_operator.backends import BACKEND
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, get_path, name_of, string
from atlas_operator.failures.pod import Failure, PodFailure, errors, pod_failure
from atlas_operator.status import wording

__all__ = ["Failure", "Success", "classify_attempt"]

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

# Of failures in the same second: nobody's consequence is a SIGKILL, and a request to end often is one.
_AT_ONCE = {"Killed": 0, "PodDeleted": 2, **{kind.__name__: 2 for kind in STOPPED_BY.values()}}


@dataclass(frozen=True, slots=True)
class Success:
    """End of an attempt with a model."""

    model: ModelStatus


def classify_attempt(
    job: Document | None, pods: Iterable[Document], report: RunReport | None, termination: RunReport | None
) -> Success | Failure:
    """
    Say how the attempt of *job* ended. *job* is None when it is gone; *pods* are the attempt's, terminated ones too.

    *report* and *termination* are as `read_report` and `termination_report` return them: what they say of success or
    failure they say of this attempt. Only a model in one of them is success, whatever the job says: a job also counts
    as succeeded when the trainer was told to end early, and as failed when a pod stumbles after the model was saved.
    """
    reports = [each for each in (termination, report) if each]
    model = next((each.model for each in reports if each.phase == "Succeeded" and each.model), None)
    if model:
        return Success(model)
    pods = list(pods)
    claims = [each for each in reports if each.phase in ("Failed", "Interrupted") and (each.reason or each.exit_code)]
    causes = sorted(_pod_failures(pods, claims), key=_weight)
    if job is None or get_path(job, "metadata", "deletionTimestamp"):
        return next((each.failure for each in causes if each.specific), _deleted(job))
    if BACKEND.job_state(job) == "Succeeded":
        return next((each.failure for each in causes if each.specific), _marker_missing(reports))
    if causes:
        return causes[0].failure
    return _unexplained(job, pods)


def _pod_failures(pods: list[Document], claims: list[RunReport]) -> list[PodFailure]:
    """What each pod shows. The trainer's word stands in for rank 0's exit code, but not for what the cluster did."""
    by_pod = [(pod, pod_failure(pod)) for pod in pods]
    failures = [each for _, each in by_pod if each]
    rank_0 = next((each for pod, each in by_pod if each and BACKEND.is_rank_0(pod)), None)
    if not claims or (rank_0 and _by_the_cluster(rank_0)):
        return failures
    claim = _claimed(claims[0], rank_0)
    return [*(each for each in failures if each is not rank_0), claim]


def _by_the_cluster(failure: PodFailure) -> bool:
    """Whether *failure* is a fact that the trainer cannot know better."""
    return failure.specific and failure.failure.reason not in {kind.__name__ for kind in errors().values()}


def _claimed(claim: RunReport, pod: PodFailure | None) -> PodFailure:
    """The failure that the trainer itself reports; what it leaves out is taken from what its *pod* shows."""
    kinds = {kind.__name__: kind for kind in errors().values()}
    kind = kinds.get(claim.reason or "") or errors().get(claim.exit_code or 0)
    failure_class: FailureClass = kind.failure if kind else (pod.failure.failure_class if pod else "user")
    reason = claim.reason or (kind.__name__ if kind else "Crashed")
    message = claim.message or (pod.failure.message if pod else "the trainer did not say more; see its log")
    specific = kind not in (None, AtlasError, *STOPPED_BY.values())
    return PodFailure(Failure(failure_class, reason, wording.message(message)), specific, pod.at if pod else None)


def _weight(each: PodFailure) -> tuple[bool, datetime, int]:
    """Sorting key by which the cause comes first: what explains itself before what may follow from it, then by time."""
    return not each.specific, each.at or _END_OF_TIME, _AT_ONCE.get(each.failure.reason, 1)


def _deleted(job: Document | None) -> Failure:
    name = f"{BACKEND.KIND} {name_of(job)}" if job else f"the {BACKEND.KIND}"
    message = f"{name} was deleted by somebody; set spec.suspend to stop a run"
    return Failure("infrastructure", "JobDeleted", wording.message(message))


def _marker_missing(reports: list[RunReport]) -> Failure:
    succeeded = any(each.phase == "Succeeded" for each in reports)
    what = "the trainer reported success without the address of a model" if succeeded else "no final report of it came"
    cure = "check that the image is one of this version, and the pod's log"
    return Failure("infrastructure", "MarkerMissing", f"the job succeeded, but {what}; {cure}")


def _unexplained(job: Document, pods: list[Document]) -> Failure:
    name = name_of(job)
    if not pods:
        message = f"{BACKEND.KIND} {name} ended and its pods are gone; a node may have been lost"
        return Failure("infrastructure", "PodsLost", wording.message(message))
    words = string(condition(job, "Failed"), "message") or "it does not say why"
    return Failure(
        "infrastructure", "JobFailed", wording.message(f"{BACKEND.KIND} {name} ended without a failed pod: {words}")
    )

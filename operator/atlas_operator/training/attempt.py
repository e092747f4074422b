"""The newest attempt as it was observed: its job, its pods, the report of its trainer. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from atlas_api.pods.contract import REPORT_KEY
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import RunStatus
from atlas_operator.backends import BACKEND
from atlas_operator.backends.base import ENDED, JobState
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, items, latest, name_of, string, timestamp
from atlas_operator.cluster.labels import ATTEMPT, RUN, number_of
from atlas_operator.cluster.ownership import controller_of
from atlas_operator.failures.attempt import Failure, Success, classify_attempt
from atlas_operator.objects.names import progress_name
from atlas_operator.pending.attempt import pods_scheduled_at, why_not_running
from atlas_operator.pending.reasons import PendingReason
from atlas_operator.reports.run import read_report, termination_report, trainer_of
from atlas_operator.training.observed import Observed

OVERDUE = timedelta(minutes=1)
"""Time after its grace period at which a pod that is still there has a node that nobody hears from."""

_UNLIKELY = 100_000
"""A number of a run or an attempt that only somebody else can have written."""

_CLOCKS_DIFFER = timedelta(minutes=1)

_NAMED = 3
"""Largest number of pods that a sentence names."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a run. Everything is None or empty while its job was not seen."""

    job: Document | None = None
    pods: tuple[Document, ...] = ()
    events: tuple[Document, ...] = ()
    state: JobState | None = None
    progress_map: Document | None = None
    report: RunReport | None = None
    termination: RunReport | None = None

    @property
    def ended(self) -> bool:
        """Whether the job says that it is over; pods may still run."""
        return self.state in ENDED

    @property
    def live_pods(self) -> list[Document]:
        """Pods that may still write."""
        return [pod for pod in self.pods if is_alive(pod)]

    @property
    def has_live_pods(self) -> bool:
        """Whether any pod may still write."""
        return bool(self.live_pods)

    @property
    def is_ending(self) -> bool:
        """Whether the attempt is over, or was deleted, and its pods are not gone yet."""
        return self.has_live_pods and (self.ended or self.job is None)

    def reported_fields(self) -> dict[str, Any]:
        """Fields of the status that the trainer reported, what it left behind at its end last."""
        fields: dict[str, Any] = {}
        for report in filter(None, (self.report, self.termination)):
            latest = {
                "progress": report.progress,
                "metrics": report.metrics or None,
                "dataset": report.dataset,
                "checkpoints": report.checkpoints if report.checkpoints.latest else None,
            }
            fields |= {name: value for name, value in latest.items() if value is not None}
        return fields

    def ended_at(self) -> datetime | None:
        """When the job said that it is over."""
        return timestamp(condition(self.job, self.state or ""), "lastTransitionTime") if self.ended else None

    def result(self) -> Success | Failure:
        """Success or failure of the attempt, once nothing of it runs."""
        return classify_attempt(self.job, self.pods, self.report, self.termination)

    def pending_reason(self) -> PendingReason | None:
        """Why the attempt does not run. None when it runs, or has no job to ask about."""
        if self.job is None or self.state == "Running":
            return None
        return why_not_running(self.job, self.pods, self.events)

    def scheduled_at(self) -> datetime | None:
        """When the last pod of the attempt got a node; None while pods are missing."""
        complete = self.job is not None and len(self.pods) >= BACKEND.replicas(self.job)
        return pods_scheduled_at(self.pods) if complete else None

    def running_since(self) -> datetime | None:
        """Time since which all pods of the attempt run; None unless they do. The job tells of the first pod alone."""
        since = BACKEND.running_since(self.job) if self.job else None
        started = latest(timestamp(trainer_of(pod), "state", "running", "startedAt") for pod in self.pods)
        return max(since, started) if since and started else since

    def pods_to_end(self, now: datetime) -> str:
        """What is waited for when pods have to go, and the cure where they do not."""
        alive = self.live_pods
        named = [f"{name_of(pod)}{_place(pod)}" for pod in alive[:_NAMED]]
        more = [f"{len(alive) - _NAMED} more"] if len(alive) > _NAMED else []
        cure = "; is the node lost? Then delete its Node, or taint it with node.kubernetes.io/out-of-service"
        late = any(at <= now for pod in alive if (at := _overdue_at(pod)))
        return f"{', '.join(named + more)} to end{cure if late else ''}"

    def pods_overdue_at(self, now: datetime) -> datetime | None:
        """The next moment at which one of its pods should be gone."""
        return min((at for pod in self.live_pods if (at := _overdue_at(pod)) and at > now), default=None)

    def sign_of_life_at(self, now: datetime) -> datetime | None:
        """When the trainer last reported, by the API server's clock. Who reports can write a time that is to come."""
        times = (timestamp(field, "time") for field in items(self.progress_map, "metadata", "managedFields"))
        return max((at for at in times if at and at <= now + _CLOCKS_DIFFER), default=None)


def attempt_of(observed: Observed, run: RunStatus | None) -> Attempt:
    """What belongs to the newest attempt of *run*."""
    if run is None:
        return Attempt()
    mine = (run.number, run.attempt)
    job = next((job for job in observed.jobs if place_of(job) == mine), None)
    uid = job["metadata"]["uid"] if job else run.job_uid
    pods = tuple(pod for pod in observed.pods if uid and controller_of(pod) == uid and place_of(pod) == mine)
    progress_map = config_map(observed, progress_name(observed.training["metadata"]["name"], run.number))
    text = ((progress_map or {}).get("data") or {}).get(REPORT_KEY)
    return Attempt(
        job=job,
        pods=pods,
        events=observed.events,
        state=BACKEND.job_state(job) if job else None,
        progress_map=progress_map,
        report=read_report(text, *mine),
        termination=termination_report(pods, *mine),
    )


def _place(pod: Document) -> str:
    node = string(pod, "spec", "nodeName")
    return f" on node {node}" if node else ""


def _overdue_at(pod: Document) -> datetime | None:
    deadline = timestamp(pod, "metadata", "deletionTimestamp")
    return deadline + OVERDUE if deadline else None


def next_attempt_number(observed: Observed, run: RunStatus) -> int:
    """A number that no attempt of *run* ever had."""
    places = (place_of(child) for child in (*observed.jobs, *observed.strangers, *observed.pods))
    return number_after(run.attempt, (attempt for number, attempt in places if number == run.number))


def number_after(known: int, labels: Iterable[int]) -> int:
    """A number above *known* and all of *labels*, but for those that are too large: no name could hold what follows."""
    return 1 + max(known, *(number for number in labels if number < _UNLIKELY), 0)


def others_at_work(observed: Observed, attempt: Attempt) -> Iterator[Document]:
    """Jobs and pods with the training's label, whosever they are, that are not of *attempt* and may still write."""
    jobs = (job for job in (*observed.jobs, *observed.strangers) if job is not attempt.job)
    yield from (job for job in jobs if BACKEND.job_state(job) not in ENDED)
    yield from (pod for pod in observed.pods if pod not in attempt.pods and is_alive(pod))


def config_map(observed: Observed, name: str) -> Document | None:
    """A ConfigMap of the training by name."""
    return next((each for each in observed.config_maps if each["metadata"]["name"] == name), None)


def place_of(child: Document) -> tuple[int, int]:
    """Run and attempt of a child; 0 where its labels do not say."""
    return number_of(child, RUN), number_of(child, ATTEMPT)


def is_alive(pod: Document) -> bool:
    """Whether a pod may still write."""
    return pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")

"""The newest attempt as it was observed: its job, its pods, what its trainer says. Pure; called by `plan`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from atlas_api.pod import REPORT_KEY
from atlas_api.run_report import RunReport
from atlas_api.status import RunStatus
from atlas_operator.diagnosis import Diagnosis, pods_scheduled_at, why_not_running
from atlas_operator.ending import Failure, Success, ending
from atlas_operator.fields import condition, moment
from atlas_operator.job_state import JobState, job_state, replicas
from atlas_operator.labels import ATTEMPT, RUN, progress_name
from atlas_operator.observed import Document, Observed, time_of
from atlas_operator.report import read_report, termination_report

ENDED: tuple[JobState, ...] = ("Failed", "Succeeded")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. Everything is None or empty while its job was not seen."""

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
    def has_live_pods(self) -> bool:
        """Whether any pod may still write."""
        return any(is_alive(pod) for pod in self.pods)

    def told(self) -> dict[str, Any]:
        """Fields of the status that the trainer speaks of, what it left behind at its end last."""
        told: dict[str, Any] = {}
        for report in filter(None, (self.report, self.termination)):
            latest = {
                "progress": report.progress,
                "metrics": report.metrics or None,
                "dataset": report.dataset,
                "checkpoints": report.checkpoints if report.checkpoints.latest else None,
            }
            told |= {name: value for name, value in latest.items() if value is not None}
        return told

    def ended_at(self) -> datetime | None:
        """When the job said that it is over."""
        return moment(condition(self.job, self.state or ""), "lastTransitionTime") if self.ended else None

    def ending(self) -> Success | Failure:
        """How it ended, once nothing of it runs."""
        return ending(self.job, self.pods, self.report, self.termination)

    def diagnosis(self) -> Diagnosis | None:
        """Why it does not run. None when it runs, or has no job to ask about."""
        if self.job is None or self.state == "Running":
            return None
        return why_not_running(self.job, self.pods, self.events)

    def scheduled_at(self) -> datetime | None:
        """When its last pod got a node; None while pods are missing."""
        complete = self.job is not None and len(self.pods) >= replicas(self.job)
        return pods_scheduled_at(self.pods) if complete else None

    def sign_of_life_at(self) -> datetime | None:
        """When its trainer last reported, by the API server's clock."""
        fields = (self.progress_map or {}).get("metadata", {}).get("managedFields", [])
        return max((at for field in fields if (at := time_of(field.get("time")))), default=None)


def attempt_of(observed: Observed, run: RunStatus | None) -> Attempt:
    """What belongs to the newest attempt of *run*."""
    if run is None:
        return Attempt()
    mine = (run.number, run.attempt)
    job = next((found for found in observed.jobs if place_of(found) == mine), None)
    pods = tuple(pod for pod in observed.pods if place_of(pod) == mine)
    progress_map = config_map(observed, progress_name(observed.training["metadata"]["name"], run.number))
    text = ((progress_map or {}).get("data") or {}).get(REPORT_KEY)
    return Attempt(
        job=job,
        pods=pods,
        events=observed.events,
        state=job_state(job) if job else None,
        progress_map=progress_map,
        report=read_report(text, *mine),
        termination=termination_report(pods, *mine),
    )


def next_attempt(observed: Observed, run: RunStatus) -> int:
    """A number that no attempt of *run* ever had."""
    places = (place_of(found) for found in (*observed.jobs, *observed.pods))
    return 1 + max(run.attempt, *(attempt for number, attempt in places if number == run.number), 0)


def others_at_work(observed: Observed, run: RunStatus) -> Iterator[Document]:
    """Jobs and pods of any other attempt that may still write."""
    mine = (run.number, run.attempt)
    yield from (job for job in observed.jobs if place_of(job) != mine and job_state(job) not in ENDED)
    yield from (pod for pod in observed.pods if place_of(pod) != mine and is_alive(pod))


def config_map(observed: Observed, name: str) -> Document | None:
    """A ConfigMap of the training by name."""
    return next((found for found in observed.config_maps if found["metadata"]["name"] == name), None)


def is_owned(child: Document, training: Document) -> bool:
    """Whether *child* belongs to this very training, and not to an earlier one of its name."""
    owners = child["metadata"].get("ownerReferences", [])
    return any(owner.get("uid") == training["metadata"]["uid"] for owner in owners)


def place_of(child: Document) -> tuple[int, int]:
    """Run and attempt of a child; 0 where its labels do not say."""
    return number_of(child, RUN), number_of(child, ATTEMPT)


def number_of(child: Document, label: str) -> int:
    """The number in a label of ours, 0 when there is none."""
    text = child["metadata"].get("labels", {}).get(label, "0")
    return int(text) if text.isdecimal() else 0


def is_alive(pod: Document) -> bool:
    """Whether a pod may still write."""
    return pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")

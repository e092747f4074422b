"""Recovery of a status that is missing or unreadable: the children tell what it said. Pure."""

from pydantic import ValidationError

from atlas_api import AtlasTrainingSpec, TrainingRun
from atlas_api.training.status import AtlasTrainingStatus, RunStatus
from atlas_operator.cluster.decode import read_status_as
from atlas_operator.cluster.document import Document, time_of
from atlas_operator.cluster.labels import ATTEMPT, PLACEMENT, RUN, number_of
from atlas_operator.objects.run import RUN_KEY, holds_run_file
from atlas_operator.training.attempt import number_after
from atlas_operator.training.observed import Observed


def recover_status(observed: Observed, retrain_at: str) -> AtlasTrainingStatus:
    """The status as it was written, or the newest run that children tell of where none was.

    Nobody knows then whether *retrain_at* was answered: it counts as answered, so that lost memory starts no runs.
    """
    status = read_status_as(AtlasTrainingStatus, observed.training)
    run = None if status.run else recovered_run(observed)
    return status.model_copy(update={"run": run, "last_handled_retrain_at": retrain_at}) if run else status


def recovered_run(observed: Observed) -> RunStatus | None:
    """The newest run that children tell of: its number, its newest attempt, its recipe. None when there are none."""
    for file in sorted(_run_files(observed), key=lambda file: number_of(file, RUN), reverse=True):
        if run := _content(file):
            jobs = [job for job in observed.jobs if number_of(job, RUN) == run.number]
            return _run_of(run, max(jobs, key=lambda job: number_of(job, ATTEMPT), default=None))
    return None


def next_run_number(observed: Observed, newest: RunStatus | None) -> int:
    """A number that no run ever had, as far as anything tells."""
    children = (*_run_files(observed), *observed.jobs, *observed.strangers, *observed.pods)
    return number_after(newest.number if newest else 0, (number_of(child, RUN) for child in children))


def attempt_spec(observed: Observed, spec: AtlasTrainingSpec, run: RunStatus) -> AtlasTrainingSpec | None:
    """*spec* while it has the run's recipe; else the spec that the run began with, on the pods of *spec*.

    None when the recipe has changed and the ConfigMap with the old one is gone.
    """
    if spec.hash() == run.spec_hash:
        return spec
    newest = max(run_files(observed, run.number), key=_made_at, default=None)
    content = _content(newest) if newest else None
    return content.spec.model_copy(update={"compute": spec.compute}) if content else None


def run_files(observed: Observed, run: int) -> list[Document]:
    """The ConfigMaps with run.json of a run: one, but while an attempt starts that is told something else."""
    return [file for file in _run_files(observed) if number_of(file, RUN) == run]


def _run_files(observed: Observed) -> list[Document]:
    name = observed.training["metadata"]["name"]
    return [each for each in observed.config_maps if holds_run_file(each, name, number_of(each, RUN))]


def _made_at(document: Document) -> str:
    return document["metadata"].get("creationTimestamp") or ""


def _content(stored: Document) -> TrainingRun | None:
    """The run.json in the ConfigMap *stored*. Rules that came later do not make it unreadable."""
    try:
        return TrainingRun.model_validate_json(stored.get("data", {}).get(RUN_KEY, ""))
    except ValidationError:
        return None


def _run_of(run: TrainingRun, job: Document | None) -> RunStatus:
    metadata = (job or {}).get("metadata", {})
    return RunStatus(
        number=run.number,
        attempt=number_of(job, ATTEMPT) if job else 1,
        spec_hash=run.spec.hash(),
        started_at=run.started_at,
        attempt_at=time_of(metadata.get("creationTimestamp")) or run.started_at,
        placement_hash=metadata.get("annotations", {}).get(PLACEMENT),
        job=metadata.get("name"),
        job_uid=metadata.get("uid"),
    )

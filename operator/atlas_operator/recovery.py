"""Where the story went on when the status is missing or unreadable: it is told again by the children. Pure."""

import json

from pydantic import ValidationError

from atlas_api import AtlasTrainingSpec, TrainingRun, parse_json
from atlas_api.errors import InvalidManifest
from atlas_api.status import AtlasTrainingStatus, RunStatus
from atlas_operator.attempt import config_map, is_owned, number_of
from atlas_operator.children import RUN_KEY
from atlas_operator.labels import ATTEMPT, PLACEMENT, RUN, run_name
from atlas_operator.observed import Document, Observed, time_of


def read_status(training: Document) -> AtlasTrainingStatus:
    """The status as it was written. One that this version cannot read counts as none."""
    try:
        return AtlasTrainingStatus.model_validate_json(json.dumps(training.get("status", {})))
    except ValidationError:
        return AtlasTrainingStatus()


def recovered_run(observed: Observed) -> RunStatus | None:
    """The newest run that children tell of: its number, its newest attempt, its recipe. None when there are none."""
    for found in sorted(run_files(observed), key=lambda found: number_of(found, RUN), reverse=True):
        if is_owned(found, observed.training) and (run := _content(found)):
            jobs = [job for job in observed.jobs if number_of(job, RUN) == run.number]
            return _run_of(run, max(jobs, key=lambda job: number_of(job, ATTEMPT), default=None))
    return None


def run_files(observed: Observed) -> list[Document]:
    """The ConfigMaps with run.json. By name: a trainer may change every label of the ConfigMap that it reports to."""
    name = observed.training["metadata"]["name"]
    return [
        found for found in observed.config_maps if found["metadata"]["name"] == run_name(name, number_of(found, RUN))
    ]


def frozen_spec(observed: Observed, run: int) -> AtlasTrainingSpec | None:
    """The spec that a run began with; None when its ConfigMap is gone."""
    stored = config_map(observed, run_name(observed.training["metadata"]["name"], run))
    found = _content(stored) if stored else None
    return found.spec if found else None


def outdated_run_file(observed: Observed, run: int, spec: AtlasTrainingSpec) -> Document | None:
    """The run's ConfigMap where the trainer would read other addresses than *spec* has. It cannot be changed."""
    stored = config_map(observed, run_name(observed.training["metadata"]["name"], run))
    if stored is None:
        return None
    found = _content(stored)
    same = found and (found.spec.checkpoints, found.spec.traces) == (spec.checkpoints, spec.traces)
    return None if same else stored


def _content(stored: Document) -> TrainingRun | None:
    try:
        return parse_json(TrainingRun, stored.get("data", {}).get(RUN_KEY, "").encode())
    except InvalidManifest:
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

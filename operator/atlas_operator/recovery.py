"""Where the story went on when the status is missing or unreadable: it is told again by the children. Pure."""

import json

from pydantic import ValidationError

from atlas_api import AtlasTrainingSpec, TrainingRun, parse_json
from atlas_api.errors import InvalidManifest
from atlas_api.status import AtlasTrainingStatus, RunStatus
from atlas_operator.attempt import config_map, number_of
from atlas_operator.children import RUN_KEY
from atlas_operator.labels import ATTEMPT, RUN, run_name
from atlas_operator.observed import Document, Observed, time_of


def read_status(training: Document) -> AtlasTrainingStatus:
    """The status as it was written. One that this version cannot read counts as none."""
    try:
        return AtlasTrainingStatus.model_validate_json(json.dumps(training.get("status", {})))
    except ValidationError:
        return AtlasTrainingStatus()


def recovered_run(observed: Observed) -> RunStatus | None:
    """The newest run that children tell of: its number, its newest attempt, its recipe. None when there are none."""
    for number in sorted({number_of(found, RUN) for found in observed.config_maps}, reverse=True):
        if run := _run_file(observed, number):
            jobs = [job for job in observed.jobs if number_of(job, RUN) == number]
            return _run_of(run, max(jobs, key=lambda job: number_of(job, ATTEMPT), default=None))
    return None


def frozen_spec(observed: Observed, run: int) -> AtlasTrainingSpec | None:
    """The spec that a run began with; None when its ConfigMap is gone."""
    found = _run_file(observed, run)
    return found.spec if found else None


def _run_file(observed: Observed, run: int) -> TrainingRun | None:
    stored = config_map(observed, run_name(observed.training["metadata"]["name"], run))
    if stored is None:
        return None
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
        job=metadata.get("name"),
        job_uid=metadata.get("uid"),
    )

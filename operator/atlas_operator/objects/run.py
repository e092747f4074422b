"""Builders of the objects that a run consists of, but for its jobs (`backends`). Pure.

Each run has a ConfigMap with run.json, a ConfigMap for progress, and a ServiceAccount that may patch that one ConfigMap
and nothing else.
"""

from atlas_api import AtlasTrainingSpec, TrainingRun
from atlas_api.training.status import RunStatus
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import RUN
from atlas_operator.objects.metadata import child, reporter_account
from atlas_operator.objects.names import progress_name, run_name

RUN_KEY = "run.json"


def recipe_children(training: Document, spec: AtlasTrainingSpec, run: RunStatus) -> tuple[Document, ...]:
    """Everything of *run* but its jobs: from then on the run keeps its recipe."""
    metadata = training["metadata"]
    run_file = TrainingRun(
        name=metadata["name"],
        namespace=metadata["namespace"],
        number=run.number,
        attempt=1,
        started_at=run.started_at,
        spec=spec,
    )
    return run_children(training, run_file)


def run_children(training: Document, run: TrainingRun) -> tuple[Document, ...]:
    """Everything of a run but its jobs. The ConfigMap with run.json comes first."""
    name, progress = run_name(run.name, run.number), progress_name(run.name, run.number)
    labels = {RUN: str(run.number)}
    document = run.model_dump_json(by_alias=True, exclude_none=True, indent=2)
    return (
        child(training, "v1", "ConfigMap", name, labels, immutable=True, data={RUN_KEY: document}),
        progress_map(training, run.number),
        *reporter_account(training, name, progress, labels),
    )


def progress_map(training: Document, run: int) -> Document:
    """The ConfigMap that the run reports to."""
    name = progress_name(training["metadata"]["name"], run)
    return child(training, "v1", "ConfigMap", name, {RUN: str(run)})

"""Builders of the objects that a run consists of, but for its jobs (`backends`). Pure.

Each run has a ConfigMap with run.json, a ConfigMap for progress, and a ServiceAccount that may patch that one ConfigMap
and nothing else; where processes train together, a NetworkPolicy too. The ConfigMap with run.json is named by its
content: a kubelet goes on serving an immutable ConfigMap that was deleted and made anew under one name, as long as it
has not forgotten the pods that read the old one.
"""

import hashlib

from atlas_api import AtlasTrainingSpec, TrainingRun
from atlas_api.training.status import RunStatus
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import mapping, name_of
from atlas_operator.cluster.kinds import KINDS
from atlas_operator.cluster.labels import RUN
from atlas_operator.objects.metadata import child, own_labels, reporter_account
from atlas_operator.objects.names import progress_name, run_file_name, run_name

RUN_KEY = "run.json"

_DIGEST = 10


def recipe_children(training: Document, spec: AtlasTrainingSpec, run: RunStatus) -> tuple[Document, ...]:
    """Everything of *run* but its jobs: from then on the run keeps its recipe. The first is `run_file`."""
    name, labels = training["metadata"]["name"], {RUN: str(run.number)}
    report = progress_name(name, run.number)
    account = reporter_account(training, run_name(name, run.number), report, labels, spec.compute.service_account_name)
    peers = [peers_policy(training, run.number)] if spec.compute.processes > 1 else []
    return run_file(training, spec, run), progress_map(training, run.number), *account, *peers


def run_file(training: Document, spec: AtlasTrainingSpec, run: RunStatus) -> Document:
    """The ConfigMap with the run.json that tells pods to train *spec* as *run*. Another content has another name."""
    metadata = training["metadata"]
    content = TrainingRun(
        name=metadata["name"],
        namespace=metadata["namespace"],
        number=run.number,
        attempt=1,
        started_at=run.started_at,
        spec=spec,
    )
    text = content.model_dump_json(by_alias=True, exclude_none=True, indent=2)
    name = run_file_name(metadata["name"], run.number, _digest(text))
    return child(training, "v1", "ConfigMap", name, {RUN: str(run.number)}, immutable=True, data={RUN_KEY: text})


def peers_policy(training: Document, run: int) -> Document:
    """The NetworkPolicy by which pods of *run* are reached from pods of the same run alone. They reach what they like.

    Attempts of one run are never at work at the same time, so these are the pods of one attempt.
    """
    of_the_run = {"matchLabels": {**own_labels(training), RUN: str(run)}}
    name = run_name(training["metadata"]["name"], run)
    spec = {"podSelector": of_the_run, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": of_the_run}]}]}
    return child(training, KINDS["NetworkPolicy"][0], "NetworkPolicy", name, {RUN: str(run)}, spec=spec)


def holds_run_file(config_map: Document, training: str, run: int) -> bool:
    """Whether *config_map* is one with run.json of that run. Its name tells, which no trainer can forge."""
    text = mapping(config_map, "data").get(RUN_KEY)
    return isinstance(text, str) and name_of(config_map) == run_file_name(training, run, _digest(text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]


def progress_map(training: Document, run: int) -> Document:
    """The ConfigMap that the run reports to."""
    name = progress_name(training["metadata"]["name"], run)
    return child(training, "v1", "ConfigMap", name, {RUN: str(run)})

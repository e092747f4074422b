"""Trainings for tests on a cluster: a manifest whose pods kwok plays, and what its trainer would report."""

import json
from typing import Any

from cluster.components.kwok import PREFIX
from cluster.kubectl import Document, Kubectl

from atlas_api.pods.contract import REPORT_KEY
from atlas_operator.objects.names import job_name, progress_name

IMAGE = "example.test/trainer:1"


def cluster_training(name: str = "refunds", **spec: Any) -> Document:
    """An AtlasTraining that a cluster accepts. Keywords replace whole parts of the spec."""
    return {
        "apiVersion": "atlas.arc.computer/v1alpha1",
        "kind": "AtlasTraining",
        "metadata": {"name": name},
        "spec": {
            "model": {"source": "Qwen/Qwen2.5-1.5B-Instruct"},
            "traces": {"postgres": {"urlFrom": {"secretKeyRef": {"name": "atlas-db", "key": "url"}}}},
            "grpo": {"groupSize": 4, "maxCompletionTokens": 16},
            "reward": {"verifiers": [{"name": "close", "referenceSimilarity": {}}]},
            "optimization": {"maxSteps": 400, "batchSize": 8},
            "checkpoints": {"s3": {"uri": "s3://models/atlas", "credentialsFrom": {"secretRef": {"name": "s3"}}}},
            "compute": {"image": IMAGE},
            **spec,
        },
    }


def report(run: int, attempt: int, phase: str = "Running", step: int = 100, **fields: Any) -> Document:
    """What a trainer that is at *step* of 400 says."""
    progress = {
        "step": step,
        "maxSteps": 400,
        "percent": step // 4,
        "updatedAt": "2026-11-01T10:00:00Z",
        "etaSeconds": 2460,
    }
    latest = {"uri": f"s3://models/atlas/x/run-{run:04d}/checkpoint-{step:06d}", "step": step, "sha256": "a" * 64}
    return {
        "run": run,
        "attempt": attempt,
        "phase": phase,
        "progress": progress,
        "metrics": {"reward": 0.71, "loss": 0.01},
        "checkpoints": {"latest": latest},
        **fields,
    }


def finished_report(run: int, attempt: int) -> Document:
    """What a trainer that has finished its model says."""
    model = {"uri": f"s3://models/atlas/x/run-{run:04d}/final", "run": run, "sha256": "b" * 64}
    return report(run, attempt, "Succeeded", 400, model=model)


def tell(kubectl: Kubectl, name: str, said: Document) -> None:
    """Report as the trainer of a run does."""
    kubectl.patch("configmap", progress_name(name, said["run"]), {"data": {REPORT_KEY: json.dumps(said)}})


def end_pod(kubectl: Kubectl, name: str, run: int, attempt: int, exit_code: int, **annotations: str) -> None:
    """Let the pod of an attempt end; `reason="OOMKilled"` becomes the annotation `test.atlas/reason`, and so on."""
    played = {f"{PREFIX}{key.replace('_', '-')}": value for key, value in annotations.items()}
    pod = f"{job_name(name, run, attempt)}-master-0"
    kubectl.annotate("pod", pod, {f"{PREFIX}exit-code": str(exit_code), **played})


def condition(training: Document | None, kind: str) -> Document:
    """A condition of a training; empty while it has none."""
    conditions = ((training or {}).get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind), {})

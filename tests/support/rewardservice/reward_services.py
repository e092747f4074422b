"""RewardServices for tests of the operator, and what their pods report."""

import json
from typing import Any

from cluster.kubectl import Document, Kubectl

from atlas_operator.objects.names import judges_name

IMAGE = "example.test/rewards:1"


def reward_service(name: str = "judges", **spec: Any) -> Document:
    """A RewardService that a cluster accepts. Keywords replace whole parts of the spec."""
    return {
        "apiVersion": "atlas.arc.computer/v1alpha1",
        "kind": "RewardService",
        "metadata": {"name": name},
        "spec": {
            "judges": [{"name": name, "rubric": name} for name in ("accuracy", "helpfulness")],
            "models": judge_models(),
            "image": IMAGE,
            **spec,
        },
    }


def judge_models(**small: Any) -> Document:
    """The part `models` of a spec. Keywords replace parts of the small model."""
    key = {"secretKeyRef": {"name": "judge-keys", "key": "small"}}
    return {"small": {"model": "small-judge", "baseUrl": "http://vllm:8000/v1", "apiKeyFrom": key, **small}}


def judges_report(revision: str = "0" * 16, **judges: Document) -> Document:
    """What a pod says. Keywords are judges by name: fields that differ from an answering one."""
    answering = {"state": "Answering", "p50Ms": 420, "p99Ms": 840, "errorRate": 0.01}
    return {"revision": revision, "judges": [{"name": name, **answering, **report} for name, report in judges.items()]}


def tell_judges(kubectl: Kubectl, name: str, pod: str, report: Document) -> None:
    """Report as *pod* of the service does."""
    kubectl.patch("configmap", judges_name(name), {"data": {pod: json.dumps(report)}})

"""Builders of the objects that a RewardService consists of. Pure.

A ConfigMap for each configuration, named by its content and never changed, so that pods of the old one keep it until
they are replaced; a ConfigMap for what the pods report, and a ServiceAccount that may patch that one and nothing else;
a Deployment, its Service, and a PodDisruptionBudget where there are several pods.
"""

import hashlib
import json
from pathlib import PurePosixPath
from typing import Any

from atlas_api.names import short_name
from atlas_api.pods import contract
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.drift import marked
from atlas_operator.cluster.labels import GROUP, REWARDS, VERSION
from atlas_operator.objects.metadata import child, reporter_account
from atlas_operator.objects.names import configuration_name, judges_name
from atlas_operator.objects.rewardservice_pod import PORT_NAME, pod_template

CONFIGURATION_KEY = PurePosixPath(contract.REWARD_SERVICE_FILE).name

DEADLINE_SECONDS = 600
"""A roll-out that makes no progress for so long has failed."""

_NOT_READ = {
    *("image", "image_pull_secrets", "replicas", "resources"),
    *("node_selector", "tolerations", "env", "volumes"),
    *("topology_spread_constraints", "runtime_class_name", "labels", "annotations"),
}
"""What the pods do not look at."""


def configuration(spec: RewardServiceSpec) -> Document:
    """The part of *spec* that pods read. What is the default is left out: later versions have more defaults."""
    return spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_NOT_READ)


def configuration_digest(spec: RewardServiceSpec) -> str:
    """16 hex digits over what pods read: another digest needs other pods."""
    return hashlib.sha256(json.dumps(configuration(spec), sort_keys=True).encode()).hexdigest()[:16]


def url(service: Document) -> str:
    """Where the pods are reached inside the cluster."""
    return contract.reward_service_url(service["metadata"]["name"], service["metadata"]["namespace"])


def configuration_map(service: Document, spec: RewardServiceSpec) -> Document:
    """The manifest as the pods read it: secrets are references in it."""
    metadata = service["metadata"]
    manifest = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "RewardService",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "spec": configuration(spec),
    }
    name = configuration_name(metadata["name"], configuration_digest(spec))
    # JSON is YAML, and needs no decision about quotes.
    data = {CONFIGURATION_KEY: json.dumps(manifest, indent=2, ensure_ascii=False)}
    return _child(service, "v1", "ConfigMap", name, immutable=True, data=data)


def judges_map(service: Document) -> Document:
    """The ConfigMap that the pods report to."""
    return _child(service, "v1", "ConfigMap", judges_name(service["metadata"]["name"]))


def reporter(service: Document) -> tuple[Document, ...]:
    """The ServiceAccount by which the pods report, and its rights."""
    name = service["metadata"]["name"]
    return reporter_account(service, contract.rewards_name(name), judges_name(name), {})


def deployment(service: Document, spec: RewardServiceSpec, image: str) -> Document:
    """The pods: a new one is ready before an old one goes."""
    body = {
        "replicas": spec.replicas,
        "revisionHistoryLimit": 0,
        "progressDeadlineSeconds": DEADLINE_SECONDS,
        "selector": {"matchLabels": _selector(service)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": pod_template(service, spec, image, configuration_digest(spec)),
    }
    return marked(_serving(service, "apps/v1", "Deployment", body))


def kubernetes_service(service: Document) -> Document:
    """The Service that `url` is the address of."""
    port = {"name": PORT_NAME, "port": contract.REWARDS_PORT, "targetPort": PORT_NAME, "protocol": "TCP"}
    return marked(_serving(service, "v1", "Service", {"selector": _selector(service), "ports": [port]}))


def budget(service: Document) -> Document:
    """The PodDisruptionBudget: drained nodes take one pod at a time."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": _selector(service)}}
    return marked(_serving(service, "policy/v1", "PodDisruptionBudget", spec))


def _selector(service: Document) -> dict[str, str]:
    """Labels by which the pods are found."""
    return {REWARDS: short_name(service["metadata"]["name"])}


def _serving(service: Document, api: str, kind: str, spec: Document) -> Document:
    return _child(service, api, kind, contract.rewards_name(service["metadata"]["name"]), spec=spec)


def _child(service: Document, api: str, kind: str, name: str, **content: Any) -> Document:
    return child(service, api, kind, name, {}, **content)

"""Builder of the pods of a RewardService, as restricted as training pods. Pure."""

import math
from pathlib import PurePosixPath

from atlas_api.pods import contract
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.secrets import SecretSource
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import CONFIGURATION, REWARDS
from atlas_operator.objects.metadata import own_labels
from atlas_operator.objects.names import configuration_name, judges_name
from atlas_operator.objects.training_pod import (
    CACHE,
    CODE_ALLOWED,
    HEARS_SIGTERM,
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    SCRATCH,
    environment_variable,
    from_secret,
    placement,
    volume_mounts,
    volume_sources,
)
from atlas_operator.status.preconditions import runs_code

CONTAINER = "rewards"
PORT_NAME = "http"

DRAIN_SECONDS = 5
"""How long a pod that goes still takes requests, until every node has heard that it goes."""

_SPARE_SECONDS = 30
"""Seconds for everything but the longest item: the service sends its clients away first, and reports a last time."""

_CONFIGURATION_FOLDER = str(PurePosixPath(contract.REWARD_SERVICE_FILE).parent)
_SCRATCH_FOLDERS = {"tmp": "/tmp", "cache": CACHE}  # noqa: S108
OWN_FOLDERS = {PurePosixPath(folder) for folder in (_CONFIGURATION_FOLDER, *_SCRATCH_FOLDERS.values())}
"""Where nothing of the user's can be mounted."""


def pod_template(service: Document, spec: RewardServiceSpec, image: str, configuration: str) -> Document:
    """The template of all pods that read the ConfigMap of *configuration*."""
    name = service["metadata"]["name"]
    pod = {
        "serviceAccountName": contract.rewards_name(name),
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        **HEARS_SIGTERM,
        "terminationGracePeriodSeconds": DRAIN_SECONDS + math.ceil(spec.timeouts.total_seconds) + _SPARE_SECONDS,
        "securityContext": RESTRICTED_POD,
        "containers": [_container(service, spec, image)],
        "volumes": [
            {"name": "configuration", "configMap": {"name": configuration_name(name, configuration)}},
            *({"name": name, "emptyDir": {}} for name in _SCRATCH_FOLDERS),
            *volume_sources(spec.volumes),
        ],
        **placement(spec, own_labels(service)),
    }
    metadata = {
        "labels": {**spec.labels, **own_labels(service)},
        "annotations": {**spec.annotations, REWARDS: name, CONFIGURATION: configuration},
    }
    return {"metadata": metadata, "spec": pod}


def _container(service: Document, spec: RewardServiceSpec, image: str) -> Document:
    serve = ["--config", contract.REWARD_SERVICE_FILE, "--host", "0.0.0.0", "--port", str(contract.REWARDS_PORT)]  # noqa: S104
    asked = spec.resources.model_dump(mode="json")
    return {
        "name": CONTAINER,
        "image": image,
        "command": ["atlas-rewards", "serve", *serve],
        "ports": [{"name": PORT_NAME, "containerPort": contract.REWARDS_PORT, "protocol": "TCP"}],
        "env": _environment(service, spec),
        "volumeMounts": [
            {"name": "configuration", "mountPath": _CONFIGURATION_FOLDER, "readOnly": True},
            *({"name": name, "mountPath": folder} for name, folder in _SCRATCH_FOLDERS.items()),
            *volume_mounts(spec.volumes),
        ],
        "startupProbe": _probe("/healthz", period=2, failures=90),
        "livenessProbe": _probe("/healthz", period=10, failures=6),
        "readinessProbe": _probe("/readyz", period=5, failures=3),
        # An image need not have a shell, but it has Python.
        "lifecycle": {
            "preStop": {"exec": {"command": ["python", "-c", f"import time; time.sleep({DRAIN_SECONDS})"]}},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        **({"resources": {part: amounts for part, amounts in asked.items() if amounts}} if any(asked.values()) else {}),
    }


def _probe(path: str, period: int, failures: int) -> Document:
    request = {"path": path, "port": PORT_NAME, "scheme": "HTTP"}
    return {"httpGet": request, "periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": 5}


def _environment(service: Document, spec: RewardServiceSpec) -> list[Document]:
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    large = spec.models.large
    variables = [
        *({"name": key, "value": value} for key, value in SCRATCH.items()),
        *map(environment_variable, spec.env),
    ]
    return [
        # The last of a name counts, and only it: an apply knows entries by their names.
        *{each["name"]: each for each in variables}.values(),
        {"name": contract.PROGRESS, "value": f"{namespace}/{judges_name(name)}"},
        {"name": contract.REPORT_AS, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        # A spec that needs it is refused where the operator does not allow it.
        *([CODE_ALLOWED] if runs_code(spec.verifiers) else []),
        *_secret(contract.SMALL_JUDGE_KEY, spec.models.small.api_key_from),
        *_secret(contract.LARGE_JUDGE_KEY, large.api_key_from if large else None),
        *_secret(contract.REWARDS_TOKEN, spec.token_from),
    ]


def _secret(variable: str, source: SecretSource | None) -> list[Document]:
    return [from_secret(variable, source.secret_key_ref)] if source and source.secret_key_ref else []

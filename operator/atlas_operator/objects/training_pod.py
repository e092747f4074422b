"""Builder of training pods: restricted, non-root, read-only but for scratch space. Pure.

Constants and functions without an underscore hold for every pod that the operator makes.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from atlas_api import AtlasTrainingSpec
from atlas_api.pods import contract
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.secrets import CredentialsSource, SecretKeyRef
from atlas_api.training.compute import Compute, EnvVar, Volume
from atlas_api.training.status import AtlasTrainingStatus, RunStatus
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import name_of
from atlas_operator.cluster.labels import ATTEMPT, RUN, TRAINING
from atlas_operator.objects.metadata import own_labels
from atlas_operator.objects.names import progress_name, run_name
from atlas_operator.objects.run import run_file

USER = 65532
CACHE = "/var/cache/atlas"
SCRATCH = {"HOME": "/tmp", "HF_HOME": f"{CACHE}/huggingface", "XDG_CACHE_HOME": CACHE}  # noqa: S108
RESTRICTED_POD = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
HEARS_SIGTERM = {"shareProcessNamespace": True}
"""The first process of a pod ignores SIGTERM until it has a handler: a pod that goes while it starts would stay for the
whole grace period. With this the program is not the first one."""

CODE_ALLOWED = {"name": contract.ALLOW_CODE, "value": "1"}
NO_SIDECARS = {"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled"}
"""A mesh's sidecar would keep a finished pod alive."""


def pod_template(
    training: Document,
    spec: AtlasTrainingSpec,
    image: str,
    run: RunStatus,
    allow_code: bool,
    *,
    container: str,
    peers: Sequence[Document],
    known: AtlasTrainingStatus,
) -> Document:
    """Template of all worker pods of the newest attempt of *run*, of which *known* is reported already.

    The backend says how it wants the trainer's container to be called, and which variables tell workers of each other.
    """
    name, compute = training["metadata"]["name"], spec.compute
    labels = {**own_labels(training), RUN: str(run.number), ATTEMPT: str(run.attempt)}
    scheduling = {
        "affinity": compute.affinity,
        "priorityClassName": compute.priority_class_name,
        "schedulerName": compute.scheduler_name,
    }
    environment = [*_environment(training, spec, run, allow_code), *_known(known), *peers]
    pod = {
        "serviceAccountName": compute.service_account_name or run_name(name, run.number),
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        **HEARS_SIGTERM,
        "terminationGracePeriodSeconds": contract.GRACE_SECONDS,
        "securityContext": RESTRICTED_POD,
        "containers": [_container(spec, image, container, environment)],
        "volumes": _volumes(name_of(run_file(training, spec, run)), spec),
        **placement(compute, labels),
        **{field: value for field, value in scheduling.items() if value},
    }
    metadata = {
        "labels": {**compute.labels, **labels, **NO_SIDECARS},
        "annotations": {**compute.annotations, TRAINING: name, **NO_SIDECARS},
    }
    return {"metadata": metadata, "spec": pod}


def placement(asked: Compute | RewardServiceSpec, peers: dict[str, str]) -> Document:
    """Where and in what pods run, and with which right to their image. What was not asked for is left out.

    *peers* are the labels of the pods among which they are spread.
    """
    spread = [each.model_dump(by_alias=True) for each in asked.topology_spread_constraints]
    fields = {
        "topologySpreadConstraints": [{**each, "labelSelector": {"matchLabels": peers}} for each in spread],
        "runtimeClassName": asked.runtime_class_name,
        "nodeSelector": asked.node_selector,
        "tolerations": [toleration.model_dump(by_alias=True, exclude_none=True) for toleration in asked.tolerations],
        "imagePullSecrets": [{"name": name} for name in dict.fromkeys(each.name for each in asked.image_pull_secrets)],
    }
    return {field: value for field, value in fields.items() if value}


def _container(spec: AtlasTrainingSpec, image: str, name: str, environment: list[Document]) -> Document:
    return {
        "name": name,
        "image": image,
        "command": contract.launch_command(spec.compute),
        "env": environment,
        "resources": _resources(spec.compute),
        "volumeMounts": _mounts(spec),
        "terminationMessagePath": contract.TERMINATION_FILE,
        "securityContext": RESTRICTED_CONTAINER,
    }


def _environment(training: Document, spec: AtlasTrainingSpec, run: RunStatus, allow_code: bool) -> list[Document]:
    namespace, training_name = training["metadata"]["namespace"], training["metadata"]["name"]
    own = [
        {"name": contract.ATTEMPT, "value": str(run.attempt)},
        {"name": contract.PROGRESS, "value": f"{namespace}/{progress_name(training_name, run.number)}"},
        # Also where no verifier of the spec needs it: the file of a `serviceRef` may have one that does.
        *([CODE_ALLOWED] if allow_code else []),
    ]
    return [
        *({"name": name, "value": value} for name, value in SCRATCH.items()),
        *map(environment_variable, spec.compute.env),
        *own,
        *_secrets(spec),
    ]


def _known(status: AtlasTrainingStatus) -> list[Document]:
    """Digests of what earlier attempts of the run have reported: the store may hold something else by now."""
    saved = status.checkpoints
    known = {each.step: each.sha256 for each in (saved.best, saved.previous, saved.latest) if each}
    listed = ",".join(f"{step}:{known[step]}" for step in sorted(known, reverse=True))
    dataset = [{"name": contract.KNOWN_DATASET, "value": status.dataset.digest}] if status.dataset else []
    return [{"name": contract.KNOWN_CHECKPOINTS, "value": listed}, *dataset]


def environment_variable(variable: EnvVar) -> Document:
    """An environment variable of the user's."""
    if variable.secret_key_ref:
        return from_secret(variable.name, variable.secret_key_ref)
    return {"name": variable.name, "value": variable.value}


def _secrets(spec: AtlasTrainingSpec) -> list[Document]:
    """The environment variables that the trainer reads secrets from."""
    postgres, s3, target = spec.traces.postgres, spec.traces.s3, spec.checkpoints.s3
    service = spec.reward.service_ref
    token = service.token_from if service else None
    url = postgres.url_from.secret_key_ref if postgres else None
    return [
        *([from_secret(contract.TRACES_URL, url)] if url else []),
        *_credentials(contract.TRACES_S3, s3.credentials_from if s3 else None),
        *_credentials(contract.CHECKPOINTS_S3, target.credentials_from if target else None),
        *([from_secret(contract.REWARD_TOKEN, token.secret_key_ref)] if token and token.secret_key_ref else []),
    ]


def _credentials(prefix: str, source: CredentialsSource | None) -> list[Document]:
    if source is None or source.secret_ref is None:
        return []
    name = source.secret_ref.name
    variables = [from_secret(prefix + key, SecretKeyRef(name=name, key=key)) for key in contract.AWS_KEYS]
    variables[-1]["valueFrom"]["secretKeyRef"]["optional"] = True  # only temporary credentials have a session token
    return variables


def from_secret(variable: str, source: SecretKeyRef) -> Document:
    """The environment variable that the kubelet fills from a Secret."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": source.name, "key": source.key}}}


def _resources(compute: Compute) -> Document:
    own = {compute.gpu_resource: str(compute.gpus_per_worker)} if compute.gpus_per_worker else {}
    if compute.ephemeral_storage is not None:
        own["ephemeral-storage"] = str(compute.ephemeral_storage)
    return {
        "requests": {**compute.resources.requests, **own},
        "limits": {**compute.resources.limits, **own},
    }


def _mounts(spec: AtlasTrainingSpec) -> list[Document]:
    scratch = {"tmp": "/tmp", "cache": CACHE, "shm": "/dev/shm"}  # noqa: S108
    mounts: list[Document] = [
        {"name": "run", "mountPath": str(PurePosixPath(contract.RUN_FILE).parent), "readOnly": True}
    ]
    mounts += [{"name": name, "mountPath": path} for name, path in scratch.items()]
    mounts += volume_mounts(spec.compute.volumes)
    if spec.checkpoints.volume:
        mounts.append({"name": "checkpoints", "mountPath": contract.CHECKPOINT_MOUNT})
    return mounts


def _volumes(run_file: str, spec: AtlasTrainingSpec) -> list[Document]:
    volumes: list[Document] = [
        {"name": "run", "configMap": {"name": run_file}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "cache", "emptyDir": {}},
        {"name": "shm", "emptyDir": {"medium": "Memory"}},
    ]
    volumes += volume_sources(spec.compute.volumes)
    if claim := spec.checkpoints.volume:
        volumes.append({"name": "checkpoints", "persistentVolumeClaim": {"claimName": claim.claim_name}})
    return volumes


def volume_mounts(volumes: Sequence[Volume]) -> list[Document]:
    """Where a container sees the user's files."""
    return [
        {"name": f"volume-{index}", "mountPath": volume.mount_path, "readOnly": volume.read_only}
        for index, volume in enumerate(volumes)
    ]


def volume_sources(volumes: Sequence[Volume]) -> list[Document]:
    """Where a pod gets them from. Belongs to `volume_mounts`."""
    return [{"name": f"volume-{index}", **_source(volume)} for index, volume in enumerate(volumes)]


def _source(volume: Volume) -> dict[str, Any]:
    if volume.claim:
        return {"persistentVolumeClaim": {"claimName": volume.claim, "readOnly": volume.read_only}}
    if volume.config_map:
        return {"configMap": {"name": volume.config_map}}
    return {"secret": {"secretName": volume.secret}}

"""How the training pods of a run look and where they run. Without a cluster it does not matter.

The parts are those of a pod, and the pods of a RewardService are described by the same ones.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from atlas_api.base import ApiModel, Rule
from atlas_api.names import DNS_SUBDOMAIN
from atlas_api.quantity import Quantity, amount
from atlas_api.secrets import SecretKeyRef
from atlas_api.training.pod_fields import (
    EXTENDED_RESOURCE,
    PodAnnotation,
    PodLabel,
    TopologySpreadConstraint,
    pod_rules,
)

LabelValue = Annotated[str, Field(max_length=63)]


class Resources(ApiModel):
    """What each pod asks for and may use at most, as in a container of a pod."""

    requests: dict[str, Quantity] = Field({}, max_length=16)
    """Amounts that the scheduler sets aside, for example `cpu: 4`, `memory: 32Gi`."""

    limits: dict[str, Quantity] = Field({}, max_length=16)
    """Amounts that a pod never exceeds. `nvidia.com/gpu` is not among them: trainings have `gpusPerWorker`."""

    RULES: ClassVar = (
        Rule(
            "(!has(self.requests) || !('nvidia.com/gpu' in self.requests))"
            " && (!has(self.limits) || !('nvidia.com/gpu' in self.limits))",
            "remove nvidia.com/gpu: trainings ask for GPUs by compute.gpusPerWorker, reward services use none",
        ),
    )


class Toleration(ApiModel):
    """A taint that the pods put up with, as in a pod."""

    key: str | None = Field(None, min_length=1, max_length=316)
    """Key of the taint. Left out with operator `Exists`: every taint."""

    operator: Literal["Exists", "Equal"] = "Equal"
    """How the taint is matched: `Equal` compares its value, `Exists` ignores it. Left out: `Equal`."""

    value: str | None = Field(None, max_length=63)
    """Value of the taint, compared by operator `Equal`. Left out: the empty value."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint. Left out: all effects."""

    toleration_seconds: int | None = Field(None, ge=0, le=2_000_000_000)
    """How long a `NoExecute` taint is put up with, in seconds. Left out: without end."""


class EnvVar(ApiModel):
    """An environment variable of the pods. Set exactly one of `value`, `secretKeyRef`."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=253)
    """Name of the variable. Names that begin with `ATLAS_` are taken."""

    value: str | None = Field(None, max_length=32768)
    """Value of the variable, in plain text."""

    secret_key_ref: SecretKeyRef | None = None
    """Secret that holds the value of the variable."""

    RULES: ClassVar = (
        Rule(
            "[has(self.value), has(self.secretKeyRef)].exists_one(is_set, is_set)",
            "set exactly one of value, secretKeyRef",
        ),
        Rule("!self.name.startsWith('ATLAS_')", "names that begin with ATLAS_ are taken; choose another"),
    )


class Volume(ApiModel):
    """Files that the pods see: models, traces, code, caches. Set exactly one of `claim`, `configMap`, `secret`."""

    claim: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """Name of a PersistentVolumeClaim in the namespace of the pods."""

    config_map: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """Name of a ConfigMap in the namespace of the pods."""

    secret: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """Name of a Secret in the namespace of the pods."""

    mount_path: str = Field(pattern=r"^/", max_length=1024)
    """Absolute path under which the pods see the files."""

    read_only: bool = True
    """Whether the pods may only read the files. Left out: true."""

    RULES: ClassVar = (
        Rule(
            "[has(self.claim), has(self.configMap), has(self.secret)].exists_one(is_set, is_set)",
            "set exactly one of claim, configMap, secret",
        ),
    )


class ImagePullSecret(ApiModel):
    """A Secret that opens a private registry."""

    name: str = Field(pattern=DNS_SUBDOMAIN, max_length=253)
    """Name of the Secret."""


class Compute(ApiModel):
    """How the training pods look and where they run."""

    image: str | None = Field(None, min_length=1, max_length=1024)
    """Image of the trainer. Left out: the one that the operator was started with."""

    image_pull_secrets: tuple[ImagePullSecret, ...] = Field((), max_length=16)
    """Secrets for private registries."""

    workers: int = Field(1, ge=1, le=64)
    """Pods that train together, 1 to 64."""

    gpus_per_worker: int = Field(1, ge=0, le=64)
    """GPUs of each pod; one process each. 0 trains on the CPU, in one process a pod."""

    gpu_resource: str = Field("nvidia.com/gpu", pattern=EXTENDED_RESOURCE, max_length=317)
    """Name by which nodes offer GPUs, for example `amd.com/gpu` or, for a share of one, `nvidia.com/mig-1g.10gb`."""

    resources: Resources = Resources()
    """CPU, memory and other resources of each pod."""

    ephemeral_storage: Quantity | None = None
    """Room on the node's disk that each pod has to itself and never exceeds: models, rows, checkpoints on their way.
    Left out: what the node has, or the namespace's LimitRange says."""

    service_account_name: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """ServiceAccount of the pods, which exists already and to which a cloud has given rights. It gets the right to
    report beside its own. Left out: each run has one that may report and nothing else."""

    labels: dict[str, PodLabel] = Field({}, max_length=32)
    """Labels of the pods, beside the operator's own."""

    annotations: dict[str, PodAnnotation] = Field({}, max_length=32)
    """Annotations of the pods, beside the operator's own."""

    node_selector: dict[str, LabelValue] = Field({}, max_length=64)
    """Labels that a node must have to run the pods. Left out: any node."""

    tolerations: tuple[Toleration, ...] = Field((), max_length=32)
    """Taints that the pods put up with."""

    affinity: dict[str, Any] = {}
    """Affinity of the pods, written as in a pod. Left out: none."""

    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = Field((), max_length=8)
    """How evenly the pods of an attempt lie over zones, racks or nodes. Left out: as the scheduler likes."""

    runtime_class_name: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """RuntimeClass of the pods, for example one with a sandbox. Left out: the node's default."""

    priority_class_name: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """PriorityClass of the pods. Left out: the cluster's default."""

    scheduler_name: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """Scheduler of the pods. Left out: the cluster's default."""

    queue_name: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """Kueue queue that admits the job. Needs Kueue. Left out: no queue."""

    env: tuple[EnvVar, ...] = Field((), max_length=128)
    """Environment variables of the pods."""

    volumes: tuple[Volume, ...] = Field((), max_length=32)
    """Files that the pods see: models, traces, code, caches."""

    RULES: ClassVar = (
        *pod_rules(sidecars=False),
        Rule(
            "!has(self.resources) || (!has(self.resources.requests) || !(self.gpuResource in self.resources.requests))"
            " && (!has(self.resources.limits) || !(self.gpuResource in self.resources.limits))",
            "remove from resources what gpuResource names: gpusPerWorker asks for it",
        ),
        Rule(
            "!has(self.ephemeralStorage) || !has(self.resources)"
            " || (!has(self.resources.requests) || !('ephemeral-storage' in self.resources.requests))"
            " && (!has(self.resources.limits) || !('ephemeral-storage' in self.resources.limits))",
            "ephemeralStorage and resources both say how much ephemeral storage; remove one",
        ),
    )

    @property
    def processes(self) -> int:
        """Training processes, over all workers."""
        return self.workers * max(1, self.gpus_per_worker)

    def normalised(self) -> dict[str, Any]:
        """The wire form, with quantities as plain numbers, so that spelling makes no difference."""
        document = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        resources = document.get("resources", {})
        for part, amounts in resources.items():
            resources[part] = {name: str(amount(given).normalize()) for name, given in amounts.items()}
        if self.ephemeral_storage is not None:
            document["ephemeralStorage"] = str(amount(self.ephemeral_storage).normalize())
        return document

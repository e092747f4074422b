"""RewardService: "these judges and verifiers should be answering at this address"."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from atlas_api.base import ApiModel, Rule
from atlas_api.names import DNS_SUBDOMAIN
from atlas_api.rewardservice.judging import Judging
from atlas_api.rewardservice.status import RewardServiceStatus
from atlas_api.secrets import SecretSource
from atlas_api.training.compute import EnvVar, ImagePullSecret, LabelValue, Resources, Toleration, Volume
from atlas_api.training.pod_fields import PodAnnotation, PodLabel, TopologySpreadConstraint, pod_rules
from atlas_api.training.reward import ANSWER_NEEDS_VERIFIERS, Answer, Verifier
from atlas_api.training.spec import Metadata


class ServiceLimits(ApiModel):
    """What the service takes before it says 429 or 413."""

    items: int = Field(256, ge=1, le=100_000)
    """Largest number of items in one request."""

    body_bytes: int = Field(8_388_608, ge=1024, le=1_073_741_824)
    """Largest body of one request, in bytes."""

    waiting_items: int = Field(2048, ge=1, le=10_000_000)
    """Largest number of items taken and not yet answered, over all requests. Beyond that requests are refused, with
    `Retry-After`."""


class RewardServiceSpec(Judging):
    """Judges, verifiers, and how they are served."""

    verifiers: tuple[Verifier, ...] = Field((), max_length=16)
    """Deterministic checks, beside the judges. Names must be unique, also among the judges."""

    weights: Annotated[dict[str, Annotated[float, Field(gt=0.0, le=1e6)]], Field(max_length=16)] = {}
    """Weight of a verifier in the combined score, by name. Those not named weigh 1."""

    answer: Answer = Answer()
    """Which part of a completion `verifiers` look at. Judges see all of it but its thoughts."""

    token_from: SecretSource | None = None
    """Reference to the bearer token that callers must send. Left out: everybody may call."""

    limits: ServiceLimits = ServiceLimits()
    """What the service takes before it says 429 or 413."""

    image: str | None = Field(None, min_length=1, max_length=1024)
    """Image of the service. Left out: the one that the operator was started with."""

    image_pull_secrets: tuple[ImagePullSecret, ...] = Field((), max_length=16)
    """Secrets for private registries."""

    replicas: int = Field(1, ge=1, le=100)
    """Pods that answer requests, 1 to 100."""

    resources: Resources = Resources()
    """CPU and memory of each pod."""

    node_selector: dict[str, LabelValue] = Field({}, max_length=64)
    """Labels that a node must have to run the pods. Left out: any node."""

    tolerations: tuple[Toleration, ...] = Field((), max_length=32)
    """Taints that the pods put up with."""

    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = Field((), max_length=8)
    """How evenly the pods lie over zones, racks or nodes. Left out: as the scheduler likes."""

    runtime_class_name: str | None = Field(None, pattern=DNS_SUBDOMAIN, max_length=253)
    """RuntimeClass of the pods, for example one with a sandbox. Left out: the node's default."""

    labels: dict[str, PodLabel] = Field({}, max_length=32)
    """Labels of the pods, beside the operator's own."""

    annotations: dict[str, PodAnnotation] = Field({}, max_length=32)
    """Annotations of the pods, beside the operator's own."""

    env: tuple[EnvVar, ...] = Field((), max_length=128)
    """Environment variables of the pods: a proxy, the `PYTHONPATH` of your own verifiers."""

    volumes: tuple[Volume, ...] = Field((), max_length=32)
    """Files that the pods see: certificates, the code of your own verifiers."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *Judging.RULES,
        Rule(
            "!has(self.verifiers) || self.verifiers.all(a, self.verifiers.exists_one(b, b.name == a.name))",
            "two verifiers have the same name; rename one",
        ),
        Rule(
            "!has(self.verifiers) || self.verifiers.all(v, !self.judges.exists(j, j.name == v.name))",
            "a verifier and a judge have the same name; rename one",
        ),
        Rule(
            "!has(self.weights) || self.weights.all(name, has(self.verifiers)"
            " && self.verifiers.exists(v, v.name == name))",
            "weights names a verifier that is not in verifiers",
        ),
        *pod_rules(sidecars=True),
        Rule(ANSWER_NEEDS_VERIFIERS, "answer is for verifiers, and there are none; add verifiers or remove answer"),
    )


class RewardService(ApiModel):
    """Judges and verifiers that answer at an address."""

    api_version: Literal["atlas.arc.computer/v1alpha1"]
    """Version of the API, `atlas.arc.computer/v1alpha1`."""

    kind: Literal["RewardService"]
    """Kind of the object, `RewardService`."""

    metadata: Metadata
    """Name and namespace of the object."""

    spec: RewardServiceSpec
    """Judges, verifiers, and how they are served."""

    status: RewardServiceStatus | None = None
    """What is known about the service. Written by atlas-core only."""

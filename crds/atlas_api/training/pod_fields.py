"""Labels, annotations and spread of pods, as users give them: those of trainings and those of reward services."""

from typing import Annotated, Literal

from pydantic import Field

from atlas_api.base import ApiModel, Rule

QUALIFIED_NAME = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
"""A key of labels and annotations: a name, after the domain of whoever defines it."""

EXTENDED_RESOURCE = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
"""A resource that a device plugin offers: its name always has a domain."""

LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
PodLabel = Annotated[str, Field(max_length=63, pattern=LABEL_VALUE)]
PodAnnotation = Annotated[str, Field(max_length=4096)]

_OURS = "atlas[.]arc[.]computer/|training[.]kubeflow[.]org/"
_KUBERNETES = "([-a-z0-9.]+[.])?(kubernetes|k8s)[.]io/"
_OF_USERS = "(app|cluster-autoscaler)[.]kubernetes[.]io/"
_MESHES = ("sidecar.istio.io/inject", "linkerd.io/inject")


class TopologySpreadConstraint(ApiModel):
    """How evenly the pods of an attempt, or of a service, lie over zones, racks or nodes."""

    topology_key: str = Field(pattern=QUALIFIED_NAME, max_length=317)
    """Label of nodes, for example `topology.kubernetes.io/zone`: nodes with the same value are one place."""

    max_skew: int = Field(1, ge=1, le=1000)
    """Pods that one place may have more than another. Left out: 1."""

    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = "DoNotSchedule"
    """What to do where that cannot be had: `DoNotSchedule` waits, `ScheduleAnyway` only prefers it."""


def pod_rules(sidecars: bool) -> tuple[Rule, ...]:
    """Rules of what has `labels`, `annotations` and `topologySpreadConstraints`; without *sidecars* no mesh is let in.

    Of Kubernetes' own keys only those are for users that say what runs there or how autoscalers treat it.
    """
    return (
        *(_key_rule(field, sidecars) for field in ("labels", "annotations")),
        Rule(
            "!has(self.topologySpreadConstraints) || self.topologySpreadConstraints.all(a,"
            " self.topologySpreadConstraints.exists_one(b, b.topologyKey == a.topologyKey))",
            "two topologySpreadConstraints have the same topologyKey; remove one",
        ),
    )


def _key_rule(field: str, sidecars: bool) -> Rule:
    taken = ("app.kubernetes.io/managed-by", *(() if sidecars else _MESHES))
    names = ", ".join(f"'{name}'" for name in taken)
    writers = (
        "the operator or Kubernetes itself writes" if sidecars else "the operator, a mesh or Kubernetes itself writes"
    )
    return Rule(
        f"!has(self.{field}) || self.{field}.all(key, key.matches('{QUALIFIED_NAME}') && !(key in [{names}])"
        f" && (!key.matches('^({_OURS}|{_KUBERNETES})') || key.matches('^{_OF_USERS}')))",
        f"a key of {field} is malformed, or one that {writers}; choose another",
    )

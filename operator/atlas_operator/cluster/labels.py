"""Labels and annotations by which objects of the operator are found again, and the API group of its kinds."""

from atlas_api.names import short_name
from atlas_operator.cluster.document import Document, Key, Kind

GROUP = "atlas.arc.computer"
VERSION = "v1alpha1"
PLURAL = "atlastrainings"
REWARDS_PLURAL = "rewardservices"
FIELD_MANAGER = "atlas-operator"

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED = f"{MANAGED_BY}={FIELD_MANAGER}"
"""Label selector of all children of all kinds."""

TRAINING = f"{GROUP}/training"
"""Label and annotation of every child of an AtlasTraining."""

REWARDS = f"{GROUP}/rewards"
"""Label and annotation of every child of a RewardService."""

PARENTS: dict[Kind, str] = {"AtlasTraining": TRAINING, "RewardService": REWARDS}
"""Label and annotation of children by the kind of their parent: the first has its short name, the second its name."""

CONFIGURATION = f"{GROUP}/configuration"
"""Annotation of a reward service's pods: which ConfigMap they read."""

RUN = f"{GROUP}/run"
ATTEMPT = f"{GROUP}/attempt"
PLACEMENT = f"{GROUP}/placement-hash"


_DIGITS = 9
"""Digits of the longest number: people and programs of others may write any label."""


def number_of(child: Document, label: str) -> int:
    """The number in a label of ours, 0 when there is none."""
    text = child["metadata"].get("labels", {}).get(label, "0")
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else 0


def selector(parent: Key) -> str:
    """Label selector of all children of *parent*."""
    return f"{PARENTS[parent.kind]}={short_name(parent.name)}"

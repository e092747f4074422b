"""How objects of the operator are named and found again. Deterministic: making one twice is harmless."""

from atlas_api.names import short_name

GROUP = "atlas.arc.computer"
VERSION = "v1alpha1"
PLURAL = "atlastrainings"
REWARDS_PLURAL = "rewardservices"
FIELD_MANAGER = "atlas-operator"

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED = f"{MANAGED_BY}={FIELD_MANAGER}"
"""Label selector of all children of all kinds."""

TRAINING = f"{GROUP}/training"
"""Label and annotation of every child. The label holds the short name, the annotation the whole one."""

REWARDS = f"{GROUP}/rewards"
"""The same for children of a RewardService."""

CONFIGURATION = f"{GROUP}/configuration"
"""Annotation of a reward service's pods: which ConfigMap they read."""

RUN = f"{GROUP}/run"
ATTEMPT = f"{GROUP}/attempt"
PLACEMENT = f"{GROUP}/placement-hash"


def run_name(training: str, run: int) -> str:
    """Name of the run's ConfigMap, ServiceAccount, Role and RoleBinding, and the start of its jobs' names."""
    return f"{short_name(training)}-{run}"


def progress_name(training: str, run: int) -> str:
    """Name of the ConfigMap that the run reports to."""
    return f"{run_name(training, run)}-progress"


def job_name(training: str, run: int, attempt: int) -> str:
    """Name of an attempt's PyTorchJob: at most 50 characters, since pods and services add to it."""
    return f"{run_name(training, run)}-{attempt}"


def configuration_name(service: str, digest: str) -> str:
    """Name of the ConfigMap that holds a configuration of a RewardService."""
    return f"{short_name(service)}-{digest}"


def judges_name(service: str) -> str:
    """Name of the ConfigMap that the pods of a RewardService report to."""
    return f"{short_name(service)}-judges"


def selector(training: str) -> str:
    """Label selector of all children of a training."""
    return f"{TRAINING}={short_name(training)}"


def rewards_selector(service: str) -> str:
    """Label selector of all children of a RewardService."""
    return f"{REWARDS}={short_name(service)}"

"""Names of the objects that the operator makes. Deterministic: making one twice is harmless."""

from atlas_api.names import short_name


def run_name(training: str, run: int) -> str:
    """Name of the run's account, its Role and RoleBinding, and its NetworkPolicy; the start of its other names."""
    return f"{short_name(training)}-{run}"


def run_file_name(training: str, run: int, digest: str) -> str:
    """Name of the ConfigMap with the run.json whose content has *digest*."""
    return f"{run_name(training, run)}-{digest}"


def progress_name(training: str, run: int) -> str:
    """Name of the ConfigMap that the run reports to."""
    return f"{run_name(training, run)}-progress"


def job_name(training: str, run: int, attempt: int) -> str:
    """Name of an attempt's job: at most 50 characters, since pods and services add to it."""
    return f"{run_name(training, run)}-{attempt}"


def join_secret_name(job: str) -> str:
    """Name of the Secret by which the processes of the *job* know each other."""
    return f"{job}-join"


def configuration_name(service: str, digest: str) -> str:
    """Name of the ConfigMap that holds a configuration of a RewardService."""
    return f"{short_name(service)}-{digest}"


def judges_name(service: str) -> str:
    """Name of the ConfigMap that the pods of a RewardService report to."""
    return f"{short_name(service)}-judges"

"""What the command line decides: one frozen value that is passed down. It reads nothing itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one operator process."""

    trainer_image: str | None = None
    """Image of training pods where the training names none."""

    namespaces: tuple[str, ...] = ()
    """Namespaces that are served; empty: all."""

    workers: int = 8
    """Objects that are reconciled at the same time."""

    health_port: int = 8081
    """Port of the probes and the metrics; 0 takes a free one."""

    log_format: str = "json"
    """`json` or `plain`."""

    lease: str | None = None
    """`NAMESPACE/NAME` of the Lease that lets one of several replicas work; None: this is the only one."""

    rewards_image: str | None = None
    """Image of reward services where the service names none."""

    allow_code: bool = False
    """Whether pods may run completions as code, in a sandbox, where a verifier asks for it."""

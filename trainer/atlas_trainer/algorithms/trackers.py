"""
Trackers that get the numbers of a run besides its own logs, when `trainerArgs.report_to` names them.

None is a dependency, and none is asked for anything before training begins.
"""

import netrc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from atlas_api import InvalidManifest
from atlas_api.errors import AccessDenied, SourceUnreachable
from atlas_api.text import one_line

FIELD = "spec.trainerArgs.report_to"

_PACKAGES: Mapping[str, str] = {"wandb": "wandb", "mlflow": "mlflow"}
"""Tracker -> package that brings it."""

_WRITTEN_ANYWAY = {"tensorboard", "none"}
"""TensorBoard files lie in the folder of each run."""

_WANDB_ADDRESS = "https://api.wandb.ai"
_SHOWN = 240
_WITHOUT_KEY = {"offline", "disabled", "dryrun"}


def trackers_of(trainer_args: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Names for TRL's `report_to`; none when nothing is asked for.

    Raises `InvalidManifest` for a tracker that is not known, not installed, or has no key in *environment*.
    """
    asked = trainer_args.get("report_to") or []
    names = [asked] if isinstance(asked, str) else asked
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidManifest([f"{FIELD}: must be a name or a list of names: {_known()}"])
    problems = [problem for name in names if (problem := _problem(name, environment))]
    if problems:
        raise InvalidManifest(problems)
    return [name for name in dict.fromkeys(names) if name in _PACKAGES]


@contextmanager
def tracker_errors() -> Iterator[None]:
    """Translate errors of trackers in the block: `AccessDenied` for a wrong key, else `SourceUnreachable`."""
    try:
        yield
    except Exception as error:
        names = [each.__name__ for each in type(error).__mro__]
        if type(error).__module__.partition(".")[0] not in _PACKAGES.values():
            raise
        denied = any("Auth" in name or "Permission" in name for name in names)
        kind, cure = (AccessDenied, "correct its key") if denied else (SourceUnreachable, "start again once it answers")
        raise kind(f"{FIELD}: {one_line(str(error), _SHOWN)}; {cure}, or remove it from trainerArgs") from error


def _problem(name: str, environment: Mapping[str, str]) -> str | None:
    if name in _WRITTEN_ANYWAY:
        return None
    if name not in _PACKAGES:
        return f"{FIELD}: {name!r} is none of {_known()}"
    if find_spec(_PACKAGES[name]) is None:
        return f"{FIELD}: {name} is not installed here: pip install {_PACKAGES[name]} (in pods: in their image)"
    if name == "wandb" and not _has_wandb_key(environment):
        return (
            f"{FIELD}: wandb has no key: set WANDB_API_KEY (in pods with compute.env and a secretKeyRef), or "
            "WANDB_MODE=offline to write files alone"
        )
    return None


def _has_wandb_key(environment: Mapping[str, str]) -> bool:
    if environment.get("WANDB_API_KEY") or environment.get("WANDB_MODE") in _WITHOUT_KEY:
        return True
    host = urlsplit(environment.get("WANDB_BASE_URL") or _WANDB_ADDRESS).hostname or ""
    try:  # `wandb login` writes it there
        return netrc.netrc(environment.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _known() -> str:
    return ", ".join([*_PACKAGES, *sorted(_WRITTEN_ANYWAY)])

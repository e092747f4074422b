"""A fake of the package of Weights & Biases: writes what it is told to the file that FAKE_WANDB names.

The real one reports to a service on the internet. This has what transformers' callback uses.
"""

import json
import os
from typing import Any

run: "Run | None" = None


class CommError(Exception):
    """Error for a service that does not answer."""


class AuthenticationError(CommError):
    """Error for a wrong key."""


class Run:
    """The run that `init` starts."""

    url = "https://wandb.example.org/desk/1"

    def __init__(self) -> None:
        """Begin without numbers."""
        self.summary: dict[str, Any] = {}

    def _label(self, **_: Any) -> None:
        """Take a label."""


class Config(dict[str, Any]):
    """Settings of the run."""

    def update(self, *args: Any, allow_val_change: bool = False, **values: Any) -> None:
        """Take settings."""
        del allow_val_change
        super().update(*args, **values)
        _write({"config": {name: str(value) for name, value in self.items()}})


config = Config()


def init(project: str, **arguments: Any) -> None:
    """Start a run. The real one asks its service here whether the key is right."""
    if os.environ.get("WANDB_API_KEY") == "wrong":
        raise AuthenticationError("The API key you provided is either invalid or missing")
    if os.environ.get("WANDB_API_KEY") == "nobody listens":
        raise CommError("Run initialization has timed out after 90.0 sec")
    global run  # noqa: PLW0603 - the package has it so
    run = Run()
    _write({"init": {"project": project, **arguments}, "key": bool(os.environ.get("WANDB_API_KEY"))})


def define_metric(name: str, **_: Any) -> None:
    """Take the name of a metric."""


def log(numbers: dict[str, Any]) -> None:
    """Take numbers."""
    _write({"log": numbers})


def finish() -> None:
    """End the run."""
    _write({"finish": True})


def _write(event: dict[str, Any]) -> None:
    with open(os.environ["FAKE_WANDB"], "a") as file:  # noqa: PTH123
        file.write(json.dumps(event) + "\n")

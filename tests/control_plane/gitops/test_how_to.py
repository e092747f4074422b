"""The commands of docs/how-to/gitops.md, run in order while a training lives through what they wait for."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster.kubectl import Kubectl
from support.training.cluster_trainings import cluster_training, end_pod, finished_report, report, tell

pytestmark = pytest.mark.cluster

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "gitops.md"
NAME = "refunds"


def commands() -> list[list[str]]:
    block = PAGE.read_text().split("```console\n")[1].split("```")[0]
    return [shlex.split(line.removeprefix("$ kubectl ")) for line in block.splitlines()]


def finish_the_run(kubectl: Kubectl) -> None:
    tell(kubectl, NAME, finished_report(1, 1))
    end_pod(kubectl, NAME, 1, 1, 0)


BEFORE: dict[str, Callable[[Kubectl], object]] = {
    "checkpoints.latest": lambda kubectl: tell(kubectl, NAME, report(1, 1)),
    "run.finishedAt": finish_the_run,
}
"""What happens in the world before the command that waits for it."""


def test_every_command_of_the_page_ends_well(watched: Kubectl) -> None:
    listed = commands()
    assert len(listed) > 10
    watched.create(cluster_training(NAME))
    watched.wait_for("atlastraining", NAME, lambda one: one is not None and "conditions" in one["status"])
    for command in listed:
        for words, happen in BEFORE.items():
            if any(words in word for word in command):
                happen(watched)
        shortened = [re.sub(r"^--timeout=.*", "--timeout=300s", word) for word in command]
        watched.run(*shortened)

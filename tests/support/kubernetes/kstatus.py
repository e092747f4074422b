"""What kstatus, the library in Flux, Helm 4 and kpt, says of objects: asks the real one, many objects at a time."""

import json
import subprocess
from collections.abc import Iterable
from typing import Any, NamedTuple

from cluster.programs.binaries import path

Document = dict[str, Any]


class ObjectStatus(NamedTuple):
    """InProgress, Current, Failed, Terminating or Unknown, and why."""

    status: str
    message: str


def verdicts(objects: Iterable[Document]) -> list[ObjectStatus]:
    """One verdict an object, in the same order."""
    lines = "".join(json.dumps(each) + "\n" for each in objects)
    done = subprocess.run([path("kstatus")], input=lines, capture_output=True, text=True, check=True)
    return [ObjectStatus(**json.loads(line)) for line in done.stdout.splitlines()]


def verdict(document: Document) -> ObjectStatus:
    """The verdict on one object."""
    return verdicts([document])[0]

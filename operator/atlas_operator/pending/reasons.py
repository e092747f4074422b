"""Pending reasons: why something does not run yet, by who has to do something about it. Pure."""

from dataclasses import dataclass
from enum import IntEnum

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import mapping, string

PODS_ASKED_ABOUT = 8
"""Number of pods of an object whose events are read: the others have the same troubles."""


class Severity(IntEnum):
    """Order of telling: mistakes that somebody must mend, then what waits for room, then what takes its time."""

    MISTAKE = 0
    NO_ROOM = 1
    HELD = 2
    PASSING = 3


@dataclass(frozen=True, slots=True)
class PendingCause:
    """One cause why a pod, or a whole job, does not run: of several, the one that is told first counts."""

    severity: Severity
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PendingReason:
    """Why an object does not run, as its condition tells it: a CamelCase word, and a line with object and cure."""

    reason: str
    message: str
    is_mistake: bool = False
    """Whether somebody must mend it: waiting alone does not help."""


def is_about(event: Document, subject: Document) -> bool:
    """Whether *event* is about *subject*: by kind and name, and by UID where both know one, since names come again."""
    involved, metadata = mapping(event, "involvedObject"), mapping(subject, "metadata")
    kind = string(subject, "kind")
    same = string(involved, "name") == string(metadata, "name") and (not kind or string(involved, "kind") == kind)
    uids = {string(involved, "uid"), string(metadata, "uid")} - {""}
    return same and len(uids) <= 1

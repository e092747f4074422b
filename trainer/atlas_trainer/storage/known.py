"""
What a cluster knows of a run before an attempt starts: digests that the operator hands to its pods.

Whoever may write the store could replace a checkpoint with its manifest, or rows with their digest, but not what was
reported.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from atlas_api import InvalidManifest
from atlas_api.pods.contract import KNOWN_CHECKPOINTS, KNOWN_DATASET

_CHECKPOINT = re.compile(r"([0-9]{1,12}):([0-9a-f]{64})")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a run; nothing without a cluster."""

    checkpoints: Mapping[int, str] | None = None
    """SHA-256 of the manifests of checkpoints that were reported, by step. None: nobody knows."""

    dataset: str | None = None
    """Digest of the dataset that was reported."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """What the variables of a pod say. Raises `InvalidManifest` for those that no operator sets."""
        listed, dataset = environment.get(KNOWN_CHECKPOINTS), environment.get(KNOWN_DATASET) or None
        if dataset is not None and not _DIGEST.fullmatch(dataset):
            raise InvalidManifest([f"{KNOWN_DATASET} must be a SHA-256, 64 hex digits"])
        return cls(None if listed is None else _checkpoints(listed), dataset)


def _checkpoints(listed: str) -> dict[int, str]:
    found = [_CHECKPOINT.fullmatch(each) for each in listed.split(",") if each]
    known = {int(each[1]): each[2] for each in found if each}
    if None in found:
        raise InvalidManifest([f"{KNOWN_CHECKPOINTS} must be STEP:SHA256 of each checkpoint, separated by commas"])
    return known

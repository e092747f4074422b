"""Manifests of an AtlasTraining that differ from a good one in few places; each is named by a sentence."""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

Document = dict[str, Any]

REMOVED = object()
"""Instead of a value: the field is taken out."""


class Case(NamedTuple):
    """A manifest: the good one with `changes`, values by path (`spec.reward.verifiers.0.name`)."""

    sentence: str
    changes: dict[str, Any]


def manifest() -> Document:
    """A good manifest that says nothing that has a default."""
    return {
        "apiVersion": "atlas.arc.computer/v1alpha1",
        "kind": "AtlasTraining",
        "metadata": {"name": "demo"},
        "spec": {
            "model": {"source": "Qwen/Qwen2.5-1.5B-Instruct"},
            "traces": {"postgres": {"urlFrom": {"secretKeyRef": {"name": "traces", "key": "url"}}}},
            "grpo": {},
            "reward": {"verifiers": [{"name": "answer", "numeric": {}}]},
            "checkpoints": {"s3": {"uri": "s3://models/demo"}},
        },
    }


def changed(document: Document, changes: Mapping[str, Any]) -> Document:
    """A copy of *document* with values put in by path, or taken out. Mappings on the way are made."""
    new = copy.deepcopy(document)
    for path, value in changes.items():
        node: Any = new
        parts: list[Any] = [int(part) if part.isdigit() else part for part in path.split(".")]
        *way, last = parts
        for part in way:
            node = node[part] if isinstance(node, list) else node.setdefault(part, {})
        if value is REMOVED:
            del node[last]
        else:
            node[last] = value
    return new


def numbered_verifiers(count: int) -> list[Document]:
    """*count* verifiers with names of their own."""
    return [{"name": f"v{number}", "numeric": {}} for number in range(count)]


def only(part: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """Changes that replace all of `spec.PART`."""
    return {f"spec.{part}": dict(source)}

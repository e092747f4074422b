"""Whether an object is as it should be. Pure; used for children that change, which are applied only when they differ.

A digest in an annotation tells that something else is wanted now, also when fields were taken out. What somebody else
changed is seen by comparing; fields that nobody asked for are the API server's and other people's.
"""

import hashlib
import json
from typing import Any

from atlas_api.quantity import amount
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import string
from atlas_operator.cluster.labels import GROUP

APPLIED = f"{GROUP}/applied"

_AMOUNTS = ("requests", "limits")


def marked(desired: Document) -> Document:
    """*desired* with its own digest in an annotation."""
    digest = hashlib.sha256(json.dumps(desired, sort_keys=True).encode()).hexdigest()[:16]
    metadata = desired["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED: digest}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def differs(desired: Document, live: Document) -> bool:
    """Whether applying *desired*, which `marked` made, would change *live*."""
    return not _holds(live, desired)


def is_applied(desired: Document, live: Document) -> bool:
    """Whether *live* is what became of *desired*, which `marked` made: admission may change what is applied."""
    return bool(string(live, "metadata", "annotations", APPLIED) == desired["metadata"]["annotations"][APPLIED])


def is_outdated(desired: Document, live: Document) -> bool:
    """Whether *desired* is `marked`, and *live* came of something else."""
    return APPLIED in desired["metadata"].get("annotations", {}) and not is_applied(desired, live)


def _holds(live: Any, desired: Any) -> bool:
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(_field_holds(name, live.get(name), desired[name]) for name in desired)
    if isinstance(desired, list):
        return isinstance(live, list) and _list_holds(live, desired)
    # The API server leaves out empty texts and what is false.
    return bool(live == desired) or (live is None and (desired is False or desired == ""))


def _field_holds(name: str, live: Any, desired: Any) -> bool:
    if name not in _AMOUNTS:
        return _holds(live, desired)
    # The API server writes amounts in its own way: 0.5 becomes 500m.
    return isinstance(live, dict) and all(
        kind in live and amount(live[kind]) == amount(desired[kind]) for kind in desired
    )


def _list_holds(live: list[Any], desired: list[Any]) -> bool:
    """Entries with a name are matched by it: other people may add some."""
    if desired and all(isinstance(each, dict) and "name" in each for each in desired):
        named = {each.get("name"): each for each in live if isinstance(each, dict)}
        return all(_holds(named.get(each["name"]), each) for each in desired)
    return len(live) == len(desired) and all(map(_holds, live, desired))

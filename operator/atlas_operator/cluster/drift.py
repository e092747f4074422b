"""Whether an object is as it should be. Pure; used for children that change, which are applied only when they differ.

A digest in an annotation tells that something else is wanted now, also when fields were taken out. What somebody else
changed is found by comparing; fields that nobody asked for are the API server's and other people's.
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


def marked(wanted: Document) -> Document:
    """*wanted* with its own digest in an annotation."""
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]
    metadata = wanted["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED: digest}
    return {**wanted, "metadata": {**metadata, "annotations": annotations}}


def differs(wanted: Document, found: Document) -> bool:
    """Whether applying *wanted*, which `marked` made, would change *found*."""
    return not _holds(found, wanted)


def is_applied(wanted: Document, found: Document) -> bool:
    """Whether *found* is what became of *wanted*, which `marked` made: admission may change what is applied."""
    return bool(string(found, "metadata", "annotations", APPLIED) == wanted["metadata"]["annotations"][APPLIED])


def _holds(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_field_holds(name, found.get(name), wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and _list_holds(found, wanted)
    # The API server leaves out empty texts and what is false.
    return bool(found == wanted) or (found is None and (wanted is False or wanted == ""))


def _field_holds(name: str, found: Any, wanted: Any) -> bool:
    if name not in _AMOUNTS:
        return _holds(found, wanted)
    # The API server writes amounts in its own way: 0.5 becomes 500m.
    return isinstance(found, dict) and all(
        kind in found and amount(found[kind]) == amount(wanted[kind]) for kind in wanted
    )


def _list_holds(found: list[Any], wanted: list[Any]) -> bool:
    """Entries with a name are found by it: other people may add some."""
    if wanted and all(isinstance(each, dict) and "name" in each for each in wanted):
        named = {each.get("name"): each for each in found if isinstance(each, dict)}
        return all(_holds(named.get(each["name"]), each) for each in wanted)
    return len(found) == len(wanted) and all(map(_holds, found, wanted))

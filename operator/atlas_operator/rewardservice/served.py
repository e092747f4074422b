"""
The RewardService that a training needs: whether it may be used now. Pure.

A training that names none, or one by address or file, waits for nothing.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from atlas_api import AtlasTrainingSpec
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, integer, mapping, string


@dataclass(frozen=True, slots=True)
class Served:
    """A RewardService that is Ready."""

    name: str
    url: str
    revision: str


def needed_service(spec: AtlasTrainingSpec, services: Iterable[Document]) -> Served | str | None:
    """The service that *spec* names, among the RewardServices of its namespace; None when it names none.

    Text when it cannot be used yet: what is waited for, to be read after "waiting for".
    """
    named = spec.reward.service_ref
    if named is None or named.name is None:
        return None
    service = next((each for each in services if each["metadata"]["name"] == named.name), None)
    if service is None:
        return f"RewardService {named.name}, which does not exist in this namespace; create it"
    return served(service)


def served(service: Document) -> Served | str:
    """Where *service* answers and with which revision; text, as above, while it is not Ready."""
    name = service["metadata"]["name"]
    if "deletionTimestamp" in service["metadata"]:
        return f"RewardService {name}, which is being deleted; create it again"
    if integer(service, "status", "observedGeneration") != service["metadata"].get("generation", 1):
        return f"RewardService {name}, whose newest spec the operator has not seen yet"
    ready = condition(service, "Ready")
    url, revision = string(service, "status", "url"), string(service, "status", "revision")
    if string(ready, "status") == "True" and url and revision:
        return Served(name, url, revision)
    return f"RewardService {name}: {string(ready, 'message') or 'it is not ready'}"


def names_service(training: Document, config_maps: Iterable[Document]) -> bool:
    """Whether the training, or a run of it that goes on with an older recipe, may name a RewardService."""
    recipes = (string(data, key) for each in config_maps for data in [mapping(each, "data")] for key in data)
    return '"serviceRef"' in json.dumps(training.get("spec", {})) or any('"serviceRef"' in each for each in recipes)

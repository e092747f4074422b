"""Schemas that the API server has for our kinds, compared with those of this version: the CRDs may be older or newer.

They are read from the OpenAPI documents, which every account may read. What the server lacks is not written: it would
refuse the whole status.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from atlas_api.crd import RESOURCES, definition
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.kinds import KINDS
from atlas_operator.cluster.rest.api import Api, ApiError

_NAMED = 3

Schema = Mapping[str, Any]


class ServedSchemas:
    """The schemas of our kinds as they were served last; nothing is known of them before `refresh`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._served: dict[str, Schema] = {}
        self.missing: dict[str, tuple[str, ...]] = {}
        """Fields of this version that the server lacks, by kind; only kinds with some."""

        self.unknown: dict[str, tuple[str, ...]] = {}
        """Fields of the server that this version does not know, by kind; only kinds with some."""

    async def refresh(self) -> None:
        """Read them anew. Where the server gives none they stay unknown. Raises what `Api.request` does."""
        try:
            documents = {
                version: await self._api.request("get", f"/openapi/v3/apis/{version}")
                for version in {KINDS[kind][0] for kind in OWN}
            }
        except ApiError as error:
            if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
                raise
            documents = {}
        self._served = {kind: schema for document in documents.values() for kind, schema in _schemas_in(document)}
        self.missing = self._compared(lambda served, own: undeclared(own, served))
        self.unknown = self._compared(undeclared)

    def declared(self, kind: str, status: Document) -> Document:
        """*status* without fields that the served schema of *kind* does not have."""
        served = self._served.get(kind)
        return _declared(status, _property(served, "status")) if served else status

    def problem(self) -> str:
        """What an administrator has to do where the server lacks fields, in one sentence; empty where it has all."""
        for kind, fields in self.missing.items():
            more = f" and {len(fields) - _NAMED} more" if len(fields) > _NAMED else ""
            lacks = f"{', '.join(fields[:_NAMED])}{more}"
            return f"the CRD of {kind}s is older than this operator: it lacks {lacks}; apply crds/*.yaml"
        return ""

    def _compared(self, compare: Any) -> dict[str, tuple[str, ...]]:
        found = {kind: tuple(compare(served, OWN[kind])) for kind, served in self._served.items()}
        return {kind: fields for kind, fields in found.items() if fields}


def undeclared(one: Schema, other: Schema, path: str = "") -> Iterator[str]:
    """Paths of the properties of schema *one* that *other* does not have, `spec.compute.image`, each list once."""
    known = other.get("properties", {})
    for name, inner in one.get("properties", {}).items():
        here = f"{path}{name}"
        if name not in known and not path and name in ("apiVersion", "kind", "metadata"):
            continue
        if name in known:
            yield from undeclared(inner, known[name], f"{here}.")
        else:
            yield here
    for nested in ("items", "additionalProperties"):
        if isinstance(one.get(nested), dict) and isinstance(other.get(nested), dict):
            yield from undeclared(one[nested], other[nested], path)


def _declared(value: Any, schema: Schema) -> Any:
    """*value* without fields that *schema* does not declare; free-form values stay as they are."""
    if isinstance(value, list) and "items" in schema:
        return [_declared(each, schema["items"]) for each in value]
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return value
    if isinstance(more := schema.get("additionalProperties"), dict):
        return {name: _declared(each, more) for name, each in value.items()}
    known = schema.get("properties", {})
    return {name: _declared(each, known[name]) for name, each in value.items() if name in known}


def _property(schema: Schema, name: str) -> Schema:
    found: Schema = schema.get("properties", {}).get(name, {})
    return found


def _schemas_in(document: Document) -> Iterator[tuple[str, Schema]]:
    for schema in document.get("components", {}).get("schemas", {}).values():
        for group in schema.get("x-kubernetes-group-version-kind", []):
            version = f"{group.get('group')}/{group.get('version')}"
            if (kind := group.get("kind")) in OWN and KINDS[kind][0] == version:
                yield kind, schema


OWN: Mapping[str, Schema] = {
    resource.kind: definition(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for resource in RESOURCES
}
"""Schemas of this version by kind."""

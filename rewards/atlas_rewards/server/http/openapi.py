"""The OpenAPI description, made from the types of `atlas_api.scoring`."""

from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from atlas_api.scoring import ErrorResponse, JudgesAnswer, ScoreRequest, ScoreResponse

_ERRORS = {
    "400": "The body is not a valid request",
    "401": "The token is missing or wrong",
    "408": "The body came too slowly",
    "413": "The body or the batch is too large",
    "429": "Too many items wait; `Retry-After` says when to try again",
    "503": "The process shuts down; `Retry-After` says when to try again",
}


def openapi(has_token: bool) -> dict[str, Any]:
    """The OpenAPI description as JSON."""
    names, definitions = models_json_schema(
        [
            (ScoreRequest, "validation"),
            (ScoreResponse, "serialization"),
            (ErrorResponse, "serialization"),
            (JudgesAnswer, "serialization"),
        ],
        ref_template="#/components/schemas/{model}",
    )
    of = {model: schema for (model, _), schema in names.items()}
    components: dict[str, Any] = {"schemas": definitions["$defs"]}
    if has_token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "atlas-core rewards", "version": version("atlas-core")},
        "paths": {
            "/v1/score": {"post": _score(of)},
            "/v1/config": {"get": _get("The configuration in use, without secrets", {"type": "object"}, of)},
            "/v1/judges": {"get": _get("How each judge answered lately", of[JudgesAnswer], of)},
            "/healthz": {"get": _plain("Whether the process lives")},
            "/readyz": {"get": _plain("Whether the quorum of judges answers", "503", "Why it is not ready")},
            "/metrics": {"get": _plain("Metrics for Prometheus")},
        },
        "components": components,
        **({"security": [{"token": []}]} if has_token else {}),
    }


def _score(of: dict[Any, Any]) -> dict[str, Any]:
    errors = {code: _answer(text, of[ErrorResponse]) for code, text in _ERRORS.items()}
    return {
        "summary": "Score items",
        "requestBody": {"required": True, "content": {"application/json": {"schema": of[ScoreRequest]}}},
        "responses": {"200": _answer("One result an item, in order", of[ScoreResponse]), **errors},
    }


def _get(summary: str, schema: dict[str, Any], of: dict[Any, Any]) -> dict[str, Any]:
    errors = {"401": _answer(_ERRORS["401"], of[ErrorResponse])}
    return {"summary": summary, "responses": {"200": _answer(summary, schema), **errors}}


def _plain(summary: str, code: str = "", text: str = "") -> dict[str, Any]:
    more = {code: {"description": text}} if code else {}
    return {"summary": summary, "security": [], "responses": {"200": {"description": "Yes, as text"}, **more}}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}

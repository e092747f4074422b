"""The one way to read an API object: every mistake at once. How a mistake is worded is in `problems`."""

import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError

from atlas_api.base import ApiModel
from atlas_api.errors import InvalidManifest
from atlas_api.inputs.budgets import MANIFEST, STATUS, OverBudgetError, decode_json, read_bytes
from atlas_api.inputs.files import CHUNK_BYTES, file_chunks
from atlas_api.manifest.problems import at, describe
from atlas_api.manifest.stored import stored
from atlas_api.manifest.yaml_document import read_documents
from atlas_api.rules import Path, broken_rules
from atlas_api.training.spec import AtlasTraining

Model = TypeVar("Model", bound=ApiModel)

_HALF = re.compile("[\ud800-\udfff]")
_HALF_A_CHARACTER = "holds half of a character (a lone surrogate), which no text has"

KINDS = ("AtlasTraining", "RewardService")
"""Kinds of manifests."""

_STANDARD_INPUT = FilePath("-")


def load_manifest(file: FilePath) -> AtlasTraining:
    """The AtlasTraining in *file*. Raises `InvalidManifest`, also when it cannot be read; the caller names it."""
    return parse(AtlasTraining, read_document(file, "AtlasTraining"))


def read_document(file: FilePath, kind: str) -> dict[str, Any]:
    """The only YAML document in *file*, which should hold a *kind*; `-` is standard input. Raises `InvalidManifest`."""
    documents = read_documents(_text(file, kind))
    if len(documents) > 1:
        raise InvalidManifest([f"holds {len(documents)} documents; give each {kind} a file of its own"])
    found = documents[0].get("kind")
    if kind in KINDS and found in KINDS and found != kind:
        raise InvalidManifest([f"kind: {found} is not {kind}, which is needed here; name another file"])
    return documents[0]


def parse(model: type[Model], document: dict[str, Any]) -> Model:
    """*document* (as on the wire, camelCase) as *model*. Raises `InvalidManifest` with all problems.

    Validation is that of JSON, so that Python accepts what the API server accepts: `"8"` is not a number, 8.0 is 8, and
    null is the same as nothing.
    """
    try:
        refused = dict(_not_json(document))
    except RecursionError:
        raise InvalidManifest(["holds itself, or is nested too deeply"]) from None
    text = json.dumps(stored(model, document), default=str)
    try:
        parsed = model.model_validate_json(text, by_alias=True, by_name=False)
    except ValidationError as error:
        # What is no JSON at all says so of the whole document.
        details = [one for one in error.errors() if one["loc"] not in refused and (one["loc"] or not refused)]
        problems = [line for one in details if (line := describe(model, one))]
        raise InvalidManifest(_lines(refused) + problems + _broken(model, json.loads(text), is_valid=False)) from None
    defaulted = parsed.model_dump(mode="json", by_alias=True, exclude_none=True)
    if problems := _lines(refused) or _broken(model, defaulted):
        raise InvalidManifest(problems)
    return parsed


def parse_json(model: type[Model], data: bytes) -> Model:
    """*data*, a JSON document that atlas-core wrote (run.json, status.json), as *model*. Raises `InvalidManifest`."""
    try:
        document = decode_json(data, STATUS)
    except ValueError as error:
        raise InvalidManifest([f"not valid JSON: {error}"]) from None
    return parse(model, document)


def _text(file: FilePath, kind: str) -> str:
    try:
        chunks = iter(lambda: sys.stdin.buffer.read(CHUNK_BYTES), b"") if file == _STANDARD_INPUT else file_chunks(file)
        return read_bytes(chunks, MANIFEST).decode("utf-8")
    except FileNotFoundError:
        raise InvalidManifest(["no such file"]) from None
    except IsADirectoryError:
        raise InvalidManifest(["is a folder; name a file in it"]) from None
    except UnicodeDecodeError as error:
        raise InvalidManifest([f"byte {error.start} is not UTF-8; save the file as UTF-8"]) from None
    except OverBudgetError as error:
        raise InvalidManifest([f"{error}, which no {kind} is; name the file of one"]) from None
    except OSError as error:
        raise InvalidManifest([f"cannot be read: {error.strerror}"]) from None


def _lines(problems: dict[Path, str]) -> list[str]:
    return [at(path, problem) for path, problem in problems.items()]


def _broken(model: type[ApiModel], document: dict[str, Any], *, is_valid: bool = True) -> list[str]:
    return [at(path, message) for path, message in broken_rules(model, document, is_valid=is_valid)]


def _not_json(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Path and problem of every value that YAML can write and that the API server, or nothing after it, can take."""
    match value:
        case dict():
            for key, inner in value.items():
                if _HALF.search(str(key)):
                    yield (*path, str(key)), _HALF_A_CHARACTER
                yield from _not_json(inner, (*path, str(key)))
        case list():
            for index, inner in enumerate(value):
                yield from _not_json(inner, (*path, index))
        case float() if not math.isfinite(value):
            yield path, f"{value} is not a finite number"
        case int() if abs(value) > sys.float_info.max:
            yield path, "a number this large does not fit in 64 bits"
        case str() if _HALF.search(value):
            yield path, _HALF_A_CHARACTER
        case str() if "\0" in value:
            yield path, "holds a null byte (\\0), which no path, address or name has"
        case None | str() | float() | int():
            pass
        case _:
            yield path, f"YAML type {type(value).__name__} has no place in a manifest; write text, a number or a list"

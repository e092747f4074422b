"""Why a spec cannot be started on this cluster, as far as the spec alone tells. Pure; called by `plan`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from pydantic import ValidationError

from atlas_api import AtlasTrainingSpec, parse
from atlas_api.base import ApiModel
from atlas_api.errors import InvalidManifest
from atlas_api.reward import Verifier
from atlas_operator.observed import Document

MESSAGE_LIMIT = 1000

Model = TypeVar("Model", bound=ApiModel)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no run can start."""

    reason: str
    message: str
    final: bool
    """Whether only another spec helps."""


def read_spec(training: Document) -> tuple[AtlasTrainingSpec | None, list[str]]:
    """`read_spec_as` for a training."""
    return read_spec_as(AtlasTrainingSpec, training)


def read_spec_as(model: type[Model], document: Document) -> tuple[Model | None, list[str]]:
    """The spec, or its mistakes. The API server has checked it, unless the object is older than a rule of the CRD."""
    text = json.dumps(document.get("spec", {}))
    try:
        return model.model_validate_json(text, by_alias=True, by_name=False), []
    except ValidationError:
        spec, problems = _read_slowly(model, text)
        return spec if isinstance(spec, model) else None, problems


def read_status_as(model: type[Model], document: Document) -> Model:
    """The status as it was written. One that this version cannot read counts as none."""
    try:
        return model.model_validate_json(json.dumps(document.get("status", {})))
    except ValidationError:
        return model()


@lru_cache(maxsize=128)
def _read_slowly(model: type[ApiModel], text: str) -> tuple[ApiModel | None, list[str]]:
    """With every rule and a sentence for every mistake: this takes many milliseconds, and the answer stays the same."""
    try:
        return parse(model, json.loads(text)), []
    except InvalidManifest as error:
        return None, error.problems


def runs_code(verifiers: Sequence[Verifier]) -> str | None:
    """Name of the first verifier that runs completions as code."""
    return next((each.name for each in verifiers if each.code is not None), None)


def code_refused(verifier: str) -> Refusal:
    """Pods that may not run code would fail: better to say so before there are any."""
    why = "runs completions as code, and the operator was started without --allow-code"
    return Refusal("CodeNotAllowed", f"{verifier} {why}; allow it there, or remove the verifier", final=True)


def refusal(
    spec: AtlasTrainingSpec | None,
    problems: list[str],
    default_image: str | None,
    backend_served: bool,
    allow_code: bool = False,
) -> Refusal | None:
    """The first thing that stands in the way."""
    if spec is None:
        return Refusal("InvalidSpec", "; ".join(problems)[:MESSAGE_LIMIT], final=True)
    if spec.checkpoints.local is not None:
        message = "checkpoints.local is lost with the pod; use checkpoints.s3 or checkpoints.volume"
        return Refusal("LocalCheckpoints", message, final=True)
    if not allow_code and (name := runs_code(spec.reward.verifiers)):
        return code_refused(f"reward.verifiers: {name}")
    if spec.compute.image is None and default_image is None:
        message = "compute.image is not set, and the operator was started without --trainer-image; set one of them"
        return Refusal("ImageMissing", message, final=True)
    if not backend_served:
        message = "the API server does not know PyTorchJobs; install the Kubeflow training-operator 1.9"
        return Refusal("BackendMissing", message, final=False)
    return None

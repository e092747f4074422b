"""Why a spec cannot be started on this cluster, as far as the spec alone tells. Pure; called by `plan`."""

from collections.abc import Sequence
from dataclasses import dataclass

from atlas_api import AtlasTrainingSpec
from atlas_api.training.reward import Verifier

MESSAGE_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no run can start."""

    reason: str
    message: str
    final: bool
    """Whether only another spec helps."""


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

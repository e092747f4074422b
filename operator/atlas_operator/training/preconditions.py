"""Preconditions of a run: what has to hold on this cluster before one starts, as far as the spec alone tells. Pure."""

from collections.abc import Callable

from atlas_api import AtlasTrainingSpec
from atlas_operator.backends import BACKEND
from atlas_operator.cluster.decode import SpecRead
from atlas_operator.status.preconditions import FailedPrecondition, Offer, code_not_allowed, invalid_spec, runs_code


def checkpoints_outlive_the_pod(spec: AtlasTrainingSpec, _: Offer) -> FailedPrecondition | None:
    """Checkpoints lie where the next attempt finds them."""
    if spec.checkpoints.local is None:
        return None
    message = "checkpoints.local is lost with the pod; use checkpoints.s3 or checkpoints.volume"
    return FailedPrecondition("LocalCheckpoints", message, final=True)


def code_is_allowed(spec: AtlasTrainingSpec, offer: Offer) -> FailedPrecondition | None:
    """No verifier runs completions as code, or pods may."""
    name = None if offer.allow_code else runs_code(spec.reward.verifiers)
    return code_not_allowed(f"reward.verifiers: {name}") if name else None


def image_is_named(spec: AtlasTrainingSpec, offer: Offer) -> FailedPrecondition | None:
    """The spec or the operator names an image."""
    if spec.compute.image is not None or offer.default_image is not None:
        return None
    message = "compute.image is not set, and the operator was started without --trainer-image; set one of them"
    return FailedPrecondition("ImageMissing", message, final=True)


def backend_is_installed(_: AtlasTrainingSpec, offer: Offer) -> FailedPrecondition | None:
    """The API server knows the kind of the jobs that runs are made of."""
    if offer.backend_served:
        return None
    message = f"the API server does not know {BACKEND.KIND}s; {BACKEND.INSTALL}"
    return FailedPrecondition("BackendMissing", message, final=False)


PRECONDITIONS: tuple[Callable[[AtlasTrainingSpec, Offer], FailedPrecondition | None], ...] = (
    checkpoints_outlive_the_pod,
    code_is_allowed,
    image_is_named,
    backend_is_installed,
)
"""Checks in order: the first that fails is the one that people read."""


def failed_precondition(read: SpecRead[AtlasTrainingSpec], offer: Offer) -> FailedPrecondition | None:
    """The first precondition of an attempt that does not hold for the spec as it was *read*."""
    if read.spec is None:
        return invalid_spec(read.problems)
    return next((failed for check in PRECONDITIONS if (failed := check(read.spec, offer))), None)

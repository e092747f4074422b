"""Preconditions of a RewardService: what has to hold before it is served, as far as its spec tells. Pure."""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.secrets import SecretSource
from atlas_operator.cluster.decode import SpecRead
from atlas_operator.objects.rewardservice_pod import OWN_FOLDERS
from atlas_operator.objects.training_pod import CACHE
from atlas_operator.status.preconditions import FailedPrecondition, Offer, code_not_allowed, invalid_spec, runs_code


def secrets_are_references(spec: RewardServiceSpec, _: Offer) -> FailedPrecondition | None:
    """Every secret comes from a Secret: a pod reaches no other source."""
    field = next((field for field, source in _secrets(spec) if source.secret_key_ref is None), None)
    if field is None:
        return None
    message = f"{field}: a RewardService in a cluster takes secrets from Secrets only; use {field}.secretKeyRef"
    return FailedPrecondition("SecretOutOfReach", message, final=True)


def cache_is_writable(spec: RewardServiceSpec, _: Offer) -> FailedPrecondition | None:
    """The cache lies where pods may write."""
    if spec.cache.path is None or _is_writable(spec.cache.path, spec):
        return None
    message = f"cache.path: must lie below {CACHE}, which is lost with the pod, or on a claim with readOnly: false"
    return FailedPrecondition("CacheNotWritable", message, final=True)


def folders_are_free(spec: RewardServiceSpec, _: Offer) -> FailedPrecondition | None:
    """Each volume has a folder of its own: an apply knows mounts by their folders, two of one would be an error."""
    seen: set[PurePosixPath] = set()
    for index, volume in enumerate(spec.volumes):
        folder = PurePosixPath(volume.mount_path)
        if folder in OWN_FOLDERS:
            message = f"volumes.{index}: pods keep something of their own in {folder}; mount it elsewhere"
            return FailedPrecondition("FolderTaken", message, final=True)
        if folder in seen:
            message = f"volumes.{index}: something is mounted at {folder} already; mount it elsewhere"
            return FailedPrecondition("FolderTaken", message, final=True)
        seen.add(folder)
    return None


def code_is_allowed(spec: RewardServiceSpec, offer: Offer) -> FailedPrecondition | None:
    """No verifier runs completions as code, or pods may."""
    name = None if offer.allow_code else runs_code(spec.verifiers)
    return code_not_allowed(f"verifiers: {name}") if name else None


def image_is_named(spec: RewardServiceSpec, offer: Offer) -> FailedPrecondition | None:
    """The spec or the operator names an image."""
    if spec.image is not None or offer.default_image is not None:
        return None
    message = "image is not set, and the operator was started without --rewards-image; set one of them"
    return FailedPrecondition("ImageMissing", message, final=True)


PRECONDITIONS: tuple[Callable[[RewardServiceSpec, Offer], FailedPrecondition | None], ...] = (
    secrets_are_references,
    cache_is_writable,
    folders_are_free,
    code_is_allowed,
    image_is_named,
)
"""Checks in order: the first that fails is the one that people read."""


def failed_precondition(read: SpecRead[RewardServiceSpec], offer: Offer) -> FailedPrecondition | None:
    """The first precondition that does not hold for the spec as it was *read*."""
    if read.spec is None:
        return invalid_spec(read.problems)
    return next((failed for check in PRECONDITIONS if (failed := check(read.spec, offer))), None)


def _secrets(spec: RewardServiceSpec) -> Iterator[tuple[str, SecretSource]]:
    large = spec.models.large
    sources = {
        "models.small.apiKeyFrom": spec.models.small.api_key_from,
        "models.large.apiKeyFrom": large.api_key_from if large else None,
        "tokenFrom": spec.token_from,
    }
    return ((field, source) for field, source in sources.items() if source is not None)


def _is_writable(path: str, spec: RewardServiceSpec) -> bool:
    there = PurePosixPath(path)
    claims = [volume.mount_path for volume in spec.volumes if volume.claim is not None and not volume.read_only]
    return ".." not in there.parts and any(PurePosixPath(folder) in there.parents for folder in (CACHE, *claims))

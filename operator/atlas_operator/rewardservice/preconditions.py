"""Why a RewardService cannot be served on this cluster, as far as its spec tells. Pure; called by `rewards_plan`."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.secrets import SecretSource
from atlas_operator.objects.rewardservice_pod import OWN_FOLDERS
from atlas_operator.objects.training_pod import CACHE
from atlas_operator.training.preconditions import MESSAGE_LIMIT, Refusal, code_refused, runs_code


def rewards_refusal(
    spec: RewardServiceSpec | None, problems: list[str], default_image: str | None, allow_code: bool
) -> Refusal | None:
    """The first thing that stands in the way."""
    if spec is None:
        return Refusal("InvalidSpec", "; ".join(problems)[:MESSAGE_LIMIT], final=True)
    return next(_hindrances(spec, default_image, allow_code), None)


def _hindrances(spec: RewardServiceSpec, default_image: str | None, allow_code: bool) -> Iterator[Refusal]:
    for field, source in _secrets(spec):
        if source.secret_key_ref is None:
            message = f"{field}: a RewardService in a cluster takes secrets from Secrets only; use {field}.secretKeyRef"
            yield Refusal("SecretOutOfReach", message, final=True)
    if spec.cache.path is not None and not _is_writable(spec.cache.path, spec):
        message = f"cache.path: must lie below {CACHE}, which is lost with the pod, or on a claim with readOnly: false"
        yield Refusal("CacheNotWritable", message, final=True)
    if (taken := _taken_folder(spec)) is not None:
        yield Refusal("FolderTaken", taken, final=True)
    if not allow_code and (name := runs_code(spec.verifiers)):
        yield code_refused(f"verifiers: {name}")
    if spec.image is None and default_image is None:
        message = "image is not set, and the operator was started without --rewards-image; set one of them"
        yield Refusal("ImageMissing", message, final=True)


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


def _taken_folder(spec: RewardServiceSpec) -> str | None:
    """An apply knows mounts by their folders, so that two of one folder would be an error of the operator's."""
    seen: set[PurePosixPath] = set()
    for index, volume in enumerate(spec.volumes):
        folder = PurePosixPath(volume.mount_path)
        if folder in OWN_FOLDERS:
            return f"volumes.{index}: pods keep something of their own in {folder}; mount it elsewhere"
        if folder in seen:
            return f"volumes.{index}: something is mounted at {folder} already; mount it elsewhere"
        seen.add(folder)
    return None

"""Why a RewardService cannot be served on this cluster, as far as its spec tells. Pure; called by `rewards_plan`."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from atlas_api.rewardservice import RewardServiceSpec
from atlas_api.secrets import SecretSource
from atlas_operator.pods import CACHE
from atlas_operator.refusal import MESSAGE_LIMIT, Refusal


def rewards_refusal(spec: RewardServiceSpec | None, problems: list[str], default_image: str | None) -> Refusal | None:
    """The first thing that stands in the way."""
    if spec is None:
        return Refusal("InvalidSpec", "; ".join(problems)[:MESSAGE_LIMIT], final=True)
    for field, source in _secrets(spec):
        if source.secret_key_ref is None:
            message = f"{field}: pods have neither files nor variables of yours; use {field}.secretKeyRef"
            return Refusal("SecretOutOfReach", message, final=True)
    if spec.cache.path is not None and not _is_writable(spec.cache.path):
        message = f"cache.path: pods can write below {CACHE} only, and lose it when they end; change or remove it"
        return Refusal("CacheNotWritable", message, final=True)
    if spec.image is None and default_image is None:
        message = "image is not set, and the operator was started without --rewards-image; set one of them"
        return Refusal("ImageMissing", message, final=True)
    return None


def _secrets(spec: RewardServiceSpec) -> Iterator[tuple[str, SecretSource]]:
    large = spec.models.large
    sources = {
        "models.small.apiKeyFrom": spec.models.small.api_key_from,
        "models.large.apiKeyFrom": large.api_key_from if large else None,
        "tokenFrom": spec.token_from,
    }
    return ((field, source) for field, source in sources.items() if source is not None)


def _is_writable(path: str) -> bool:
    there = PurePosixPath(path)
    return ".." not in there.parts and PurePosixPath(CACHE) in there.parents

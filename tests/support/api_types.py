"""All types of the API, found by walking, so that a new one cannot be forgotten in a test."""

from collections.abc import Iterator

import atlas_api.rewardservice
import atlas_api.run
import atlas_api.training
from atlas_api.base import ApiModel

_ROOTS = (atlas_api.training, atlas_api.run, atlas_api.rewardservice)


def api_types(base: type[ApiModel] = ApiModel) -> Iterator[type[ApiModel]]:
    """Every type of the API below *base*, each once."""
    seen: set[type[ApiModel]] = set()
    waiting = list(base.__subclasses__())
    while waiting:
        model = waiting.pop(0)
        if model not in seen and model.__module__.startswith("atlas_api."):
            seen.add(model)
            waiting += model.__subclasses__()
            yield model

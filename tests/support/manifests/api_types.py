"""All types of the API, found by walking, so that a new one cannot be forgotten in a test."""

from collections.abc import Iterator

import atlas_api.pods.run_file
import atlas_api.rewardservice.spec
import atlas_api.training.spec  # noqa: F401 - all three register their types
from atlas_api.base import ApiModel


def api_types() -> Iterator[type[ApiModel]]:
    """Every type of the API, each once."""
    seen: set[type[ApiModel]] = set()
    waiting = ApiModel.__subclasses__()
    while waiting:
        model = waiting.pop(0)
        if model not in seen and model.__module__.startswith("atlas_api."):
            seen.add(model)
            waiting += model.__subclasses__()
            yield model

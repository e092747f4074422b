"""Is the completion short enough?"""

from atlas_api.training.reward import Length
from atlas_rewards.item import Item


def length(config: Length, item: Item) -> float:
    """1 up to the target, then down in a straight line, 0 from the limit on. Always says something."""
    over = len(item.completion) - config.target
    return min(1.0, max(0.0, 1.0 - over / (config.limit - config.target)))

"""A verifier that fails, and says of what."""

from atlas_rewards.item import Item


def quotes(item: Item) -> float:
    raise ValueError(f"cannot read {item.completion}")

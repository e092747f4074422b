"""A verifier that takes too long."""

import time

from atlas_rewards.item import Item


def sleeps(_: Item) -> float:
    time.sleep(1.0)
    return 1.0

"""Verifiers that are never done."""

import time

from atlas_rewards.item import Item


def sleeps(_: Item) -> float:
    time.sleep(3600.0)
    return 1.0


def sleeps_when_told(item: Item) -> float:
    """Only where the completion says so."""
    return sleeps(item) if "sleep" in item.completion else 1.0

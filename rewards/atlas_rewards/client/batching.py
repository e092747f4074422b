"""
Batches of items for requests: those that judges may compare stay together. Pure.

    batch = [[0, 3], [1, 2]]    # positions; completions of one prompt in each list
"""

from collections.abc import Sequence

from atlas_rewards.item import Item, by_prompt

Batch = list[list[int]]
"""Groups of positions that one request holds."""


def batches(items: Sequence[Item], most: int) -> list[Batch]:
    """*items* in batches of at most *most*. A larger group is one of its own: parts would be judged otherwise."""
    result: list[Batch] = []
    room = 0
    for group in by_prompt(items):
        if len(group) > room:
            result.append([])
            room = most
        result[-1].append(group)
        room -= len(group)
    return result


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """*batch*, of at least two items, in two: between groups where it has several, else inside the only one."""
    if len(batch) == 1:
        (group,) = batch
        middle = len(group) // 2
        return [group[:middle]], [group[middle:]]
    first: Batch = [batch[0]]
    wanted = len(positions(batch)) / 2
    for group in batch[1:-1]:
        if len(positions(first)) + len(group) > wanted:
            break
        first.append(group)
    return first, batch[len(first) :]


def positions(batch: Batch) -> list[int]:
    """All positions in *batch*."""
    return [position for group in batch for position in group]

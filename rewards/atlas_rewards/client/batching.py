"""
Items in portions for requests: those that judges may compare stay together. Pure. Called by `client`.

    portion = [[0, 3], [1, 2]]    # positions; completions of one prompt in each list
"""

from collections.abc import Sequence

from atlas_rewards.item import Item, by_prompt

Portion = list[list[int]]
"""Groups of positions."""


def portions(items: Sequence[Item], most: int) -> list[Portion]:
    """*items* in portions of at most *most*. A larger group is one of its own: parts would be judged otherwise."""
    found: list[Portion] = []
    room = 0
    for group in by_prompt(items):
        if len(group) > room:
            found.append([])
            room = most
        found[-1].append(group)
        room -= len(group)
    return found


def halves(portion: Portion) -> tuple[Portion, Portion]:
    """*portion*, of at least two items, in two: between groups where it has several, else inside the only one."""
    if len(portion) == 1:
        (group,) = portion
        middle = len(group) // 2
        return [group[:middle]], [group[middle:]]
    first: Portion = [portion[0]]
    wanted = len(positions(portion)) / 2
    for group in portion[1:-1]:
        if len(positions(first)) + len(group) > wanted:
            break
        first.append(group)
    return first, portion[len(first) :]


def positions(portion: Portion) -> list[int]:
    """All positions in it."""
    return [position for group in portion for position in group]

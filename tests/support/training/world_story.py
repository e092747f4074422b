"""A world and its operator, on which actions act: `world_user` and `world_actions` name them all."""

from collections.abc import Callable

from support.training.world import World
from support.training.world_operator import Operator

from atlas_operator.cluster.document import Document


class Story:
    """What a history is made of. It begins with an empty cluster."""

    def __init__(self) -> None:
        self.world = World()
        self.operator = Operator(self.world)
        self.trainings = 0
        """How many were created."""


Action = Callable[[Story, int], None]
"""Something that may happen; the number picks of what it happens to. What makes no sense now does nothing."""


def picked(found: list[Document], pick: int) -> Document | None:
    """One of them, None when there is none."""
    return found[pick % len(found)] if found else None

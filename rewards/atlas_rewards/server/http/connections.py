"""
Connections: how many clients there may be at the same time, and who goes when there are more.

Every connection is a descriptor, and a process has so many: one that has no more answers nobody, not even who asks
whether it lives. Whoever keeps a connection open and asks for nothing therefore makes room for the next, the longest
silent first. Where all are at work, a few more are taken: they get every answer but scores.
"""

import resource
from collections.abc import Callable
from typing import Protocol

MOST = 4096
"""Connections at the same time, whatever the process may open: some 50 MB."""

SPARE = 8
"""Further connections for probes, where all others are at work."""

ACCEPTED = 8
"""Connections that are taken at once, before anybody can count them."""

_OWN = 64 + 5 * ACCEPTED
"""Descriptors for all else but judges: files, the cache, and connections that were taken and are not counted yet."""


class Connection(Protocol):
    """A client's connection."""

    def cut(self) -> None:
        """End it, now."""


class Connections:
    """Connections that are open."""

    def __init__(self, room: Callable[[], int]) -> None:
        """*room*: how many there may be now."""
        self._room = room
        self._open: set[Connection] = set()
        self._silent: dict[Connection, None] = {}
        """Connections without a request that is being answered, the longest silent first."""

    def __len__(self) -> int:
        return len(self._open)

    @property
    def crowded(self) -> bool:
        """Whether there are more than there is room for, all of them at work but the last to come."""
        return len(self._open) > self._room()

    def opened(self, connection: Connection) -> None:
        """A client is there. Others, or this one, are cut where there is no room."""
        self._open.add(connection)
        self._silent[connection] = None
        while self.crowded and (longest := next(iter(self._silent))) is not connection:
            self._cut(longest)
        if len(self._open) > self._room() + SPARE:
            self._cut(connection)

    def silent(self, connection: Connection) -> None:
        """The client is awaited, from now on."""
        if connection in self._open:
            self._silent.pop(connection, None)
            self._silent[connection] = None

    def works(self, connection: Connection) -> None:
        """A request of the client is there as a whole, and will be answered."""
        self._silent.pop(connection, None)

    def closed(self, connection: Connection) -> None:
        """The client is gone."""
        self._open.discard(connection)
        self._silent.pop(connection, None)

    def _cut(self, connection: Connection) -> None:
        self.closed(connection)
        connection.cut()


def room_for_clients(judge_calls: int) -> int:
    """Connections that clients may have while *judge_calls* are in flight at most, by the limit of descriptors.

    A quarter of the limit at least: judges that get no descriptor are asked again.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return MOST
    # An endpoint keeps connections for a while, and the other one may be asked meanwhile.
    return min(MOST, max(limit // 4, limit - _OWN - 2 * judge_calls))

"""Who goes when there are too many connections: the longest silent first, and never one whose request is answered."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from atlas_rewards.server.http.connections import MOST, SPARE, Connections, room_for_clients


class Client:
    """A connection that knows whether it was cut."""

    def __init__(self) -> None:
        self.is_cut = False

    def cut(self) -> None:
        self.is_cut = True


def test_the_longest_silent_makes_room() -> None:
    connections = Connections(lambda: 3)
    clients = [Client() for _ in range(5)]
    for client in clients[:3]:
        connections.opened(client)
    connections.silent(clients[0])  # it was answered just now
    for client in clients[3:]:
        connections.opened(client)
    assert [client.is_cut for client in clients] == [False, True, True, False, False]


def test_where_all_are_at_work_a_few_more_are_taken_and_know_it() -> None:
    connections = Connections(lambda: 2)
    workers = [Client(), Client()]
    for client in workers:
        connections.opened(client)
        connections.works(client)
    assert not connections.crowded
    first, second = Client(), Client()
    connections.opened(first)
    assert connections.crowded
    connections.opened(second)
    assert (first.is_cut, second.is_cut) == (True, False)


def test_less_room_takes_effect_with_the_next_client() -> None:
    room = [3]
    connections = Connections(lambda: room[0])
    clients = [Client() for _ in range(4)]
    for client in clients[:3]:
        connections.opened(client)
    room[0] = 1
    connections.opened(clients[3])
    assert [client.is_cut for client in clients] == [True, True, True, False]


@given(st.integers(0, 5), st.lists(st.tuples(st.sampled_from(["open", "work", "silent", "close"]), st.integers(0, 40))))
def test_there_are_never_more_than_fit_and_no_work_is_cut(room: int, steps: Sequence[tuple[str, int]]) -> None:
    connections, alive, at_work = Connections(lambda: room), list[Client](), set[Client]()
    for step, number in steps:
        alive = [client for client in alive if not client.is_cut]
        client = alive[number % len(alive)] if alive else None
        if step == "open" or client is None:
            alive.append(Client())
            connections.opened(alive[-1])
        elif step == "work":
            connections.works(client)
            at_work.add(client)
        elif step == "silent":
            connections.silent(client)
            at_work.discard(client)
        else:
            connections.closed(client)
            alive.remove(client)
            at_work.discard(client)
        assert len(connections) == sum(not client.is_cut for client in alive) <= room + SPARE
        assert not any(client.is_cut for client in at_work)


def test_room_follows_the_limit_of_descriptors_and_the_judges() -> None:
    assert 1 <= room_for_clients(10_000) <= room_for_clients(64) <= room_for_clients(1) <= MOST

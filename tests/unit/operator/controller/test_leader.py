"""The lease that lets one of several replicas write, on a clock that the test moves."""

import asyncio
from collections.abc import Awaitable, Callable

from support.kubernetes.scripted_answers import Answer, Server, refusal, server_giving

from atlas_operator.cluster.rest.api import Api
from atlas_operator.controller.leader import Leadership

ABSENT = refusal(404, "NotFound", "no such lease")
CONFLICT = refusal(409, "Conflict", "changed meanwhile")


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _lease(holder: str, version: str = "1") -> Answer:
    return Answer(body={"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": holder}})


def _play(story: Callable[[Leadership, _Clock], Awaitable[None]], *answers: Answer) -> Server:
    async def play() -> Server:
        async with server_giving(*answers) as server:
            api, clock = Api(server.configuration), _Clock()
            await story(Leadership(api, "system/operator", "me", clock), clock)
            await api.close()
            return server

    return asyncio.run(play())


def test_a_lease_that_nobody_has_is_taken() -> None:
    async def story(leadership: Leadership, _: _Clock) -> None:
        assert not leadership.holds()
        await leadership.renew()
        assert leadership.holds()

    server = _play(story, ABSENT, Answer())
    assert server.bodies[1]["spec"]["holderIdentity"] == "me"


def test_writing_ends_ten_seconds_after_the_last_renewal() -> None:
    async def story(leadership: Leadership, clock: _Clock) -> None:
        await leadership.renew()
        clock.now += 9
        await leadership.renew()
        clock.now += 9.9
        assert leadership.holds()
        clock.now += 0.2
        assert not leadership.holds()

    _play(story, ABSENT, Answer(), _lease("me"), Answer())


def test_the_lease_of_another_replica_is_respected_until_it_is_silent_for_fifteen_seconds() -> None:
    async def story(leadership: Leadership, clock: _Clock) -> None:
        await leadership.renew()
        clock.now += 14
        await leadership.renew()
        clock.now += 14
        await leadership.renew()
        assert not leadership.holds()
        clock.now += 2
        await leadership.renew()
        assert leadership.holds()

    server = _play(
        story, _lease("other", "1"), _lease("other", "2"), _lease("other", "2"), _lease("other", "2"), Answer()
    )
    assert server.bodies[-1]["metadata"] == {"resourceVersion": "2"}


def test_a_replica_that_loses_the_race_for_a_free_lease_does_not_write() -> None:
    async def story(leadership: Leadership, _: _Clock) -> None:
        await leadership.renew()
        assert not leadership.holds()

    _play(story, _lease(""), CONFLICT)


def test_a_released_lease_is_free_at_once() -> None:
    async def story(leadership: Leadership, _: _Clock) -> None:
        await leadership.renew()
        await leadership.release()
        assert not leadership.holds()

    server = _play(story, _lease(""), Answer(), _lease("me", "3"), Answer())
    assert server.bodies[-1]["spec"]["holderIdentity"] == ""
    assert server.bodies[-1]["metadata"] == {"resourceVersion": "3"}

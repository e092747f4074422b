"""The work queue with real workers on a real loop; nothing here waits longer than a second."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from atlas_operator.controller.workqueue import WorkQueue


def _run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(_awaited(story), 20))


async def _awaited(story: Callable[[], Awaitable[None]]) -> None:
    await story()


def test_a_failed_key_is_tried_again_until_it_works() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        tries: list[str] = []

        async def handler(key: str) -> None:
            tries.append(key)
            if len(tries) < 4:
                raise OSError("not now")
            queue.stop()

        queue.add("a")
        await queue.run(handler, 2)
        assert tries == ["a"] * 4

    _run(story)


def test_a_key_that_waited_for_what_somebody_cancelled_is_tried_again_and_no_worker_is_lost() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        tries: list[str] = []

        async def handler(key: str) -> None:
            tries.append(key)
            if len(tries) == 2:
                queue.stop()
                return
            cancelled = asyncio.create_task(asyncio.sleep(60))
            cancelled.cancel()
            await cancelled

        queue.add("a")
        await queue.run(handler, 1)
        assert tries == ["a", "a"]

    _run(story)


def test_a_run_that_is_cancelled_ends_and_tries_nothing_again() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        tries: list[str] = []

        async def handler(key: str) -> None:
            tries.append(key)
            await asyncio.sleep(60)

        queue.add("a")
        run = asyncio.create_task(queue.run(handler, 2))
        await asyncio.sleep(0.1)
        run.cancel()
        await asyncio.wait({run}, timeout=1)
        assert (run.cancelled(), tries, queue._delaying.next_date()) == (True, ["a"], None)

    _run(story)


def test_the_returned_seconds_bring_the_key_back() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        seen = Counter[str]()

        async def handler(key: str) -> float | None:
            seen[key] += 1
            if seen["a"] == 3:
                queue.stop()
            return 0.001 if key == "a" else None

        queue.add("a")
        queue.add("b")
        await queue.run(handler, 4)
        assert seen == {"a": 3, "b": 1}

    _run(story)


def test_no_key_is_worked_on_by_two_workers_and_none_is_lost() -> None:
    async def story() -> None:
        queue: WorkQueue[int] = WorkQueue()
        working: set[int] = set()
        asked, seen = Counter[int](), dict[int, int]()

        async def handler(key: int) -> None:
            assert key not in working
            working.add(key)
            seen[key] = asked[key]
            await asyncio.sleep(0.0002)
            working.remove(key)

        async def producer() -> None:
            for turn in range(2000):
                asked[turn % 17] += 1
                queue.add(turn % 17)
                if turn % 50 == 0:
                    await asyncio.sleep(0.001)
            while seen != dict(asked):
                await asyncio.sleep(0.001)
            queue.stop()

        # It ends: the last look at each key sees its last change.
        await asyncio.gather(queue.run(handler, 8), producer())

    _run(story)


def test_who_changes_an_object_in_a_loop_gets_one_look_a_second_and_the_others_theirs() -> None:
    async def story() -> None:
        now = [0.0]
        queue: WorkQueue[str] = WorkQueue(clock=lambda: now[0])
        looks = Counter[str]()

        async def handler(key: str) -> None:
            looks[key] += 1

        async def tenants() -> None:
            for tick in range(3000):
                now[0] = tick / 100
                queue.add("loud")
                for number in range(10 if tick % 150 == 0 else 0):
                    queue.add(f"quiet-{number}")
                await asyncio.sleep(0)
            queue.stop()

        await asyncio.gather(queue.run(handler, 2), tenants())
        assert looks == {"loud": 30, **{f"quiet-{number}": 20 for number in range(10)}}

    _run(story)


def test_a_stopped_queue_finishes_what_is_in_work_and_keeps_the_rest() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        finished: list[str] = []

        async def handler(key: str) -> None:
            queue.stop()
            await asyncio.sleep(0.005)
            finished.append(key)

        queue.add("a")
        queue.add("b")
        await queue.run(handler, 1)
        assert (finished, queue.depth) == (["a"], 1)
        await queue.run(handler, 1)
        assert finished == ["a", "b"]

    _run(story)


def test_the_age_follows_the_given_clock() -> None:
    async def story() -> None:
        now = [100.0]
        queue: WorkQueue[str] = WorkQueue(clock=lambda: now[0])
        queue.add("a")
        now[0] = 130.0
        assert queue.age == 30.0

    _run(story)

"""The order book of the work queue, on a clock that the test moves."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from atlas_operator.controller.delaying_queue import LONGEST_RETRY, PACE, DelayingQueue


def test_a_key_added_twice_is_taken_once() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    queue.add("a", 0)
    queue.add("a", 1)
    assert [queue.take(2), queue.take(2)] == ["a", None]


def test_keys_are_taken_in_the_order_they_came() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    for key in "cab":
        queue.add(key, 0)
    assert [queue.take(1) for _ in range(3)] == ["c", "a", "b"]


def test_a_key_added_during_its_work_is_taken_once_more_afterwards() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    queue.add("a", 0)
    queue.take(0)
    queue.add("a", 1)
    queue.add("a", 1)
    assert queue.take(1) is None
    queue.done("a")
    assert [queue.take(2), queue.take(2)] == ["a", None]


def test_a_key_that_is_added_without_end_is_worked_on_once_a_second() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    taken = []
    for tick in range(10_000):
        queue.add("loud", tick / 100)
        if queue.take(tick / 100):
            taken.append(tick / 100)
            queue.done("loud")
    assert taken == [float(second) for second in range(100)]


@pytest.mark.parametrize("last", [0.0, 0.001, 0.5, 0.999])
def test_the_last_event_of_a_second_is_not_lost(last: float) -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    queue.add("a", 0)
    queue.take(0)
    queue.add("a", last)
    queue.done("a")
    assert (queue.take(0.999), queue.next_date()) == (None, PACE)
    assert [queue.take(PACE), queue.take(PACE)] == ["a", None]


def test_work_that_takes_longer_than_a_second_is_followed_at_once() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    queue.add("a", 0)
    queue.take(0)
    queue.add("a", 5)
    queue.done("a")
    assert queue.take(5) == "a"


@pytest.mark.parametrize("loud", [1, 3, 50])
def test_however_loud_others_are_a_quiet_key_waits_for_each_of_them_once(loud: int) -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    others = [f"loud-{number}" for number in range(loud)]
    order = []
    for tick in range(200 * loud):
        now = tick / 1000
        for key in others:
            queue.add(key, now)
        if tick == 100:
            queue.add("quiet", now)
        if (taken := queue.take(now)) is not None:
            order.append(taken)
            queue.done(taken)
    assert order.index("quiet") <= 2 * loud


def test_what_a_look_itself_asks_for_is_not_put_off() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    queue.add("a", 0)
    queue.take(0)
    queue.add("a", 0.1)
    queue.done("a")
    queue.add_at("a", 0.2)
    assert [queue.take(0.2), queue.take(0.2)] == ["a", None]


def test_keys_that_are_quiet_are_forgotten() -> None:
    queue: DelayingQueue[int] = DelayingQueue()
    for number in range(1000):
        queue.add(number, number)
        queue.take(number)
        queue.done(number)
    assert len(queue._begun) == 1


def test_far_dates_that_events_bring_forward_again_and_again_are_not_kept() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    for second in range(1000):
        queue.add("loud", second)
        assert queue.take(second) == "loud"
        queue.add("loud", second + 0.5)
        queue.done("loud")
        queue.add_at("loud", second + 1e9)
        queue.add("loud", second + 0.75)
    for number in range(1000):
        queue.add_at("sooner", 1e6 - number)
    assert len(queue._timers) < 100
    assert queue.next_date() == 1000


def test_of_a_key_that_is_no_more_no_date_and_no_failure_is_kept() -> None:
    queue: DelayingQueue[int] = DelayingQueue()
    for number in range(1000):
        queue.retry(number, 0)
        queue.add_at(number, 1e9)
        queue.drop(number)
    assert (len(queue._timers) < 100, queue._later, queue._failures) == (True, {}, {})
    assert (queue.next_date(), queue.take(2e9)) == (None, None)


def test_a_key_that_waits_is_still_taken_after_it_was_dropped_and_may_come_back() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    queue.add("a", 0)
    queue.drop("a")
    assert queue.take(0) == "a"
    queue.done("a")
    queue.add_at("a", 5)
    assert [queue.take(4), queue.take(5)] == [None, "a"]


def test_of_two_dates_the_earlier_counts() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    queue.add_at("a", 60)
    queue.add_at("a", 10)
    queue.add_at("a", 30)
    assert queue.next_date() == 10
    assert queue.take(9) is None
    assert queue.take(10) == "a"
    assert queue.next_date() is None


def test_the_delay_doubles_with_each_failure_up_to_five_minutes() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    delays = [queue.retry("a", 0) for _ in range(2000)]
    assert 0.003 < delays[0] <= 0.005
    assert all(0.003 * 2**n < delay <= 0.005 * 2**n for n, delay in enumerate(delays[:15]))
    assert all(0.75 * LONGEST_RETRY <= delay <= LONGEST_RETRY for delay in delays[16:])
    assert len(set(delays[16:])) > 100, "the delays are spread"


def test_after_a_success_the_next_failure_is_the_first() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    for _ in range(10):
        queue.retry("a", 0)
    queue.forget("a")
    assert queue.retry("a", 0) <= 0.005


def test_the_age_is_that_of_the_oldest_waiting_key() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    assert queue.age(5) == 0
    queue.add("a", 10)
    queue.add("b", 20)
    assert (queue.age(25), queue.depth()) == (15, 2)
    queue.take(25)
    assert (queue.age(25), queue.depth()) == (5, 1)


def test_a_date_that_passed_unnoticed_counts_as_waiting_since_then() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    queue.add("x", 0)
    queue.add_at("a", 10)
    queue.take(40)
    assert queue.age(40) == 30


class _AgendaMachine(RuleBasedStateMachine):
    """The model: when each key was last asked for, and when work on it last began."""

    keys = st.sampled_from("abcd")

    @initialize()
    def start(self) -> None:
        self.queue: DelayingQueue[str] = DelayingQueue()
        self.now = 0.0
        self.working: set[str] = set()
        self.begun: dict[str, float] = {}
        self.dated: set[str] = set()
        """Keys that were ever given a date, which no event puts off."""

        self.owed: dict[str, float] = {}
        """Keys that must be worked on, and from when on."""

    def _owe(self, key: str, when: float) -> None:
        self.owed[key] = min(when, self.owed.get(key, when))

    @rule(key=keys)
    def add(self, key: str) -> None:
        self.queue.add(key, self.now)
        self._owe(key, max(self.now, self.begun.get(key, -PACE) + PACE))

    @rule(key=keys, seconds=st.integers(0, 20))
    def add_at(self, key: str, seconds: int) -> None:
        self.dated.add(key)
        self.queue.add_at(key, self.now + seconds)
        self._owe(key, self.now + seconds)

    @rule(key=keys)
    def fail(self, key: str) -> None:
        self.dated.add(key)
        self._owe(key, self.now + self.queue.retry(key, self.now))

    @rule(key=keys)
    def forget(self, key: str) -> None:
        self.queue.forget(key)

    @rule(key=keys)
    def drop(self, key: str) -> None:
        self.queue.drop(key)
        if key not in self.waiting_or_again():
            self.owed.pop(key, None)

    def waiting_or_again(self) -> set[str]:
        return {*self.queue._waiting, *self.queue._again}

    @rule(seconds=st.sampled_from([0, 0.25, 0.75, 1, 7, 30]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        key = self.queue.take(self.now)
        free = {k for k, due in self.owed.items() if due <= self.now and k not in self.working}
        if key is None:
            assert not free, "a due key was not given out"
            return
        assert key not in self.working, "two workers on a key"
        paced = self.now >= self.begun.get(key, -PACE) + PACE
        assert paced or key in self.dated, "a key came twice in a second, and only events asked for it"
        self.working.add(key)
        self.begun[key] = self.now
        self.owed.pop(key, None)

    @rule(key=keys)
    def finish(self, key: str) -> None:
        if key in self.working:
            self.working.remove(key)
            self.queue.done(key)

    @invariant()
    def the_queue_wakes_up_in_time(self) -> None:
        idle = self.queue.depth() == 0
        future = [due for key, due in self.owed.items() if due > self.now and key not in self.working and idle]
        date = self.queue.next_date()
        assert not future or (date is not None and date <= min(future)), "a date was lost"

    def teardown(self) -> None:
        for key in sorted(self.working):
            self.queue.done(key)
        taken = {self.queue.take(1e9) for _ in "abcd"}
        assert set(self.owed) <= taken, "a key was lost"


TestAgenda = _AgendaMachine.TestCase
TestAgenda.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)

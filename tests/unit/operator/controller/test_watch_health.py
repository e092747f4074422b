"""Readiness of the watches, on a clock that the test moves."""

from atlas_operator.controller.watch_health import WatchHealth

PODS, JOBS = "/api/v1/pods", "/apis/kubeflow.org/v1/pytorchjobs"


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _watching() -> tuple[WatchHealth, _Clock]:
    clock = _Clock()
    health = WatchHealth(clock)
    health.begin([PODS, JOBS])
    health.opened(PODS)
    health.opened(JOBS)
    return health, clock


def test_before_the_watches_begin_it_is_not_ready() -> None:
    assert WatchHealth().problem() == "the watches have not begun"


def test_until_every_kind_is_watched_it_is_not_ready() -> None:
    health = WatchHealth()
    health.begin([PODS, JOBS])
    health.opened(PODS)
    assert health.problem() == f"{JOBS} is not yet watched"


def test_open_watches_are_ready() -> None:
    assert _watching()[0].problem() == ""


def test_a_watch_that_is_refused_from_the_start_says_why() -> None:
    health = WatchHealth(_Clock())
    health.begin([PODS])
    health.failed(PODS, "403 Forbidden")
    assert health.problem() == f"watching {PODS} has been failing for 0 s: 403 Forbidden"


def test_a_short_failure_does_not_matter_and_a_long_one_does() -> None:
    health, clock = _watching()
    health.failed(PODS, "refused")
    clock.now = 20
    health.failed(PODS, "refused again")
    assert health.problem() == ""
    clock.now = 45
    assert health.problem() == f"watching {PODS} has been failing for 45 s: refused again"
    health.opened(PODS)
    assert health.problem() == ""


def test_a_watch_that_is_never_opened_anew_is_dead() -> None:
    health, clock = _watching()
    clock.now = 400
    health.opened(PODS)
    assert health.problem() == ""
    clock.now = 500
    assert health.problem() == f"the watch of {JOBS} has been silent for 500 s"


def test_an_interruption_gives_its_reason() -> None:
    health, _ = _watching()
    health.interrupt("the watches start again")
    health.opened(PODS)
    assert health.problem() == "the watches start again"


def test_a_watch_counts_as_failing_after_a_while_and_no_longer_once_it_is_open() -> None:
    health, clock = _watching()
    health.failed(JOBS, "Cannot connect")
    assert health.failing(5) == ""
    clock.now = 5.0
    health.failed(JOBS, "Connection refused")
    assert health.failing(5) == f"watching {JOBS} fails: Connection refused"
    health.opened(JOBS)
    assert health.failing(0) == ""


def test_where_nothing_is_watched_no_watch_fails() -> None:
    health, clock = _watching()
    health.failed(JOBS, "Cannot connect")
    clock.now = 60.0
    health.interrupt("the watches start again")
    assert health.failing(5) == ""


def test_watches_of_which_nothing_was_heard_for_minutes_are_deaf() -> None:
    health, clock = _watching()
    clock.now = 599.0
    assert health.deaf() == ""
    clock.now = 601.0
    assert health.deaf() == "no watch was opened, and none has failed, for 601 s"
    health.opened(PODS)
    assert health.deaf() == ""


def test_an_api_server_that_is_away_makes_nobody_deaf() -> None:
    health, clock = _watching()
    for _ in range(100):
        clock.now += 15.0
        health.failed(PODS, "no route to host")
        assert health.deaf() == ""
    assert health.problem()

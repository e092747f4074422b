"""Readiness of the watches, on a clock that the test moves."""

from atlas_operator.controller.watch_health import Pulse

PODS, JOBS = "/api/v1/pods", "/apis/kubeflow.org/v1/pytorchjobs"


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _watching() -> tuple[Pulse, _Clock]:
    clock = _Clock()
    pulse = Pulse(clock)
    pulse.begin([PODS, JOBS])
    pulse.opened(PODS)
    pulse.opened(JOBS)
    return pulse, clock


def test_before_the_watches_begin_it_is_not_ready() -> None:
    assert Pulse().problem() == "the watches have not begun"


def test_until_every_kind_is_watched_it_is_not_ready() -> None:
    pulse = Pulse()
    pulse.begin([PODS, JOBS])
    pulse.opened(PODS)
    assert pulse.problem() == f"{JOBS} is not yet watched"


def test_open_watches_are_ready() -> None:
    assert _watching()[0].problem() == ""


def test_a_watch_that_is_refused_from_the_start_says_why() -> None:
    pulse = Pulse(_Clock())
    pulse.begin([PODS])
    pulse.failed(PODS, "403 Forbidden")
    assert pulse.problem() == f"watching {PODS} has been failing for 0 s: 403 Forbidden"


def test_a_short_failure_does_not_matter_and_a_long_one_does() -> None:
    pulse, clock = _watching()
    pulse.failed(PODS, "refused")
    clock.now = 20
    pulse.failed(PODS, "refused again")
    assert pulse.problem() == ""
    clock.now = 45
    assert pulse.problem() == f"watching {PODS} has been failing for 45 s: refused again"
    pulse.opened(PODS)
    assert pulse.problem() == ""


def test_a_watch_that_is_never_opened_anew_is_dead() -> None:
    pulse, clock = _watching()
    clock.now = 400
    pulse.opened(PODS)
    assert pulse.problem() == ""
    clock.now = 500
    assert pulse.problem() == f"the watch of {JOBS} has been silent for 500 s"


def test_an_interruption_gives_its_reason() -> None:
    pulse, _ = _watching()
    pulse.interrupt("the watches start again")
    pulse.opened(PODS)
    assert pulse.problem() == "the watches start again"

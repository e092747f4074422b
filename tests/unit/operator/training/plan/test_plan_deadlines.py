"""Deadlines: what is stopped when, and what comes of it."""

import pytest
from support.kubernetes.kube_objects import BEGIN, make_condition, moment
from support.kubernetes.kube_objects import running as runs
from support.kubernetes.kube_objects import waiting as is_waiting
from support.training.scenario import Scenario


def scheduled(before: Scenario, at: float) -> Scenario:
    """The pod has a node and waits for its image."""
    return before.pod_is(make_condition("PodScheduled", at=at))


def gone(before: Scenario, at: float) -> Scenario:
    """The pods of a stopped attempt have ended."""
    return before.pods_end().look(at)


@pytest.mark.parametrize(("days", "stops"), [(6.99, False), (7.0, True)])
def test_where_no_limit_is_set_a_run_waits_a_week_for_room(days: float, stops: bool) -> None:
    waiting = Scenario().look_until_quiet().look(days * 86_400)

    assert (waiting.run.stopping is not None) == stops


def without_image(before: Scenario) -> Scenario:
    """The pod's image cannot be pulled."""
    missing = is_waiting("ImagePullBackOff", "not found")
    return before.pod_is(make_condition("PodScheduled", "False"), containers=[missing])


@pytest.mark.parametrize(("seconds", "stops"), [(399, False), (400, True)])
def test_a_mistake_may_stand_as_long_as_a_start_may_take(seconds: float, stops: bool) -> None:
    blocked = without_image(Scenario(limits={"startSeconds": 300}).look_until_quiet()).look(100)

    assert blocked.run.blocked_since == moment(100)
    assert (blocked.look(seconds).run.stopping is not None) == stops


def test_a_mistake_that_was_mended_is_forgotten() -> None:
    blocked = without_image(Scenario(limits={"startSeconds": 300}).look_until_quiet()).look(100)
    mended = blocked.pod_is(make_condition("PodScheduled", "False"), containers=[]).look(200)

    assert mended.run.blocked_since is None
    assert mended.look(500).run.stopping is None


def test_a_run_that_finds_no_room_in_time_fails() -> None:
    waiting = Scenario(limits={"queueSeconds": 600}).look_until_quiet().look(590)
    late = waiting.look(600)

    assert waiting.last.requeue_at == moment(600)
    assert late.run.stopping is not None
    assert gone(late, 610).run.reason == "QueueTimeout"
    assert gone(late, 610).run.outcome == "Failed"


@pytest.mark.parametrize(("seconds", "stops"), [(399, False), (400, True)])
def test_the_time_to_start_counts_from_the_last_pods_node(seconds: float, stops: bool) -> None:
    waiting = scheduled(Scenario(limits={"startSeconds": 300}).look_until_quiet(), at=100)

    assert (waiting.look(seconds).run.stopping is not None) == stops


def test_an_attempt_that_does_not_start_in_time_is_the_users_to_mend_and_says_what_hindered() -> None:
    late = scheduled(Scenario().look_until_quiet(), at=0).look(1800)
    over = gone(late, 1810)

    assert (over.run.outcome, over.run.reason, over.run.failures) == ("Failed", "StartTimeout", {"user": 1})
    assert over.status.message is not None
    assert over.status.message.startswith("pods did not run within limits.startSeconds (1800 s): ")


def test_while_an_attempt_starts_what_only_events_tell_is_asked_for_every_minute() -> None:
    starting = scheduled(Scenario().look_until_quiet(), at=0).look(50)

    assert starting.last.requeue_at == moment(110)


@pytest.mark.parametrize(("seconds", "stops"), [(719, False), (720, True)])
def test_of_several_workers_the_last_one_that_runs_starts_the_clocks(seconds: float, stops: bool) -> None:
    started = Scenario(compute={"workers": 2}, limits={"stallSeconds": 300}).look_until_quiet()
    for index, at in ((0, 20), (1, 420)):
        started = started.pod_is(phase="Running", index=index, containers=[runs(at=at)])
    seen = started.job_is(make_condition("Running", at=20), active=2).look(421)

    assert (seen.look(seconds).run.stopping is not None) == stops


@pytest.mark.parametrize(("seconds", "stops"), [(909, False), (910, True)])
def test_an_attempt_without_a_sign_of_life_is_stopped_and_tried_again(seconds: float, stops: bool) -> None:
    started = Scenario(limits={"stallSeconds": 900}).look_until_quiet().running(at=10)
    late = started.look(seconds)

    assert started.last.requeue_at == moment(910)
    assert (late.run.stopping is not None) == stops
    if stops:
        assert gone(late, 920).run.failures == {"infrastructure": 1}


def test_every_report_is_a_sign_of_life() -> None:
    started = Scenario(limits={"stallSeconds": 900}).look_until_quiet().running(at=10)

    alive = started.at(800).reports().look(1600)

    assert alive.run.stopping is None
    assert alive.last.requeue_at == moment(1700)
    assert alive.look(1700).run.stopping is not None


def test_training_time_is_limited_over_all_attempts() -> None:
    first = Scenario(limits={"runSeconds": 1000}).look_until_quiet().running(at=10)
    broken = first.broke(at=710)
    training = broken.at(800).look_until_quiet().running(at=800)

    assert broken.run.ran_seconds == 700
    assert training.last.requeue_at == moment(1100)
    stopped = training.look(1100)
    assert gone(stopped, 1110).run.outcome == "Failed"
    assert gone(stopped, 1110).run.reason == "RunTimeout"


def test_a_limit_that_is_lowered_counts_at_once() -> None:
    started = Scenario().look_until_quiet().running(at=10)

    assert started.edit(limits={"runSeconds": 60}).look(100).run.stopping is not None


def test_an_operator_that_was_away_does_not_count_its_absence_as_training() -> None:
    started = Scenario(limits={"runSeconds": 1000}).look_until_quiet().running(at=10)

    back = started.at(60).ends(48).look(90_000)

    assert (back.run.ran_seconds, back.run.outcome) == (50, None)


def test_time_in_kueues_queue_is_no_training_and_no_stall() -> None:
    started = Scenario(limits={"stallSeconds": 900, "queueSeconds": 600}).look_until_quiet().running(at=10)

    queued = started.at(100).kueue(suspend=True).pods_end().look()

    assert (queued.status.phase, queued.run.ran_seconds, queued.run.running_at) == ("Queued", 90, None)
    assert queued.last.requeue_at == moment(700)
    back = queued.at(650).kueue(suspend=False).running(at=650)
    assert back.run.stopping is None
    assert back.last.requeue_at == moment(1550)
    assert back.run.attempt == 1


def test_stopping_has_no_deadline_but_is_looked_at_again() -> None:
    started = Scenario().look_until_quiet().running(at=10)
    stopping = started.edit(suspend=True).look(20).look(100_000)

    assert stopping.status.phase == "Stopping"
    assert stopping.last.requeue_at is not None
    assert stopping.last.requeue_at > BEGIN

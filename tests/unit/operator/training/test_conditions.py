"""What people and tools are told in every state: Ready, Reconciling, Stalled and the phase."""

import pytest
from support.kubernetes.kube_objects import BEGIN, make_condition, moment, waiting
from support.training.scenario import Scenario

from atlas_api.condition import Condition

KINDS = ("Ready", "Reconciling", "Stalled", "Accepted", "Running", "Suspended", "LastRunSucceeded", "ModelAvailable")


def applied(ready_when: str = "Accepted") -> Scenario:
    """A run was just started."""
    return Scenario(readyWhen=ready_when).look_until_quiet()


def without_room(ready_when: str = "Accepted") -> Scenario:
    """Nothing is known to be wrong after the first seconds; the pod waits for a node."""
    return applied(ready_when).look(15).look_until_quiet()


def without_image(ready_when: str = "Accepted") -> Scenario:
    """The pod's image cannot be pulled, which shows only after the training was Ready."""
    missing = waiting("ErrImagePull", "not found")
    return without_room(ready_when).pod_is(make_condition("PodScheduled"), containers=[missing]).look_until_quiet()


def queued(ready_when: str = "Accepted") -> Scenario:
    """Kueue holds the job."""
    started = Scenario(readyWhen=ready_when, compute={"queueName": "gpus"}).look_until_quiet()
    return started.kueue(suspend=True).look_until_quiet()


def without_secret(ready_when: str = "Accepted") -> Scenario:
    """The pod waits for a Secret that is not there."""
    started = applied(ready_when)
    missing = waiting("CreateContainerConfigError", 'secret "traces" not found')
    return started.pod_is(make_condition("PodScheduled"), containers=[missing]).look_until_quiet()


def in_training(ready_when: str = "Accepted") -> Scenario:
    """The pod runs."""
    return applied(ready_when).running().look_until_quiet()


def retrying(ready_when: str = "Accepted") -> Scenario:
    """The attempt broke, the next one is due soon."""
    return applied(ready_when).broke().look_until_quiet()


def stopping(ready_when: str = "Accepted") -> Scenario:
    """The user asked for rest, the pod saves a checkpoint."""
    return in_training(ready_when).edit(suspend=True).look(20).look_until_quiet()


def suspended(ready_when: str = "Accepted") -> Scenario:
    """It came to rest."""
    return stopping(ready_when).pods_end().look_until_quiet()


def succeeded(ready_when: str = "Accepted") -> Scenario:
    """There is a model."""
    return applied(ready_when).trained().look_until_quiet()


def spent(ready_when: str = "Accepted") -> Scenario:
    """The budget is spent."""
    return applied(ready_when).failed().look_until_quiet()


def wrong(ready_when: str = "Accepted") -> Scenario:
    """The spec can never be started."""
    return Scenario(readyWhen=ready_when, checkpoints={"local": {"path": "/tmp"}}).look_until_quiet()


def unserved(ready_when: str = "Accepted") -> Scenario:
    """The training-operator is not installed."""
    return Scenario(readyWhen=ready_when).where(backend_served=False).look_until_quiet()


STATES = {
    "applied": (applied, "Starting"),
    "without room": (without_room, "Starting"),
    "without an image": (without_image, "Starting"),
    "queued": (queued, "Queued"),
    "without a Secret": (without_secret, "Starting"),
    "in training": (in_training, "Running"),
    "retrying": (retrying, "Retrying"),
    "stopping": (stopping, "Stopping"),
    "suspended": (suspended, "Suspended"),
    "succeeded": (succeeded, "Succeeded"),
    "spent": (spent, "Failed"),
    "wrong": (wrong, "Invalid"),
    "unserved": (unserved, "Pending"),
}


@pytest.mark.parametrize(
    ("state", "ready", "reconciling", "stalled"),
    [
        ("applied", "False", "True", "False"),
        ("without room", "True", "False", "False"),
        ("without an image", "False", "True", "False"),
        ("queued", "True", "False", "False"),
        ("without a Secret", "False", "True", "False"),
        ("in training", "True", "False", "False"),
        ("retrying", "True", "True", "False"),
        ("stopping", "True", "True", "False"),
        ("suspended", "True", "False", "False"),
        ("succeeded", "True", "False", "False"),
        ("spent", "False", "False", "True"),
        ("wrong", "False", "False", "True"),
        ("unserved", "False", "True", "False"),
    ],
)
def test_every_state_reads_as_tools_expect(state: str, ready: str, reconciling: str, stalled: str) -> None:
    make, phase = STATES[state]

    reached = make()

    assert (reached.condition("Ready")[0], reached.condition("Reconciling")[0]) == (ready, reconciling)
    assert (reached.condition("Stalled")[0], reached.status.phase) == (stalled, phase)


@pytest.mark.parametrize(
    ("ready_when", "state", "ready", "reconciling"),
    [
        ("Running", "applied", "False", "True"),
        ("Running", "queued", "False", "True"),
        ("Running", "in training", "True", "False"),
        ("Running", "retrying", "False", "True"),
        ("Running", "succeeded", "True", "False"),
        ("Running", "suspended", "True", "False"),
        ("Succeeded", "applied", "False", "True"),
        ("Succeeded", "in training", "False", "True"),
        ("Succeeded", "succeeded", "True", "False"),
        ("Succeeded", "suspended", "True", "False"),
        ("Succeeded", "spent", "False", "False"),
    ],
)
def test_ready_means_what_the_user_asks_for(ready_when: str, state: str, ready: str, reconciling: str) -> None:
    reached = STATES[state][0](ready_when)

    assert (reached.condition("Ready")[0], reached.condition("Reconciling")[0]) == (ready, reconciling)


@pytest.mark.parametrize("ready_when", ["Accepted", "Running", "Succeeded"])
@pytest.mark.parametrize("state", STATES)
def test_all_conditions_are_always_there_and_never_contradict_each_other(state: str, ready_when: str) -> None:
    conditions = STATES[state][0](ready_when).status.conditions

    on = {each.type for each in conditions if each.status == "True"}
    assert tuple(each.type for each in conditions) == KINDS
    assert not {"Stalled", "Reconciling"} <= on
    assert not {"Stalled", "Ready"} <= on
    assert all(each.reason for each in conditions)


@pytest.mark.parametrize("state", ["retrying", "stopping", "in training"])
def test_a_spec_that_goes_wrong_under_a_live_run_is_stalled_alone(state: str) -> None:
    spoiled = STATES[state][0]().edit(grpo={"groupSize": 0}).look()

    assert (spoiled.condition("Stalled"), spoiled.condition("Reconciling")[0]) == (("True", "InvalidSpec"), "False")


def test_the_domains_own_conditions_follow_the_run() -> None:
    assert applied().condition("LastRunSucceeded") == ("Unknown", "RunLive")
    assert succeeded().condition("LastRunSucceeded") == ("True", "RunSucceeded")
    assert succeeded().condition("ModelAvailable") == ("True", "ModelAvailable")
    assert spent().condition("LastRunSucceeded")[0] == "False"
    assert in_training().condition("Running") == ("True", "Training")
    assert suspended().condition("Suspended") == ("True", "Suspended")
    assert retrying().condition("Running") == ("False", "PodsLost")


@pytest.mark.parametrize(("policy", "cause"), [("Wait", "; another run follows (SpecChange)"), ("Never", "")])
def test_a_recipe_that_waits_for_the_end_of_the_live_run_is_announced(policy: str, cause: str) -> None:
    training = Scenario(retrain={"onSpecChange": policy}).look_until_quiet().running().look_until_quiet()
    edited = training.edit(optimization={"maxSteps": 9, "batchSize": 8}).look()

    assert training.message("Running") == "run 1, attempt 1"
    assert edited.message("Running") == f"run 1, attempt 1{cause}"


def test_an_annotation_that_waits_for_the_end_of_the_live_run_is_announced_until_the_run_begins() -> None:
    asked = in_training().annotate("today").look()
    followed = asked.trained().look_until_quiet()

    assert asked.message("Running") == "run 1, attempt 1; another run follows (RetrainAt)"
    assert followed.run.number == 2
    assert "follows" not in followed.message("Running")


def test_a_model_stays_available_while_the_next_run_trains_or_fails() -> None:
    second = succeeded().edit(optimization={"maxSteps": 9, "batchSize": 8}).look_until_quiet()

    assert second.condition("ModelAvailable")[0] == "True"
    assert second.failed().condition("ModelAvailable")[0] == "True"


def test_what_no_run_needs_is_no_trouble_while_it_is_away() -> None:
    away = spent().where(backend_served=False).look()

    assert (away.condition("Stalled")[0], away.status.phase) == ("True", "Failed")
    assert away.last.requeue_at is None


def test_a_run_that_is_due_and_hindered_is_pending_whatever_the_last_one_came_to() -> None:
    due = spent().where(backend_served=False).annotate("today").look()

    assert (due.condition("Reconciling"), due.status.phase) == (("True", "BackendMissing"), "Pending")
    assert due.last.requeue_at is not None


def transitions(reached: Scenario) -> dict[str, object]:
    """When each condition last changed."""
    return {each.type: each.last_transition_time for each in reached.status.conditions}


def test_a_transition_time_moves_only_with_the_status() -> None:
    first = without_room()
    later = first.running(at=50)
    changed = [kind for kind, at in transitions(first).items() if transitions(later)[kind] != at]

    assert changed == ["Running"]
    assert transitions(later)["Running"] == moment(50)
    assert transitions(first)["Ready"] == moment(15)
    assert transitions(first)["Accepted"] == BEGIN


def test_every_condition_speaks_of_the_generation_that_was_looked_at() -> None:
    edited = applied().edit(historyLimit=3)

    seen = edited.look().status

    def generation(each: Condition) -> int:
        return each.observed_generation

    assert seen.observed_generation == 2
    assert set(map(generation, seen.conditions)) == {2}


def test_what_somebody_must_mend_is_the_reason_and_one_warning() -> None:
    missing = waiting("ErrImagePull", "not found")
    first = without_room().pod_is(make_condition("PodScheduled"), containers=[missing]).look()
    again = first.look(40)

    assert first.condition("Ready")[1] == "ImagePullBackOff"
    assert [(event.type, event.reason) for event in first.last.events] == [("Warning", "ImagePullBackOff")]
    assert again.last.events == ()


def test_a_run_that_is_retried_stays_ready() -> None:
    again = in_training().broke().look_until_quiet().look(200)

    assert again.run.attempt == 2
    assert again.condition("Ready")[0] == "True"


def test_the_reason_says_why_it_does_not_run_also_where_it_is_ready() -> None:
    reasons = {state: make().status.display for state, (make, _) in STATES.items()}

    assert {state: shown.reason for state, shown in reasons.items() if shown} == {
        "applied": "WaitingForTrainingOperator",
        "without room": "WaitingForTrainingOperator",
        "without an image": "ImagePullBackOff",
        "queued": "Queued",
        "without a Secret": "SecretMissing",
        "in training": None,
        "retrying": "PodsLost",
        "stopping": "Stopping",
        "suspended": "Suspended",
        "succeeded": None,
        "spent": "WorkerLost",
        "wrong": "LocalCheckpoints",
        "unserved": "BackendMissing",
    }

"""How attempts of a run follow each other, and what the status tells of a live one."""

import json

import pytest
from support.kubernetes.kube_objects import make_condition, moment
from support.training.cluster_trainings import finished_report
from support.training.scenario import Scenario
from support.training.training_documents import names

from atlas_operator.cluster.document import Document

FAILED = make_condition("Failed", at=60)


@pytest.mark.parametrize(
    ("code", "cause", "failure", "outcome"),
    [
        (48, "Error", "infrastructure", None),
        (143, "Error", "preempted", None),
        (137, "Error", "infrastructure", None),
        (137, "OOMKilled", "outOfMemory", "Failed"),
        (46, "Error", "outOfMemory", "Failed"),
        (30, "Error", "data", "Failed"),
        (2, "Error", "user", "Failed"),
        (1, "Error", "user", "Failed"),
    ],
)
def test_an_exit_code_decides_whether_there_is_another_attempt(
    code: int, cause: str, failure: str, outcome: str | None
) -> None:
    ended = Scenario().look_until_quiet().at(60).runs().ends(code, cause).look()

    assert ended.run.failures == {failure: 1}
    assert ended.run.outcome == outcome
    assert (ended.run.retry_at is None) == (outcome is not None)


def test_the_next_attempt_waits_for_its_time_and_then_starts() -> None:
    retrying = Scenario().look_until_quiet().broke()
    early = retrying.look(65)
    late = retrying.look(72)

    assert retrying.status.phase == "Retrying"
    assert retrying.last.requeue_at == retrying.run.retry_at
    assert (early.run.attempt, early.last.create) == (1, ())
    assert late.run.attempt == 2
    assert names(late.last.create)[-1] == ("PyTorchJob", "demo-1-2")


def test_a_budget_that_is_spent_ends_the_run_and_says_so() -> None:
    story = Scenario(limits={"retries": {"infrastructure": 2}}).look_until_quiet()
    for attempt in range(3):
        story = story.broke(1000 * attempt + 60).at(1000 * attempt + 600).look_until_quiet()

    assert (story.run.attempt, story.run.outcome) == (3, "Failed")
    assert story.status.message is not None
    assert "limits.retries.infrastructure is 2" in story.status.message


def test_jobs_of_the_last_three_attempts_are_kept() -> None:
    story = Scenario().look_until_quiet()
    for attempt in range(4):
        story = story.broke(1000 * attempt + 60).at(1000 * attempt + 900).look_until_quiet()

    assert [name for _, name in names(story.jobs)] == ["demo-1-3", "demo-1-4", "demo-1-5"]


@pytest.mark.parametrize("phase", ["Running", "Pending", "Unknown"])
def test_an_attempt_is_over_only_when_no_pod_may_write_any_more(phase: str) -> None:
    started = Scenario().look_until_quiet().running()

    waiting = started.pod_is(phase=phase).at(60).job_is(FAILED).look()

    assert waiting.run.retry_at is None
    assert waiting.condition("Running") == ("False", "Stopping")
    assert waiting.last.requeue_at is not None
    assert waiting.without("Pod").look().run.retry_at is not None


@pytest.mark.parametrize("ready_when", ["Accepted", "Running"])
def test_the_pod_of_a_lost_node_is_named_and_after_its_grace_period_the_cure_is_too(ready_when: str) -> None:
    started = Scenario(readyWhen=ready_when).look_until_quiet().running()
    waiting = started.pod_is(phase="Running", deleted_at=60).at(60).job_is(FAILED).look()
    overdue = waiting.look(60 + 30 + 60)

    assert waiting.last.requeue_at == moment(90)
    for late, cured in ((waiting, False), (overdue, True)):
        message = late.message("Running")
        assert "waiting for demo-1-1-master-0 on node node-1 to end" in message
        assert ("delete its Node" in message) == cured
        assert (late.status.phase, late.condition("Reconciling")) == ("Stopping", ("True", "Stopping"))


def test_pods_of_a_job_that_somebody_deleted_are_waited_for() -> None:
    started = Scenario().look_until_quiet().running()

    waiting = started.without("PyTorchJob").look(20)
    over = waiting.pods_end().look(30)

    assert (waiting.run.attempt, waiting.run.retry_at, waiting.last.create) == (1, None, ())
    assert (over.run.reason, over.run.failures) == ("JobDeleted", {"infrastructure": 1})


def test_pods_of_a_job_that_was_deleted_before_it_was_seen_are_waited_for() -> None:
    first = Scenario().look()

    waiting = first.runs().without("PyTorchJob").look(20)

    assert waiting.last.create == ()
    assert names(waiting.pods_end().look(30).last.create)[-1] == ("PyTorchJob", "demo-1-1")


def test_no_attempt_starts_while_a_pod_of_an_earlier_one_may_write() -> None:
    retrying = Scenario().look_until_quiet().broke()

    waiting = retrying.put(retrying.pod(phase="Running", attempt=1, deleted_at=60)).look(100)

    assert (waiting.run.attempt, waiting.last.create) == (2, ())
    assert names(waiting.without("Pod").look(130).last.create)[-1] == ("PyTorchJob", "demo-1-2")


def test_success_counts_only_with_the_final_marker() -> None:
    started = Scenario().look_until_quiet().running()

    unmarked = started.at(60).ends(0).look()

    assert (unmarked.run.outcome, unmarked.run.reason) == (None, "MarkerMissing")


def test_the_marker_in_the_termination_message_is_enough_and_its_numbers_are_told() -> None:
    started = Scenario().look_until_quiet().running()
    message = json.dumps({**finished_report(1, 1), "metrics": {"reward": 0.75}})

    done = started.at(60).ends(0, message=message).look()

    assert done.run.outcome == "Succeeded"
    assert done.status.metrics == {"reward": 0.75}


def test_progress_and_metrics_reach_the_status() -> None:
    progress = {"step": 2, "maxSteps": 4, "percent": 50, "etaSeconds": 2460, "updatedAt": "2026-11-23T09:00:20Z"}

    started = Scenario().look_until_quiet().running()
    told = started.reports(progress=progress, metrics={"reward": 0.714}).look(20)

    assert told.status.display is not None
    shown = told.status.display.model_dump(exclude_none=True)
    assert shown == {"method": "GRPO", "progress": "50%", "step": "2/4", "eta": "41m", "reward": "0.714"}


@pytest.mark.parametrize("said", [{"run": 2}, {"attempt": 9}, {"progress": "much"}, {"metrics": {"reward": "high"}}])
def test_a_report_that_cannot_be_true_changes_nothing(said: Document) -> None:
    started = Scenario().look_until_quiet().running()

    assert started.reports(**said).look(20).status == started.look(20).status


def test_a_progress_map_that_somebody_deleted_is_made_again() -> None:
    started = Scenario().look_until_quiet().running()

    again = started.without("ConfigMap", "demo-1-progress").look(20)

    assert names(again.last.create) == [("ConfigMap", "demo-1-progress")]


def test_with_wait_a_later_attempt_keeps_the_recipe_and_takes_todays_pods() -> None:
    started = Scenario(retrain={"onSpecChange": "Wait"}).look_until_quiet()
    edited = started.edit(optimization={"maxSteps": 9, "batchSize": 8}, compute={"image": "example.test/new:1"})

    second = edited.broke().look(100)

    job = next(document for document in second.last.create if document["kind"] == "PyTorchJob")
    assert second.run.spec_hash == started.run.spec_hash
    assert "example.test/new:1" in json.dumps(job)
    assert '"maxSteps": 4' in second.last.create[0]["data"]["run.json"]


def test_a_run_whose_recipe_nobody_remembers_fails() -> None:
    started = Scenario(retrain={"onSpecChange": "Wait"}).look_until_quiet()
    retrying = started.edit(optimization={"maxSteps": 9, "batchSize": 8}).broke()

    forgotten = retrying.without("ConfigMap").look(100)

    assert forgotten.status.history[0].reason == "RunFileMissing"
    assert forgotten.run.number == 2


def test_a_run_that_fails_so_while_it_waits_for_judges_waits_no_longer() -> None:
    waiting = Scenario(retrain={"onSpecChange": "Never"}, reward={"serviceRef": {"name": "judges"}}).look_until_quiet()
    assert waiting.run.waiting_since

    forgotten = waiting.edit(optimization={"maxSteps": 9, "batchSize": 8}).without("ConfigMap").look(100)

    assert (forgotten.run.reason, forgotten.run.waiting_since) == ("RunFileMissing", None)


def test_a_run_counts_only_the_time_until_its_job_ended() -> None:
    started = Scenario().look_until_quiet().running(at=10)

    seen_late = started.at(110).ends(48).look(5000)

    assert seen_late.run.ran_seconds == 100

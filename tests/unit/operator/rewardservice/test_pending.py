"""Why a RewardService does not answer with all its pods, in words that name the cure."""

import pytest
from support.kubernetes.kube_objects import make_event, terminated, waiting
from support.rewardservice.reward_services import judges_report
from support.rewardservice.rewards_life import RewardsLife, answering, silent, starting
from support.training.cluster_trainings import condition

from atlas_operator.cluster.document import Document

CRASHED = {
    **waiting("CrashLoopBackOff", name="rewards"),
    "restartCount": 4,
    "lastState": terminated(3, message="models.small: no")["state"],
}
SILENT = {"state": "Failing", "reason": "unreachable"}


@pytest.mark.parametrize(
    ("pod", "reason", "words"),
    [
        (starting("a", waiting("ImagePullBackOff", "manifest unknown")), "ImagePullBackOff", "check spec.image"),
        (
            starting("a", waiting("CreateContainerConfigError", 'secret "keys" not found')),
            "SecretMissing",
            "Secret keys, which does not exist in its namespace; create it",
        ),
        (starting("a", waiting("ContainerCreating")), "ContainerCreating", "image and volumes"),
        (silent("a"), "Starting", "have not answered the probe yet"),
    ],
)
def test_a_pod_that_is_not_ready_is_explained(pod: Document, reason: str, words: str) -> None:
    life = RewardsLife().settle().has_pods(pod).settle()
    assert life.ready()[0] == reason
    assert words in life.ready()[1]
    assert life.look().requeue_at is not None


def test_a_pod_that_ends_again_and_again_is_explained_by_its_last_words() -> None:
    pod = silent("a")
    pod["status"]["containerStatuses"] = [CRASHED]
    life = RewardsLife().settle().has_pods(pod).settle()
    assert life.ready() == ("Crashing", "pod a ends again and again, with exit code 3: models.small: no")


def test_the_first_end_of_a_pod_is_not_told_as_a_habit() -> None:
    pod = silent("a")
    pod["status"]["containerStatuses"] = [{**terminated(0, "Completed", name="rewards"), "restartCount": 0}]
    life = RewardsLife().settle().has_pods(pod).settle()
    assert life.ready() == ("Crashing", "pod a ended with exit code 0: Completed")


def test_of_several_ends_the_last_is_told() -> None:
    pod = silent("a")
    pod["status"]["containerStatuses"] = [{**CRASHED, **terminated(1, message="port taken", name="rewards")}]
    life = RewardsLife().settle().has_pods(pod).settle()
    assert life.ready() == ("Crashing", "pod a ends again and again, with exit code 1: port taken")


@pytest.mark.parametrize("old", [answering("old"), silent("old")], ids=["it answers", "it does not"])
def test_a_new_pod_is_not_blamed_for_what_an_old_one_says(old: Document) -> None:
    life = RewardsLife().settle().has_pods(old).says(judges_report(accuracy=SILENT)).settle()
    life.edit(temperatures=[0.1]).settle()
    life.has_pods(silent("new")).settle()
    assert life.ready() == ("Starting", "pod new runs; its judges have not answered the probe yet")
    life.says(judges_report(accuracy=SILENT), "new").settle()
    assert life.ready()[0] == "JudgesFailing"
    assert life.ready()[1].startswith("pod new runs, and these judges do not answer: accuracy (unreachable)")


def test_a_failing_probe_means_silent_judges() -> None:
    pod = silent("a")
    life = RewardsLife().settle().has_pods(pod)
    life.events = [make_event("Unhealthy", "Readiness probe failed: 503: quorum not reached", pod)]
    assert life.settle().ready()[0] == "ProbeFailing"
    assert "503: quorum not reached" in life.ready()[1]
    life.says(judges_report(accuracy=SILENT, helpfulness={})).settle()
    assert life.ready()[0] == "JudgesFailing"
    assert "accuracy (unreachable)" in life.ready()[1]


def test_pods_that_the_api_server_refuses_are_explained_and_their_account_is_made_again() -> None:
    life = RewardsLife().settle()
    said = 'pods "judges-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4'
    life.deployment_is("ReplicaFailure", "True", "FailedCreate", said)
    decided = life.look()
    assert life.ready()[0] == "QuotaExceeded"
    assert sorted(each["kind"] for each in decided.create) == ["Role", "RoleBinding", "ServiceAccount"]


def test_a_roll_out_that_makes_no_progress_for_ten_minutes_stalls_and_goes_on_when_it_can() -> None:
    life = RewardsLife().settle().has_pods(starting("a", waiting("ImagePullBackOff", "no"))).settle()
    assert life.statuses()["Stalled"] == "False"
    life.deployment_is("Progressing", "False", "ProgressDeadlineExceeded").settle()
    assert (life.statuses()["Stalled"], life.statuses()["Reconciling"]) == ("True", "False")
    assert condition(life.service, "Stalled")["reason"] == "ImagePullBackOff"
    life.has_pods(answering("a")).settle()
    assert (life.statuses()["Stalled"], life.statuses()["Ready"]) == ("False", "True")

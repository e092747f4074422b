"""How a RewardService comes to new pods: when they are needed, and when it is Ready with them."""

import json

import pytest
from support.rewardservice.reward_services import judge_models
from support.rewardservice.rewards_life import RewardsLife, answering, digest, revision, silent
from support.training.cluster_trainings import condition

from atlas_operator.cluster.document import Document
from atlas_operator.objects.rewardservice_pod import DRAIN_SECONDS
from atlas_rewards.server.http.scoring_endpoint import GRACE_SECONDS
from atlas_rewards.server.server import CLOSING_SECONDS, CONNECTION_DRAIN_SECONDS

KEY = {"secretKeyRef": {"name": "keys", "key": "large"}}


def test_it_is_ready_when_all_pods_of_the_newest_kind_answer_and_no_others_are_left() -> None:
    life = RewardsLife(replicas=2).settle().has_pods(answering("a"), silent("b")).settle()
    assert life.statuses()["Ready"] == "False"
    life.has_pods(answering("a"), answering("b")).settle()
    assert life.statuses() == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "Available": "True",
        "Degraded": "False",
        "ConfigLoaded": "True",
    }
    assert life.status["url"] == "http://judges-rewards.agents.svc:8080"
    assert life.status["revision"] == revision(life)
    assert life.status["display"]["replicas"] == "2/2"


def test_a_changed_configuration_gets_a_file_of_its_own_until_no_pod_reads_the_old_one() -> None:
    life = RewardsLife().answers()
    before, old = life.status["revision"], digest(life)
    life.edit(temperatures=[0.1]).settle()
    assert digest(life) != old
    assert {("ConfigMap", f"judges-{each}") for each in (old, digest(life))} <= set(life.children)
    assert life.status["revision"] == before
    assert (life.statuses()["Available"], life.statuses()["ConfigLoaded"]) == ("True", "False")
    life.has_pods(answering("new")).settle()
    assert life.statuses()["Ready"] == "False"
    life.old_pods_go().settle()
    assert life.status["revision"] == revision(life) != before
    assert ("ConfigMap", f"judges-{old}") not in life.children


def test_until_pods_of_the_newest_spec_are_there_nothing_is_counted_as_theirs() -> None:
    life = RewardsLife(replicas=2).answers().edit(temperatures=[0.1]).settle()
    assert life.ready() == ("RollingOut", "the newest spec is being rolled out")
    life.has_pods(answering("new")).settle()
    assert condition(life.service, "Available")["message"] == "pods that answer: 3, wanted: 2"
    assert condition(life.service, "ConfigLoaded")["message"] == "pods that answer: 3, with the newest configuration: 1"


def test_a_service_whose_pods_admission_changes_becomes_ready_and_stays_so() -> None:
    life = RewardsLife()
    life.registry = "mirror.test/"
    life.answers().look()
    assert life.statuses()["Ready"] == "True"
    life.edit(temperatures=[0.1]).settle()
    assert life.statuses()["Ready"] == "False"
    life.has_pods(answering("new")).old_pods_go().settle()
    assert life.statuses()["Ready"] == "True"
    decided = life.look()
    assert (decided.create, decided.requeue_at, decided.events) == ((), None, ())


def test_what_somebody_changes_in_the_pods_is_put_back() -> None:
    life = RewardsLife().answers()
    (container,) = life.child("Deployment")["spec"]["template"]["spec"]["containers"]
    container["image"] = "example.test/other:1"
    assert [each["kind"] for each in life.look().apply] == ["Deployment"]
    assert life.look().apply == ()


def test_pods_without_an_image_of_their_own_follow_the_operators() -> None:
    """A new version of the operator brings its own, whose rubrics and defaults may be others."""
    life = RewardsLife(image=None).answers()
    life.image = "example.test/rewards:2"
    life.settle()
    (container,) = life.child("Deployment")["spec"]["template"]["spec"]["containers"]
    assert (container["image"], life.statuses()["Ready"]) == ("example.test/rewards:2", "False")


def test_pods_with_an_image_of_their_own_outlive_an_upgrade_of_the_operator() -> None:
    """What the operator reckons that they score with may change with it, and is no part of them."""
    life = RewardsLife().answers()
    assert revision(life) not in json.dumps(life.child("Deployment"))


@pytest.mark.parametrize(
    ("edit", "same_file", "same_pods"),
    [
        ({"replicas": 3}, True, True),
        ({"image": "example.test/rewards:2"}, True, False),
        ({"resources": {"limits": {"memory": "1Gi"}}}, True, False),
        ({"imagePullSecrets": [{"name": "registry"}]}, True, False),
        ({"nodeSelector": {"pool": "judges"}}, True, False),
        ({"tolerations": [{"operator": "Exists"}]}, True, False),
        ({"env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]}, True, False),
        ({"volumes": [{"mountPath": "/checks", "configMap": "checks"}]}, True, False),
        ({"timeouts": {"totalSeconds": 10}}, False, False),
        ({"quorum": 2}, False, False),
        ({"models": judge_models(apiKeyFrom=KEY)}, False, False),
        ({"escalation": {"scoreStd": 0.15}}, True, True),
    ],
    ids=[
        *("more pods", "image", "memory", "registry", "nodes", "taints", "proxy", "files"),
        *("patience", "quorum", "another key", "a default written out"),
    ],
)
def test_what_pods_read_makes_another_file_and_what_they_are_makes_other_pods(
    edit: Document, same_file: bool, same_pods: bool
) -> None:
    life = RewardsLife().answers()
    before = life.child("Deployment")["spec"]["template"], digest(life)
    life.edit(**edit).settle()
    after = life.child("Deployment")["spec"]["template"], digest(life)
    assert (after[1] == before[1], after[0] == before[0]) == (same_file, same_pods)


def test_pods_are_replaced_one_by_one_and_finish_what_they_took() -> None:
    spec = RewardsLife(timeouts={"totalSeconds": 120}).settle().child("Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert "sleep" in container["lifecycle"]["preStop"]["exec"]["command"][-1]
    assert pod["terminationGracePeriodSeconds"] == 155
    assert 120 + DRAIN_SECONDS + CONNECTION_DRAIN_SECONDS + GRACE_SECONDS + 2 * CLOSING_SECONDS < 155
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_a_lost_pod_degrades_a_service_that_still_answers() -> None:
    life = RewardsLife(replicas=2).answers().has_pods(answering("a"), silent("b")).settle()
    assert (life.statuses()["Ready"], life.statuses()["Degraded"]) == ("False", "True")
    assert condition(life.service, "Degraded")["reason"] == "PodsMissing"
    assert life.statuses()["Available"] == "True"

"""What the operator decides about a RewardService: the real plan, and a table of what pods and judges do."""

from typing import Any

import pytest
from support.cluster_trainings import condition
from support.kube_objects import make_event, terminated, waiting
from support.reward_services import judges_report
from support.rewards_life import RewardsLife, answering, silent, starting

from atlas_api import parse
from atlas_api.rewardservice import RewardService, RewardServiceSpec
from atlas_api.yaml_document import read_documents
from atlas_operator.drift import differs
from atlas_operator.labels import CONFIGURATION
from atlas_operator.observed import Document
from atlas_operator.refusal import Refusal, read_spec_as
from atlas_rewards.judging.revision import revision_of

KINDS = ["ConfigMap", "ConfigMap", "Deployment", "Role", "RoleBinding", "Service", "ServiceAccount"]
KEY = {"secretKeyRef": {"name": "keys", "key": "large"}}
LARGE = {"model": "large-judge", "baseUrl": "http://vllm:8000/v1"}


def statuses(life: RewardsLife) -> dict[str, str]:
    return {each["type"]: each["status"] for each in life.status["conditions"]}


def ready(life: RewardsLife) -> tuple[str, str]:
    """Reason and message of the condition Ready."""
    told = condition(life.service, "Ready")
    return told["reason"], told["message"]


def models(**small: Any) -> Document:
    return {"small": {"model": "m", "baseUrl": "http://vllm:8000/v1", **small}}


def digest(life: RewardsLife) -> str:
    template = life.child("Deployment")["spec"]["template"]
    return str(template["metadata"]["annotations"][CONFIGURATION])


def revision(life: RewardsLife) -> str:
    spec, _ = read_spec_as(RewardServiceSpec, life.service)
    assert spec is not None
    return revision_of(spec)


def test_everything_is_made_at_once_and_a_second_look_makes_nothing() -> None:
    life = RewardsLife()
    first, second = life.look(), life.look()
    assert sorted(each["kind"] for each in (*first.create, *first.apply)) == KINDS
    assert (second.create, second.apply, second.delete) == ((), (), ())


def test_every_child_belongs_to_the_service() -> None:
    life = RewardsLife(replicas=2)
    decided = life.look()
    for document in (*decided.create, *decided.apply):
        (owner,) = document["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("RewardService", "uid-of-judges", True)
        assert document["metadata"]["annotations"]["atlas.arc.computer/rewards"] == "judges"
        assert document["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "atlas-operator"


def test_it_is_ready_when_all_pods_of_the_newest_kind_answer_and_no_others_are_left() -> None:
    life = RewardsLife(replicas=2).settle().has_pods(answering("a"), silent("b")).settle()
    assert statuses(life)["Ready"] == "False"
    life.has_pods(answering("a"), answering("b")).settle()
    assert statuses(life) == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "Available": "True",
        "Degraded": "False",
        "ConfigLoaded": "True",
    }
    assert life.status["url"] == "http://judges.agents.svc:8080"
    assert life.status["revision"] == revision(life)
    assert life.status["display"]["ready"] == "2/2"


def test_a_changed_configuration_gets_a_file_of_its_own_until_no_pod_reads_the_old_one() -> None:
    life = RewardsLife().answers()
    before, old = life.status["revision"], digest(life)
    life.edit(temperatures=[0.1]).settle()
    assert digest(life) != old
    assert {("ConfigMap", f"judges-{each}") for each in (old, digest(life))} <= set(life.children)
    assert life.status["revision"] == before
    assert (statuses(life)["Available"], statuses(life)["ConfigLoaded"]) == ("True", "False")
    life.has_pods(answering("new")).settle()
    assert statuses(life)["Ready"] == "False"
    life.old_pods_go().settle()
    assert life.status["revision"] == revision(life) != before
    assert ("ConfigMap", f"judges-{old}") not in life.children


@pytest.mark.parametrize(
    ("edit", "same_file", "same_pods"),
    [
        ({"replicas": 3}, True, True),
        ({"image": "example.test/rewards:2"}, True, False),
        ({"resources": {"limits": {"memory": "1Gi"}}}, True, False),
        ({"timeouts": {"totalSeconds": 10}}, False, False),
        ({"quorum": 2}, False, False),
        ({"models": models(apiKeyFrom=KEY)}, False, False),
        ({"escalation": {"scoreStd": 0.15}}, True, True),
    ],
    ids=["more pods", "image", "memory", "patience", "quorum", "another key", "a default written out"],
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
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_keys_are_given_by_reference_under_agreed_names() -> None:
    spec = {"models": {**models(apiKeyFrom=KEY), "large": {**LARGE, "apiKeyFrom": KEY}}, "tokenFrom": KEY}
    life = RewardsLife(**spec).settle()
    (container,) = life.child("Deployment")["spec"]["template"]["spec"]["containers"]
    found = {each["name"]: each["valueFrom"] for each in container["env"] if "valueFrom" in each}
    names = ("ATLAS_SMALL_JUDGE_KEY", "ATLAS_LARGE_JUDGE_KEY", "ATLAS_REWARDS_TOKEN")
    assert found == dict.fromkeys(names, KEY)


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"quorum": 0}, "InvalidSpec", "quorum: 0"),
        ({"image": None}, "ImageMissing", "--rewards-image"),
        ({"tokenFrom": {"file": "/x"}}, "SecretOutOfReach", "use tokenFrom.secretKeyRef"),
        ({"models": models(apiKeyFrom={"env": "KEY"})}, "SecretOutOfReach", "models.small.apiKeyFrom.secretKeyRef"),
        ({"cache": {"path": "/data/answers.db"}}, "CacheNotWritable", "below /var/cache/atlas only"),
        ({"cache": {"path": "/var/cache/atlas/../x"}}, "CacheNotWritable", "cache.path"),
    ],
)
def test_a_spec_that_pods_cannot_serve_is_final_and_makes_nothing(spec: Document, reason: str, words: str) -> None:
    life = RewardsLife(**spec)
    life.image = None
    decided = life.look()
    assert (decided.create, decided.apply, decided.look_again_at) == ((), (), None)
    assert ready(life)[0] == reason
    assert words in ready(life)[1]
    assert (statuses(life)["Stalled"], statuses(life)["Reconciling"]) == ("True", "False")


def test_a_mistake_in_the_spec_leaves_the_pods_of_the_one_before_alone() -> None:
    life = RewardsLife().answers()
    before = dict(life.children)
    life.edit(quorum=0).settle()
    assert life.children == before
    assert (statuses(life)["Ready"], statuses(life)["Available"]) == ("False", "True")
    assert life.status["revision"]


def test_what_the_api_server_refuses_is_tried_again() -> None:
    life = RewardsLife()
    decided = life.look(Refusal("NameTaken", "Service judges exists and belongs to something else", final=False))
    assert decided.look_again_at is not None
    assert ready(life)[0] == "NameTaken"
    assert (statuses(life)["Stalled"], statuses(life)["Reconciling"]) == ("False", "True")


CRASHED = {
    **waiting("CrashLoopBackOff", name="rewards"),
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
    assert ready(life)[0] == reason
    assert words in ready(life)[1]
    assert life.look().look_again_at is not None


def test_a_pod_that_ends_again_and_again_is_explained_by_its_last_words() -> None:
    pod = silent("a")
    pod["status"]["containerStatuses"] = [CRASHED]
    life = RewardsLife().settle().has_pods(pod).settle()
    assert ready(life) == ("Crashing", "pod a ends again and again, with exit code 3: models.small: no")


def test_a_failing_probe_means_silent_judges() -> None:
    pod = silent("a")
    life = RewardsLife().settle().has_pods(pod)
    life.events = [make_event("Unhealthy", "Readiness probe failed: 503: quorum not reached", pod)]
    assert ready(life.settle())[0] == "ProbeFailing"
    assert "503: quorum not reached" in ready(life)[1]
    life.says(judges_report(accuracy=SILENT, helpfulness={})).settle()
    assert ready(life)[0] == "JudgesFailing"
    assert "accuracy (unreachable)" in ready(life)[1]


def test_pods_that_the_api_server_refuses_are_explained_and_their_account_is_made_again() -> None:
    life = RewardsLife().settle()
    said = 'pods "judges-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4'
    life.deployment_is("ReplicaFailure", "True", "FailedCreate", said)
    decided = life.look()
    assert ready(life)[0] == "QuotaExceeded"
    assert sorted(each["kind"] for each in decided.create) == ["Role", "RoleBinding", "ServiceAccount"]


def test_a_roll_out_that_makes_no_progress_for_ten_minutes_stalls_and_goes_on_when_it_can() -> None:
    life = RewardsLife().settle().has_pods(starting("a", waiting("ImagePullBackOff", "no"))).settle()
    assert statuses(life)["Stalled"] == "False"
    life.deployment_is("Progressing", "False", "ProgressDeadlineExceeded").settle()
    assert (statuses(life)["Stalled"], statuses(life)["Reconciling"]) == ("True", "False")
    assert condition(life.service, "Stalled")["reason"] == "ImagePullBackOff"
    life.has_pods(answering("a")).settle()
    assert (statuses(life)["Stalled"], statuses(life)["Ready"]) == ("False", "True")


def test_a_lost_pod_degrades_a_service_that_still_answers() -> None:
    life = RewardsLife(replicas=2).answers().has_pods(answering("a"), silent("b")).settle()
    assert (statuses(life)["Ready"], statuses(life)["Degraded"]) == ("False", "True")
    assert condition(life.service, "Degraded")["reason"] == "PodsMissing"
    assert statuses(life)["Available"] == "True"


def test_judges_that_fail_degrade_a_service_that_is_ready() -> None:
    life = RewardsLife().answers().says(judges_report(accuracy={}, helpfulness=SILENT)).settle()
    assert (statuses(life)["Ready"], statuses(life)["Degraded"]) == ("True", "True")
    assert life.status["display"] == {"ready": "1/1", "judges": "1/2", "p99": "840ms"}


@pytest.mark.parametrize("said", ["", "[]", "{", '{"judges": 7}', '{"judges": [7, {"name": 8}]}', "[" * 70_000])
def test_a_report_that_makes_no_sense_says_nothing(said: str) -> None:
    life = RewardsLife().answers()
    life.child("ConfigMap", "judges-judges")["data"] = {"report": said}
    life.settle()
    assert [(each["name"], each["state"]) for each in life.status["judges"]] == [
        ("accuracy", "Unknown"),
        ("helpfulness", "Unknown"),
    ]


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ({"p50Ms": 1234, "p99Ms": 9876.5, "errorRate": 0.1234}, {"p50Ms": 1200, "p99Ms": 9900, "errorRate": 0.12}),
        ({"p50Ms": -1, "p99Ms": 1e300, "errorRate": 2}, {}),
        ({"p50Ms": True, "p99Ms": "7", "errorRate": None}, {}),
        ({"reason": "x" * 500}, {"reason": "x" * 64}),
        ({"state": "Splendid"}, {"state": "Unknown"}),
        ({"state": ["Answering"]}, {"state": "Unknown"}),
    ],
)
def test_figures_are_believed_within_bounds(said: Document, stored: Document) -> None:
    report = {
        "judges": [{"name": "accuracy", "state": "Answering", **said}, {"name": "stranger", "state": "Answering"}]
    }
    life = RewardsLife().answers().says(report).settle()
    accuracy, helpfulness = life.status["judges"]
    assert accuracy == {"name": "accuracy", "state": "Answering", **stored}
    assert helpfulness == {"name": "helpfulness", "state": "Unknown"}


def test_a_budget_comes_with_the_second_pod_and_goes_with_it() -> None:
    life = RewardsLife(replicas=2).answers()
    assert life.of_kind("PodDisruptionBudget")
    life.edit(replicas=1).settle()
    assert not life.of_kind("PodDisruptionBudget")


def test_turning_ready_and_turning_away_from_it_are_told_once() -> None:
    life = RewardsLife().settle().has_pods(answering("a"))
    assert [note.reason for note in life.look().notes] == ["Ready"]
    assert life.look().notes == ()
    life.has_pods(silent("a"))
    assert [note.reason for note in life.look().notes] == ["Starting"]
    assert life.look().notes == ()


def test_children_of_an_earlier_service_of_this_name_are_not_ours() -> None:
    life = RewardsLife().answers()
    life.service["metadata"]["uid"] = "another"
    decided = life.look()
    assert sorted(each["kind"] for each in (*decided.create, *decided.apply)) == KINDS
    assert decided.delete == ()


def test_a_service_that_is_being_deleted_is_left_to_the_api_server() -> None:
    life = RewardsLife().answers()
    life.service["metadata"]["deletionTimestamp"] = "2026-11-23T09:05:00Z"
    decided = life.look()
    assert decided.status is None
    assert (decided.create, decided.apply, decided.delete) == ((), (), ())


def test_a_status_that_cannot_be_read_is_told_anew() -> None:
    life = RewardsLife().answers()
    told = life.status
    life.service["status"] = {"observedGeneration": "seven"}
    life.settle()
    assert life.status == told


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"replicas": 5}, True),
        ({"template": {"spec": {}}}, True),
        ({"minReadySeconds": 0}, False),
    ],
)
def test_only_what_was_asked_for_is_compared(changes: Document, expected: bool) -> None:
    wanted = RewardsLife().settle().child("Deployment")
    wanted = {key: wanted[key] for key in ("apiVersion", "kind", "metadata", "spec")}
    found = {**wanted, "spec": {**wanted["spec"], **changes}}
    assert differs(wanted, found) is expected


@pytest.mark.parametrize(("found", "expected"), [("500m", False), ("0.5", False), ("1", True), (None, True)])
def test_amounts_are_compared_by_what_they_are_worth(found: str | None, expected: bool) -> None:
    wanted = {"resources": {"requests": {"cpu": "0.5"}}}
    assert differs(wanted, {"resources": {"requests": {"cpu": found} if found else {}}}) is expected


def test_entries_that_others_add_by_name_are_theirs() -> None:
    wanted = {"env": [{"name": "A", "value": "1"}]}
    assert not differs(wanted, {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]})
    assert differs(wanted, {"env": [{"name": "A", "value": "2"}]})
    assert differs({"command": ["a", "b"]}, {"command": ["a"]})


def test_the_configuration_that_the_operator_writes_reads_back_as_the_spec() -> None:
    life = RewardsLife(
        temperatures=[0.1], replicas=3, verifiers=[{"name": "close", "referenceSimilarity": {}}]
    ).settle()
    written = life.child("ConfigMap", f"judges-{digest(life)}")["data"]["rewardservice.yaml"]
    (document,) = read_documents(written)
    read = parse(RewardService, document).spec
    assert revision_of(read) == revision(life)
    assert (read.temperatures, read.replicas) == ((0.1,), 1)

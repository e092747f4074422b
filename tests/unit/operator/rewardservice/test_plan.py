"""What the operator decides about a RewardService: the real plan, and a table of what pods and judges do."""

import pytest
from support.rewardservice.reward_services import judge_models
from support.rewardservice.rewards_life import RewardsLife, answering, digest, revision, silent

from atlas_api import parse
from atlas_api.manifest.yaml_document import read_documents
from atlas_api.rewardservice.spec import RewardService
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import REWARDS
from atlas_operator.status.preconditions import FailedPrecondition
from atlas_rewards.judges.revision import revision_of

KINDS = ["ConfigMap", "ConfigMap", "Deployment", "Role", "RoleBinding", "Service", "ServiceAccount"]
KEY = {"secretKeyRef": {"name": "keys", "key": "large"}}
TESTS = {"name": "tests", "code": {}}
LARGE = {"model": "large-judge", "baseUrl": "http://vllm:8000/v1"}


def files(folder: str) -> Document:
    return {"mountPath": folder, "configMap": "checks"}


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


def test_a_pod_that_goes_while_it_starts_hears_it() -> None:
    """The kernel keeps SIGTERM from the first process of a namespace that has no handler yet."""
    assert RewardsLife().settle().child("Deployment")["spec"]["template"]["spec"]["shareProcessNamespace"] is True


def test_keys_are_given_by_reference_under_agreed_names() -> None:
    spec = {"models": {**judge_models(apiKeyFrom=KEY), "large": {**LARGE, "apiKeyFrom": KEY}}, "tokenFrom": KEY}
    life = RewardsLife(**spec).settle()
    (container,) = life.child("Deployment")["spec"]["template"]["spec"]["containers"]
    secret = [each for each in container["env"] if "secretKeyRef" in each.get("valueFrom", {})]
    found = {each["name"]: each["valueFrom"] for each in secret}
    names = ("ATLAS_SMALL_JUDGE_KEY", "ATLAS_LARGE_JUDGE_KEY", "ATLAS_REWARDS_TOKEN")
    assert found == dict.fromkeys(names, KEY)


def test_pods_get_what_the_user_says_of_nodes_registries_variables_and_files() -> None:
    spec = {
        "imagePullSecrets": [{"name": "registry"}, {"name": "registry"}],
        "nodeSelector": {"pool": "judges"},
        "tolerations": [{"key": "judges", "effect": "NoSchedule"}],
        "env": [{"name": "PYTHONPATH", "value": "/checks"}, {"name": "PROXY", **KEY}],
        "volumes": [
            {"mountPath": "/checks", "configMap": "checks"},
            {"mountPath": "/ca", "secret": "ca"},
            {"mountPath": "/data", "claim": "data", "readOnly": False},
        ],
    }
    pod = RewardsLife(**spec).settle().child("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (pod["imagePullSecrets"], pod["nodeSelector"]) == ([{"name": "registry"}], {"pool": "judges"})
    assert pod["tolerations"] == [{"key": "judges", "operator": "Equal", "effect": "NoSchedule"}]
    assert {"name": "PYTHONPATH", "value": "/checks"} in container["env"]
    assert {"name": "PROXY", "valueFrom": KEY} in container["env"]
    assert [(each["mountPath"], each["readOnly"]) for each in container["volumeMounts"][-3:]] == [
        ("/checks", True),
        ("/ca", True),
        ("/data", False),
    ]
    assert pod["volumes"][-3:] == [
        {"name": "volume-0", "configMap": {"name": "checks"}},
        {"name": "volume-1", "secret": {"secretName": "ca"}},
        {"name": "volume-2", "persistentVolumeClaim": {"claimName": "data", "readOnly": False}},
    ]


def test_pods_get_what_the_user_says_of_labels_spread_and_sandbox() -> None:
    spec = {
        "labels": {"team": "a"},
        "annotations": {"sidecar.istio.io/inject": "true"},
        "topologySpreadConstraints": [{"topologyKey": "zone"}],
        "runtimeClassName": "gvisor",
    }
    life = RewardsLife(**spec)
    before = digest(RewardsLife().settle())
    template = life.settle().child("Deployment")["spec"]["template"]
    assert (template["metadata"]["labels"]["team"], template["metadata"]["labels"][REWARDS]) == ("a", "judges")
    assert template["metadata"]["annotations"]["sidecar.istio.io/inject"] == "true"
    assert template["spec"]["runtimeClassName"] == "gvisor"
    (spread,) = template["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"][REWARDS] == "judges"
    assert digest(life) == before, "judges score as before"


def test_each_pod_reports_under_its_own_name() -> None:
    (container,) = RewardsLife().settle().child("Deployment")["spec"]["template"]["spec"]["containers"]
    found = {each["name"]: each for each in container["env"]}
    assert found["ATLAS_PROGRESS"]["value"] == "agents/judges-judges"
    assert found["ATLAS_REPORT_AS"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_of_variables_with_one_name_the_last_counts() -> None:
    twice = [{"name": "HOME", "value": "/a"}, {"name": "HOME", "value": "/b"}]
    template = RewardsLife(env=twice).settle().child("Deployment")["spec"]["template"]
    found = template["spec"]["containers"][0]["env"]
    assert [each["value"] for each in found if each["name"] == "HOME"] == ["/b"]
    assert len({each["name"] for each in found}) == len(found)


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"quorum": 0}, "InvalidSpec", "quorum: 0"),
        ({"image": None}, "ImageMissing", "--rewards-image"),
        ({"tokenFrom": {"file": "/x"}}, "SecretOutOfReach", "use tokenFrom.secretKeyRef"),
        (
            {"models": judge_models(apiKeyFrom={"env": "KEY"})},
            "SecretOutOfReach",
            "models.small.apiKeyFrom.secretKeyRef",
        ),
        ({"volumes": [files("/tmp/")]}, "FolderTaken", "volumes.0: pods keep something of their own in /tmp"),
        ({"volumes": [files("/etc/atlas")]}, "FolderTaken", "mount it elsewhere"),
        ({"volumes": [files("/a"), files("/a")]}, "FolderTaken", "volumes.1: something is mounted at /a already"),
        ({"verifiers": [TESTS]}, "CodeNotAllowed", "verifiers: tests runs completions as code"),
        ({"cache": {"path": "/data/answers.db"}}, "CacheNotWritable", "below /var/cache/atlas, which"),
        ({"cache": {"path": "/a/x"}, "volumes": [files("/a")]}, "CacheNotWritable", "on a claim with"),
        ({"cache": {"path": "/var/cache/atlas/../x"}}, "CacheNotWritable", "cache.path"),
    ],
)
def test_a_spec_that_pods_cannot_serve_is_final_and_makes_nothing(spec: Document, reason: str, words: str) -> None:
    life = RewardsLife(**spec)
    life.image = None
    decided = life.look()
    assert (decided.create, decided.apply, decided.requeue_at) == ((), (), None)
    assert life.ready()[0] == reason
    assert words in life.ready()[1]
    assert (life.statuses()["Stalled"], life.statuses()["Reconciling"]) == ("True", "False")


def test_answers_may_be_remembered_on_a_claim_of_the_users() -> None:
    kept = {"claim": "answers", "mountPath": "/data", "readOnly": False}
    life = RewardsLife(cache={"path": "/data/answers.db"}, volumes=[kept]).answers()
    assert life.statuses()["Ready"] == "True"


@pytest.mark.parametrize(("verifiers", "told"), [([TESTS], True), ([{"name": "close", "numeric": {}}], False)])
def test_where_the_operator_allows_code_pods_that_need_it_are_told(verifiers: list[Document], told: bool) -> None:
    life = RewardsLife(verifiers=verifiers)
    life.allow_code = True
    (container,) = life.settle().child("Deployment")["spec"]["template"]["spec"]["containers"]
    assert ({"name": "ATLAS_ALLOW_CODE", "value": "1"} in container["env"]) is told


def test_pods_go_on_where_code_is_no_longer_allowed() -> None:
    life = RewardsLife(verifiers=[TESTS])
    life.allow_code = True
    before = dict(life.answers().children)
    life.allow_code = False
    assert life.settle().children == before
    assert (life.ready()[0], life.statuses()["Available"]) == ("CodeNotAllowed", "True")


def test_a_mistake_in_the_spec_leaves_the_pods_of_the_one_before_alone() -> None:
    life = RewardsLife().answers()
    before = dict(life.children)
    life.edit(quorum=0).settle()
    assert life.children == before
    assert (life.statuses()["Ready"], life.statuses()["Available"]) == ("False", "True")
    assert life.status["revision"]


def test_what_the_api_server_refuses_is_tried_again() -> None:
    life = RewardsLife()
    decided = life.look(
        FailedPrecondition("NameTaken", "Service judges-rewards exists and belongs to something else", final=False)
    )
    assert decided.requeue_at is not None
    assert life.ready()[0] == "NameTaken"
    assert (life.statuses()["Stalled"], life.statuses()["Reconciling"]) == ("False", "True")


def test_a_budget_comes_with_the_second_pod_and_goes_with_it() -> None:
    life = RewardsLife(replicas=2).answers()
    assert life.store.of_kind("PodDisruptionBudget")
    life.edit(replicas=1).settle()
    assert not life.store.of_kind("PodDisruptionBudget")


def test_turning_ready_and_turning_away_from_it_are_told_once() -> None:
    life = RewardsLife().settle().has_pods(answering("a"))
    assert [event.reason for event in life.look().events] == ["Ready"]
    assert life.look().events == ()
    life.has_pods(silent("a"))
    assert [event.reason for event in life.look().events] == ["Starting"]
    assert life.look().events == ()


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


def test_the_configuration_that_the_operator_writes_reads_back_as_the_spec() -> None:
    life = RewardsLife(
        temperatures=[0.1], replicas=3, verifiers=[{"name": "close", "referenceSimilarity": {}}]
    ).settle()
    written = life.child("ConfigMap", f"judges-{digest(life)}")["data"]["rewardservice.yaml"]
    (document,) = read_documents(written)
    read = parse(RewardService, document).spec
    assert revision_of(read) == revision(life)
    assert (read.temperatures, read.replicas) == ((0.1,), 1)


@pytest.mark.parametrize(
    "owner", [{}, {"kind": "RewardService", "name": "judges", "uid": "x"}, {"uid": "uid-of-judges"}]
)
def test_what_carries_its_labels_and_belongs_to_something_else_is_left_alone(owner: Document) -> None:
    """The last one names this service as an owner that does not control it."""
    life = RewardsLife().answers()
    for kind, name in (("PodDisruptionBudget", "theirs"), ("ConfigMap", "judges-0123456789abcdef")):
        labels = {"atlas.arc.computer/rewards": "judges"}
        references = [{**owner, "controller": owner.get("uid") == "x"}] if owner else []
        metadata = {"name": name, "namespace": "agents", "labels": labels, "ownerReferences": references}
        life.store.create({"apiVersion": "v1", "kind": kind, "metadata": metadata})
    decided = life.look()
    assert (decided.create, decided.apply, decided.merge, decided.delete) == ((), (), (), ())


def test_a_report_map_that_became_immutable_is_made_anew() -> None:
    life = RewardsLife().answers().says("{}", pod="gone")
    life.child("ConfigMap", "judges-judges")["immutable"] = True
    decided = life.look()
    assert [each["metadata"]["name"] for each in decided.delete] == ["judges-judges"]
    assert decided.merge == ()
    assert [each["metadata"]["name"] for each in life.look().create] == ["judges-judges"]
    assert life.look().delete == ()


def test_what_no_report_is_does_not_stay_in_the_report_map() -> None:
    life = RewardsLife().answers().says("{}", pod="gone")
    reports = life.child("ConfigMap", "judges-judges")
    reports["binaryData"] = {"x": "AAAA"}
    (change,) = life.look().merge
    assert change["metadata"].keys() == {"name", "namespace", "uid"}
    assert (reports["data"], reports["binaryData"]) == ({}, {})
    assert life.look().merge == ()

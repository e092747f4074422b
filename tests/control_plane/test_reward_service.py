"""RewardServices on a real API server with real controllers; kwok plays the pods, which are ready when they run."""

import json
import time

import pytest
from cluster.components.kwok import PREFIX
from cluster.kubectl import Document, Kubectl
from cluster.programs.processes import wait_until
from support.kubernetes import argocd, kstatus
from support.kubernetes.account_rights import may
from support.kubernetes.leftovers import assert_nothing_is_left
from support.rewardservice.reward_service_story import (
    NAME,
    SERVING,
    is_ready,
    pods,
    reason_is,
    resource_versions,
    seen,
    start,
)
from support.rewardservice.reward_services import IMAGE, judges_report, reward_service, tell_judges
from support.training.cluster_trainings import condition

from atlas_operator.cluster.labels import CONFIGURATION, FIELD_MANAGER, MANAGED_BY, REWARDS

pytestmark = pytest.mark.cluster

TOO_LARGE = {"resources": {"requests": {"cpu": "1000"}}}
"""No node takes the pods."""


def test_a_service_becomes_pods_that_answer_at_an_address(watched: Kubectl) -> None:
    status = start(watched, replicas=2)["status"]
    assert status["url"] == f"http://judges-rewards.{watched.namespace}.svc:8080"
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)
    assert len(status["revision"]) == 16
    line = watched.run("get", "rws", NAME, "--no-headers").split()
    assert line[:5] == [NAME, "True", "2/2", status["revision"], status["url"]]
    ports = watched.get("service", SERVING)["spec"]["ports"]
    assert [(port["port"], port["targetPort"]) for port in ports] == [(8080, "http")]
    assert watched.get("poddisruptionbudget", SERVING)["spec"]["maxUnavailable"] == 1


def test_pods_get_the_manifest_and_keys_by_reference_only(watched: Kubectl) -> None:
    start(watched, tokenFrom={"secretKeyRef": {"name": "callers", "key": "token"}})
    (pod,) = pods(watched)
    environment = {one["name"]: one for one in pod["spec"]["containers"][0]["env"]}
    assert environment["ATLAS_SMALL_JUDGE_KEY"]["valueFrom"]["secretKeyRef"] == {"name": "judge-keys", "key": "small"}
    assert environment["ATLAS_REWARDS_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "callers", "key": "token"}
    (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == "configuration"]
    stored = watched.get("configmap", volume["configMap"]["name"])
    manifest = json.loads(stored["data"]["rewardservice.yaml"])
    assert stored["immutable"]
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("RewardService", NAME)
    assert manifest["spec"]["models"]["small"]["baseUrl"] == "http://vllm:8000/v1"
    assert "image" not in manifest["spec"]


def test_a_namespace_that_enforces_the_restricted_standard_takes_the_pods(watched: Kubectl) -> None:
    watched.run("label", "namespace", watched.namespace, "pod-security.kubernetes.io/enforce=restricted")
    start(watched)


def test_a_changed_configuration_rolls_out_and_the_old_one_is_removed(watched: Kubectl) -> None:
    before = start(watched)
    (old,) = pods(watched)
    judges = [{"name": "accuracy", "rubric": "accuracy"}]
    watched.patch("rewardservice", NAME, {"spec": {"judges": judges}})
    status = seen(watched, is_ready, "readiness")["status"]
    assert status["revision"] != before["status"]["revision"]
    (new,) = pods(watched)
    assert new["metadata"]["annotations"][CONFIGURATION] != old["metadata"]["annotations"][CONFIGURATION]
    digest = old["metadata"]["annotations"][CONFIGURATION]
    watched.wait_for("configmap", f"{NAME}-{digest}", lambda one: one is None)


def test_while_new_pods_cannot_start_the_old_ones_answer(watched: Kubectl) -> None:
    before = start(watched)
    watched.patch("rewardservice", NAME, {"spec": {"quorum": 2, **TOO_LARGE}})
    service = seen(watched, reason_is("Unschedulable"), "the diagnosis")
    assert condition(service, "Available")["status"] == "True"
    assert condition(service, "Reconciling")["status"] == "True"
    assert service["status"]["revision"] == before["status"]["revision"]
    assert "lower spec.resources" in condition(service, "Ready")["message"]
    assert "pods that answer: 1, with the newest configuration: 0" in condition(service, "ConfigLoaded")["message"]
    watched.patch("rewardservice", NAME, {"spec": {"resources": None}})
    assert seen(watched, is_ready, "readiness")["status"]["revision"] != before["status"]["revision"]


@pytest.mark.parametrize(
    ("waits", "said", "reason", "words"),
    [
        ("ImagePullBackOff", "manifest unknown", "ImagePullBackOff", "example.test/rewards:1 cannot be pulled"),
        ("CreateContainerConfigError", 'secret "judge-keys" not found', "SecretMissing", "Secret judge-keys"),
    ],
)
def test_a_pod_that_cannot_start_is_explained(watched: Kubectl, waits: str, said: str, reason: str, words: str) -> None:
    watched.create(reward_service(NAME, **TOO_LARGE))
    seen(watched, reason_is("Unschedulable"), "a pod")
    (pod,) = pods(watched)
    name = pod["metadata"]["name"]
    watched.annotate("pod", name, {f"{PREFIX}waiting-reason": waits, f"{PREFIX}waiting-message": said})
    target = {"apiVersion": "v1", "kind": "Node", "name": "simulated-1"}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
    watched.run("create", "-f", "-", text=json.dumps(binding))
    service = seen(watched, reason_is(reason), "the diagnosis")
    assert words in condition(service, "Ready")["message"]
    assert condition(service, "Available")["status"] == "False"
    assert kstatus.verdict(service).status == "InProgress"
    assert argocd.health(service).status == "Progressing"


def test_judges_that_fall_silent_take_the_readiness_away_and_are_named(watched: Kubectl) -> None:
    start(watched)
    (pod,) = pods(watched)
    silent = {"state": "Failing", "reason": "unreachable"}
    tell_judges(watched, NAME, pod["metadata"]["name"], judges_report(accuracy=silent, helpfulness=silent))
    conditions = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    watched.patch("pod", pod["metadata"]["name"], {"status": {"conditions": conditions}}, "--subresource=status")
    service = seen(watched, reason_is("JudgesFailing"), "the diagnosis")
    assert "accuracy (unreachable), helpfulness (unreachable)" in condition(service, "Ready")["message"]
    assert (condition(service, "Available")["status"], condition(service, "Degraded")["status"]) == ("False", "Unknown")
    line = watched.run("get", "rws", NAME, "--no-headers").split()
    assert line[1:4] == ["False", "0/1", "0/2"]


def test_more_replicas_are_protected_and_one_is_not(watched: Kubectl) -> None:
    start(watched)
    assert watched.find("poddisruptionbudget", SERVING) is None
    watched.patch("rewardservice", NAME, {"spec": {"replicas": 3}})
    seen(watched, lambda one: one["status"].get("readyReplicas") == 3, "three pods")
    assert watched.find("poddisruptionbudget", SERVING) is not None
    watched.patch("rewardservice", NAME, {"spec": {"replicas": 1}})
    seen(watched, lambda one: one["status"].get("readyReplicas") == 1 and is_ready(one), "one pod")
    watched.wait_for("poddisruptionbudget", SERVING, lambda one: one is None)


def test_what_the_pods_say_of_their_judges_reaches_the_status(watched: Kubectl) -> None:
    start(watched, replicas=2)
    first, second = (pod["metadata"]["name"] for pod in pods(watched))
    silent = {"state": "Failing", "reason": "timeout", "p99Ms": 31_000}
    tell_judges(watched, NAME, first, judges_report(accuracy={}, helpfulness=silent))
    tell_judges(watched, NAME, second, judges_report(accuracy={}, helpfulness={}))
    service = seen(watched, lambda one: condition(one, "Degraded")["status"] == "True", "degradation")
    assert [judge["state"] for judge in service["status"]["judges"]] == ["Answering", "Failing"]
    assert "helpfulness" in condition(service, "Degraded")["message"]
    assert is_ready(service)
    assert service["status"]["revision"] == "0" * 16
    line = watched.run("get", "rws", NAME, "--no-headers").split()
    assert line[1:5] == ["True", "2/2", "1/2", "31s"]
    watched.run("delete", "pod", first, "--wait=false")
    seen(watched, lambda one: condition(one, "Degraded")["status"] == "False" and is_ready(one), "recovery")
    watched.wait_for("configmap", f"{NAME}-judges", lambda one: one is not None and set(one["data"]) == {second})


def test_what_others_change_is_put_back(watched: Kubectl) -> None:
    start(watched)
    watched.patch("deployment", SERVING, {"spec": {"replicas": 4}})
    watched.wait_for("deployment", SERVING, lambda one: one is not None and one["spec"]["replicas"] == 1)
    watched.delete("service", SERVING)
    watched.wait_for("service", SERVING, lambda one: one is not None)


TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": IMAGE}]}}
BOUND = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
TAKEN: dict[str, Document] = {
    "Deployment": {
        "apiVersion": "apps/v1",
        "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
    },
    "Service": {"apiVersion": "v1", "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}},
    "ServiceAccount": {"apiVersion": "v1", "automountServiceAccountToken": True},
    "Role": {"apiVersion": "rbac.authorization.k8s.io/v1", "rules": []},
    "RoleBinding": {"apiVersion": "rbac.authorization.k8s.io/v1", "roleRef": BOUND},
    "PodDisruptionBudget": {"apiVersion": "policy/v1", "spec": {"selector": {"matchLabels": {"a": "b"}}}},
    "ConfigMap": {"apiVersion": "v1", "data": {"mine": "yes"}},
}


@pytest.mark.parametrize("labels", [{}, {REWARDS: NAME, MANAGED_BY: FIELD_MANAGER}], ids=["plain", "with our labels"])
@pytest.mark.parametrize("kind", TAKEN)
def test_an_object_of_somebody_else_is_neither_changed_nor_deleted(
    watched: Kubectl, kind: str, labels: dict[str, str]
) -> None:
    name = f"{NAME}-judges" if kind == "ConfigMap" else SERVING
    watched.create({"kind": kind, "metadata": {"name": name, "labels": labels}, **TAKEN[kind]})
    before = watched.get(kind, name)
    watched.create(reward_service(NAME, replicas=2))
    service = seen(watched, reason_is("NameTaken"), "the refusal")
    said = f"{kind} {name} exists and belongs to something else, and is left alone; rename or delete it"
    assert said in condition(service, "Ready")["message"]
    assert condition(service, "Reconciling")["status"] == "True"
    watched.delete("rewardservice", NAME)
    after = watched.get(kind, name)
    assert without_status(after) == without_status(before)


def without_status(document: Document) -> Document:
    kept = {part: value for part, value in document.items() if part != "status"}
    del kept["metadata"]["resourceVersion"]
    kept["metadata"].pop("annotations", None)  # the Deployment's controller counts its revisions there
    return kept


def test_a_service_named_as_another_program_takes_nothing_of_that_program(watched: Kubectl) -> None:
    for kind, spec in (("ServiceAccount", {}), ("Service", {"spec": {"ports": [{"port": 9090}]}})):
        watched.create({"apiVersion": "v1", "kind": kind, "metadata": {"name": "prometheus"}, **spec})
    watched.create(reward_service("prometheus"))
    watched.run("wait", "rewardservice/prometheus", "--for=condition=Ready", "--timeout=300s")
    kinds = "serviceaccounts,services,deployments,roles,rolebindings,configmaps"
    own = {name.rpartition("/")[2] for name in watched.run("get", kinds, "-l", REWARDS, "-o", "name").split()}
    assert "prometheus" not in own
    assert "prometheus-rewards" in own


def test_a_spec_that_pods_cannot_serve_stalls_and_the_old_pods_go_on(watched: Kubectl) -> None:
    start(watched)
    watched.patch("rewardservice", NAME, {"spec": {"tokenFrom": {"env": "TOKEN"}}})
    service = seen(watched, reason_is("SecretOutOfReach"), "the refusal")
    assert (condition(service, "Stalled")["status"], condition(service, "Available")["status"]) == ("True", "True")
    assert kstatus.verdict(service).status == "Failed"
    assert argocd.health(service).status == "Degraded"
    assert len(pods(watched)) == 1


def test_deleting_a_service_leaves_nothing(watched: Kubectl) -> None:
    start(watched, replicas=2)
    watched.delete("rewardservice", NAME)
    assert_nothing_is_left(watched, REWARDS)


def test_pods_run_where_and_with_what_the_spec_says(watched: Kubectl) -> None:
    watched.create(reward_service(NAME, nodeSelector={"pool": "judges"}))
    service = seen(watched, reason_is("Unschedulable"), "the diagnosis")
    assert "correct spec.nodeSelector" in condition(service, "Ready")["message"]
    wanted = {"tolerations": [{"operator": "Exists"}], "imagePullSecrets": [{"name": "registry"}]}
    watched.patch("rewardservice", NAME, {"spec": {"nodeSelector": None, **wanted}})
    seen(watched, is_ready, "readiness")
    (pod,) = pods(watched)
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert {"operator": "Exists"} in pod["spec"]["tolerations"]


def settled_versions(kubectl: Kubectl) -> dict[str, str]:
    """Those that stay for a second: once a service is Ready, controllers still write to its objects for a moment."""
    readings = [resource_versions(kubectl)]

    def agree() -> bool:
        time.sleep(1)
        readings.append(resource_versions(kubectl))
        return readings[-1] == readings[-2]

    wait_until("versions that stay", agree)
    return readings[-1]


def test_an_idle_service_is_not_written(watched: Kubectl) -> None:
    defaults = {"env": [{"name": "EMPTY", "value": ""}], "nodeSelector": {}, "tolerations": [{"operator": "Exists"}]}
    files = [{"mountPath": "/checks", "configMap": "checks", "readOnly": False}]
    amounts = {"requests": {"cpu": "0.5", "memory": "1024Mi"}}
    watched.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "checks"}})
    start(watched, replicas=2, resources=amounts, volumes=files, **defaults)
    before = settled_versions(watched)
    time.sleep(3)
    assert resource_versions(watched) == before


def test_the_same_spec_applied_again_changes_nothing(watched: Kubectl) -> None:
    start(watched)
    before = settled_versions(watched)
    watched.annotate("rewardservice", NAME, {"somebody": "was here"})
    time.sleep(2)
    after = resource_versions(watched)
    assert {name for name in after if after[name] != before.get(name)} == {f"RewardService/{NAME}"}


def test_the_pods_account_may_patch_its_own_report_and_nothing_else(watched: Kubectl) -> None:
    start(watched)
    assert may(watched, SERVING, "patch", f"configmaps/{NAME}-judges")
    others = [("list", "configmaps"), ("get", "secrets"), ("patch", "rewardservices/status")]
    assert not any(may(watched, SERVING, *other) for other in others)


def test_a_service_that_is_deleted_and_made_again_at_once_answers(watched: Kubectl) -> None:
    before = start(watched)
    watched.delete("rewardservice", NAME)
    after = start(watched)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    owners = [one["metadata"]["ownerReferences"][0]["uid"] for one in watched.items("deployments", REWARDS)]
    assert owners == [after["metadata"]["uid"]]
    assert not watched.run("get", "events", "--field-selector=reason=NameTaken", "-o", "name")

"""RewardServices on a real API server with real controllers; kwok plays the pods, which are ready when they run."""

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster.fixtures import ControlPlane
from cluster.kubectl import Document, Kubectl, Refused
from cluster.kwok import PREFIX
from support import argocd, kstatus
from support.cluster_trainings import cluster_training, condition
from support.operator_process import install, kubeconfig_of_the_operator, operator
from support.reward_services import IMAGE, judges_report, reward_service, tell_judges

from atlas_api.yaml_document import read_documents
from atlas_operator.labels import CONFIGURATION, REWARDS

pytestmark = pytest.mark.cluster

NAME = "judges"
TOO_LARGE = {"resources": {"requests": {"cpu": "1000"}}}
"""No node takes the pods."""

KINDS = "deployments,replicasets,pods,services,poddisruptionbudgets,configmaps,serviceaccounts,roles,rolebindings"


@pytest.fixture(scope="module")
def log(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The log of an operator that runs."""
    folder = tmp_path_factory.mktemp("operator")
    install(control_plane.kubectl)
    with operator(kubeconfig_of_the_operator(control_plane.kubectl, folder), folder / "operator.log"):
        yield folder / "operator.log"
    print((folder / "operator.log").read_text())


@pytest.fixture
def services(log: Path, kubectl: Kubectl) -> Kubectl:
    """kubectl in a fresh namespace that the operator watches."""
    return kubectl


def seen(kubectl: Kubectl, holds: Callable[[Document], bool], what: str, seconds: float = 30) -> Document:
    """The service, once *holds*; the wait says what it waited for."""
    found = kubectl.wait_for("rewardservice", NAME, lambda one: one is not None and holds(one), what, seconds)
    assert found is not None
    return found


def is_ready(service: Document) -> bool:
    """As `kubectl wait` decides."""
    ready = condition(service, "Ready")
    generation = service["metadata"]["generation"]
    return ready.get("status") == "True" and ready["observedGeneration"] == generation


def start(kubectl: Kubectl, **spec: object) -> Document:
    kubectl.create(reward_service(NAME, **spec))
    return seen(kubectl, is_ready, "readiness")


def reason_is(reason: str) -> Callable[[Document], bool]:
    return lambda service: bool(condition(service, "Ready").get("reason") == reason)


def children(kubectl: Kubectl) -> list[str]:
    return sorted(kubectl.run("get", KINDS, "-l", REWARDS, "-o", "name").split())


def pods(kubectl: Kubectl) -> list[Document]:
    """Those that stay."""
    return [pod for pod in kubectl.items("pods", REWARDS) if "deletionTimestamp" not in pod["metadata"]]


def resource_versions(kubectl: Kubectl) -> dict[str, str]:
    found = [kubectl.get("rewardservice", NAME), *kubectl.items(KINDS, REWARDS)]
    return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in found}


def test_a_service_becomes_pods_that_answer_at_an_address(services: Kubectl) -> None:
    status = start(services, replicas=2)["status"]
    assert status["url"] == f"http://judges.{services.namespace}.svc:8080"
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)
    assert len(status["revision"]) == 16
    line = services.run("get", "rws", NAME, "--no-headers").split()
    assert line[:4] == [NAME, "2/2", status["revision"], status["url"]]
    ports = services.get("service", NAME)["spec"]["ports"]
    assert [(port["port"], port["targetPort"]) for port in ports] == [(8080, "http")]
    assert services.get("poddisruptionbudget", NAME)["spec"]["maxUnavailable"] == 1


def test_pods_get_the_manifest_and_keys_by_reference_only(services: Kubectl) -> None:
    start(services, tokenFrom={"secretKeyRef": {"name": "callers", "key": "token"}})
    (pod,) = pods(services)
    environment = {one["name"]: one for one in pod["spec"]["containers"][0]["env"]}
    assert environment["ATLAS_SMALL_JUDGE_KEY"]["valueFrom"]["secretKeyRef"] == {"name": "judge-keys", "key": "small"}
    assert environment["ATLAS_REWARDS_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "callers", "key": "token"}
    (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == "configuration"]
    stored = services.get("configmap", volume["configMap"]["name"])
    manifest = json.loads(stored["data"]["rewardservice.yaml"])
    assert stored["immutable"]
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("RewardService", NAME)
    assert manifest["spec"]["models"]["small"]["baseUrl"] == "http://vllm:8000/v1"
    assert "image" not in manifest["spec"]


def test_a_namespace_that_enforces_the_restricted_standard_takes_the_pods(services: Kubectl) -> None:
    services.run("label", "namespace", services.namespace, "pod-security.kubernetes.io/enforce=restricted")
    start(services)


def test_a_changed_configuration_rolls_out_and_the_old_one_is_removed(services: Kubectl) -> None:
    before = start(services)
    (old,) = pods(services)
    judges = [{"name": "accuracy", "rubric": "accuracy"}]
    services.patch("rewardservice", NAME, {"spec": {"judges": judges}})
    status = seen(services, is_ready, "readiness")["status"]
    assert status["revision"] != before["status"]["revision"]
    (new,) = pods(services)
    assert new["metadata"]["annotations"][CONFIGURATION] != old["metadata"]["annotations"][CONFIGURATION]
    digest = old["metadata"]["annotations"][CONFIGURATION]
    services.wait_for("configmap", f"{NAME}-{digest}", lambda one: one is None)


def test_while_new_pods_cannot_start_the_old_ones_answer(services: Kubectl) -> None:
    before = start(services)
    services.patch("rewardservice", NAME, {"spec": {"quorum": 2, **TOO_LARGE}})
    service = seen(services, reason_is("Unschedulable"), "the diagnosis")
    assert condition(service, "Available")["status"] == "True"
    assert condition(service, "Reconciling")["status"] == "True"
    assert service["status"]["revision"] == before["status"]["revision"]
    assert "lower spec.resources" in condition(service, "Ready")["message"]
    assert "pods that answer: 1, with the newest configuration: 0" in condition(service, "ConfigLoaded")["message"]
    services.patch("rewardservice", NAME, {"spec": {"resources": None}})
    assert seen(services, is_ready, "readiness")["status"]["revision"] != before["status"]["revision"]


@pytest.mark.parametrize(
    ("waits", "said", "reason", "words"),
    [
        ("ImagePullBackOff", "manifest unknown", "ImagePullBackOff", "example.test/rewards:1 cannot be pulled"),
        ("CreateContainerConfigError", 'secret "judge-keys" not found', "SecretMissing", "Secret judge-keys"),
    ],
)
def test_a_pod_that_cannot_start_is_explained(
    services: Kubectl, waits: str, said: str, reason: str, words: str
) -> None:
    services.create(reward_service(NAME, **TOO_LARGE))
    seen(services, reason_is("Unschedulable"), "a pod")
    (pod,) = pods(services)
    name = pod["metadata"]["name"]
    services.annotate("pod", name, {f"{PREFIX}waiting-reason": waits, f"{PREFIX}waiting-message": said})
    target = {"apiVersion": "v1", "kind": "Node", "name": "simulated-1"}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
    services.run("create", "-f", "-", text=json.dumps(binding))
    service = seen(services, reason_is(reason), "the diagnosis")
    assert words in condition(service, "Ready")["message"]
    assert condition(service, "Available")["status"] == "False"
    assert kstatus.verdict(service).status == "InProgress"
    assert argocd.health(service).status == "Progressing"


def test_judges_that_fall_silent_take_the_readiness_away_and_are_named(services: Kubectl) -> None:
    start(services)
    (pod,) = pods(services)
    silent = {"state": "Failing", "reason": "unreachable"}
    tell_judges(services, NAME, pod["metadata"]["name"], judges_report(accuracy=silent, helpfulness=silent))
    conditions = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    services.patch("pod", pod["metadata"]["name"], {"status": {"conditions": conditions}}, "--subresource=status")
    service = seen(services, reason_is("JudgesFailing"), "the diagnosis")
    assert "accuracy (unreachable), helpfulness (unreachable)" in condition(service, "Ready")["message"]
    assert (condition(service, "Available")["status"], condition(service, "Degraded")["status"]) == ("False", "Unknown")
    line = services.run("get", "rws", NAME, "--no-headers").split()
    assert line[1:3] == ["0/1", "0/2"]


def test_more_replicas_are_protected_and_one_is_not(services: Kubectl) -> None:
    start(services)
    assert services.find("poddisruptionbudget", NAME) is None
    services.patch("rewardservice", NAME, {"spec": {"replicas": 3}})
    seen(services, lambda one: one["status"].get("readyReplicas") == 3, "three pods")
    assert services.find("poddisruptionbudget", NAME) is not None
    services.patch("rewardservice", NAME, {"spec": {"replicas": 1}})
    seen(services, lambda one: one["status"].get("readyReplicas") == 1 and is_ready(one), "one pod")
    services.wait_for("poddisruptionbudget", NAME, lambda one: one is None)


def test_what_the_pods_say_of_their_judges_reaches_the_status(services: Kubectl) -> None:
    start(services, replicas=2)
    first, second = (pod["metadata"]["name"] for pod in pods(services))
    silent = {"state": "Failing", "reason": "timeout", "p99Ms": 31_000}
    tell_judges(services, NAME, first, judges_report(accuracy={}, helpfulness=silent))
    tell_judges(services, NAME, second, judges_report(accuracy={}, helpfulness={}))
    service = seen(services, lambda one: condition(one, "Degraded")["status"] == "True", "degradation")
    assert [judge["state"] for judge in service["status"]["judges"]] == ["Answering", "Failing"]
    assert "helpfulness" in condition(service, "Degraded")["message"]
    assert is_ready(service)
    assert service["status"]["revision"] == "0" * 16
    line = services.run("get", "rws", NAME, "--no-headers").split()
    assert line[1:4] == ["2/2", "1/2", "31s"]
    services.run("delete", "pod", first, "--wait=false")
    seen(services, lambda one: condition(one, "Degraded")["status"] == "False" and is_ready(one), "recovery")
    services.wait_for("configmap", f"{NAME}-judges", lambda one: one is not None and set(one["data"]) == {second})


def test_what_others_change_is_put_back(services: Kubectl) -> None:
    start(services)
    services.patch("deployment", NAME, {"spec": {"replicas": 4}})
    services.wait_for("deployment", NAME, lambda one: one is not None and one["spec"]["replicas"] == 1)
    services.delete("service", NAME)
    services.wait_for("service", NAME, lambda one: one is not None)


def test_a_deployment_of_somebody_else_is_left_alone(services: Kubectl) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": IMAGE}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    services.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME}, "spec": spec})
    services.create(reward_service(NAME))
    service = seen(services, reason_is("NameTaken"), "the refusal")
    assert "Deployment judges exists and belongs to something else" in condition(service, "Ready")["message"]
    assert condition(service, "Reconciling")["status"] == "True"


def test_a_spec_that_pods_cannot_serve_stalls_and_the_old_pods_go_on(services: Kubectl) -> None:
    start(services)
    services.patch("rewardservice", NAME, {"spec": {"tokenFrom": {"env": "TOKEN"}}})
    service = seen(services, reason_is("SecretOutOfReach"), "the refusal")
    assert (condition(service, "Stalled")["status"], condition(service, "Available")["status"]) == ("True", "True")
    assert kstatus.verdict(service).status == "Failed"
    assert argocd.health(service).status == "Degraded"
    assert len(pods(services)) == 1


def test_code_is_refused_at_once_by_an_operator_that_does_not_allow_it(services: Kubectl) -> None:
    verifiers = [{"name": "tests", "code": {}}]
    services.create(reward_service(NAME, verifiers=verifiers))
    services.create(cluster_training("refunds", reward={"verifiers": verifiers}))
    service = seen(services, reason_is("CodeNotAllowed"), "the refusal")
    assert "started without --allow-code" in condition(service, "Stalled")["message"]
    services.run("wait", "atl/refunds", "--for=jsonpath={.status.phase}=Invalid", "--timeout=30s")
    assert condition(services.get("atl", "refunds"), "Accepted")["reason"] == "CodeNotAllowed"
    assert (services.items("pytorchjobs"), services.items("deployments", REWARDS)) == ([], [])


def test_deleting_a_service_leaves_nothing(services: Kubectl) -> None:
    start(services, replicas=2)
    services.delete("rewardservice", NAME)
    deadline = time.monotonic() + 30
    while children(services) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert children(services) == []


def test_pods_run_where_and_with_what_the_spec_says(services: Kubectl) -> None:
    services.create(reward_service(NAME, nodeSelector={"pool": "judges"}))
    service = seen(services, reason_is("Unschedulable"), "the diagnosis")
    assert "correct spec.nodeSelector" in condition(service, "Ready")["message"]
    wanted = {"tolerations": [{"operator": "Exists"}], "imagePullSecrets": [{"name": "registry"}]}
    services.patch("rewardservice", NAME, {"spec": {"nodeSelector": None, **wanted}})
    seen(services, is_ready, "readiness")
    (pod,) = pods(services)
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert {"operator": "Exists"} in pod["spec"]["tolerations"]


def test_an_idle_service_is_not_written(services: Kubectl) -> None:
    defaults = {"env": [{"name": "EMPTY", "value": ""}], "nodeSelector": {}, "tolerations": [{"operator": "Exists"}]}
    files = [{"mountPath": "/checks", "configMap": "checks", "readOnly": False}]
    amounts = {"requests": {"cpu": "0.5", "memory": "1024Mi"}}
    services.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "checks"}})
    start(services, replicas=2, resources=amounts, volumes=files, **defaults)
    before = resource_versions(services)
    time.sleep(3)
    assert resource_versions(services) == before


def test_the_same_spec_applied_again_changes_nothing(services: Kubectl) -> None:
    start(services)
    before = resource_versions(services)
    services.annotate("rewardservice", NAME, {"somebody": "was here"})
    time.sleep(2)
    after = resource_versions(services)
    assert {name for name in after if after[name] != before.get(name)} == {f"RewardService/{NAME}"}


def test_the_pods_account_may_patch_its_own_report_and_nothing_else(services: Kubectl) -> None:
    start(services)
    account = f"--as=system:serviceaccount:{services.namespace}:{NAME}"

    def may(*what: str) -> bool:
        try:
            return services.run("auth", "can-i", *what, account).strip() == "yes"
        except Refused:
            return False

    assert may("patch", f"configmaps/{NAME}-judges")
    assert not any([may("list", "configmaps"), may("get", "secrets"), may("patch", "rewardservices/status")])


def test_a_training_waits_for_the_service_that_it_names_and_records_its_revision(services: Kubectl) -> None:
    services.create(cluster_training("refunds", reward={"serviceRef": {"name": NAME}}))

    def training(holds: Callable[[Document], bool], what: str, seconds: float = 30) -> Document:
        found = services.wait_for("atl", "refunds", lambda one: one is not None and holds(one), what, seconds)
        assert found is not None
        return found

    waiting = training(lambda one: condition(one, "Running").get("reason") == "Waiting", "the wait")
    assert "RewardService judges, which does not exist" in condition(waiting, "Running")["message"]
    assert services.items("pytorchjobs") == []
    revision = start(services)["status"]["revision"]
    # A training that waits looks every 30 seconds by itself: here the service wakes it.
    services.run("wait", "atl/refunds", f"--for=jsonpath={{.status.run.rewardRevision}}={revision}", "--timeout=15s")
    found = training(lambda one: one["status"].get("phase") == "Running", "the run", 60)
    assert found["status"]["run"]["rewardRevision"] == revision


def test_a_training_whose_patience_ends_fails_and_names_the_service(services: Kubectl) -> None:
    judged = {"serviceRef": {"name": NAME}, "waitSeconds": 2}
    services.create(cluster_training("refunds", reward=judged))
    services.run("wait", "atl/refunds", "--for=jsonpath={.status.phase}=Failed", "--timeout=30s")
    found = services.get("atl", "refunds")
    said = "not Ready within reward.waitSeconds (2 s): RewardService judges, which does not exist in this namespace"
    assert (condition(found, "Ready")["reason"], found["status"]["run"]["number"]) == ("RewardServiceTimeout", 1)
    assert found["status"]["message"].startswith(said)
    assert services.items("pytorchjobs") == []
    assert kstatus.verdict(found).status == "Failed"
    assert argocd.health(found).status == "Degraded"


def test_a_service_that_is_deleted_and_made_again_at_once_answers(services: Kubectl) -> None:
    before = start(services)
    services.delete("rewardservice", NAME)
    after = start(services)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    owners = [one["metadata"]["ownerReferences"][0]["uid"] for one in services.items("deployments", REWARDS)]
    assert owners == [after["metadata"]["uid"]]
    assert not services.run("get", "events", "--field-selector=reason=NameTaken", "-o", "name")


def test_every_command_of_the_page_on_rewards_ends_well(services: Kubectl, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "rewards.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (reference,) = re.findall(r"`(apiKeyFrom: \{secretKeyRef: .*?\})`", page)
    (document,) = read_documents(block)
    for model in document["spec"]["models"].values():
        model.update(read_documents(reference)[0])
    del document["spec"]["cache"]
    (tmp_path / "rewardservice.yaml").write_text(json.dumps(document | {"spec": document["spec"] | {"image": IMAGE}}))
    commands = [shlex.split(line) for line in re.findall(r"^\$ kubectl (.*)", page, re.MULTILINE)]
    assert len(commands) == 5
    said = ""
    for command in commands:
        words = [str(tmp_path / word) if word.endswith(".yaml") else word for word in command]
        said = services.run(*(re.sub(r"^--timeout=.*", "--timeout=30s", word) for word in words))
    assert [judge["name"] for judge in json.loads(said)] == ["accuracy", "helpfulness", "politeness"]

"""RewardServices: the API server and `parse` say the same of every manifest, and of rules in the same words."""

import json
from typing import Any

import pytest
from cluster.fixtures import ControlPlane
from cluster.kubectl import Document, Kubectl
from support.kubernetes.api_server import ApiServer
from support.kubernetes.kube_objects import make_condition
from support.manifests.api_types import api_types
from support.manifests.cases import REMOVED, changed, numbered_verifiers
from support.rewardservice.reward_services import reward_service

from atlas_api import InvalidManifest, parse
from atlas_api.crd import REWARD_SERVICES
from atlas_api.rewardservice.spec import RewardService

pytestmark = pytest.mark.cluster

PLURAL = REWARD_SERVICES.plural
RULES = tuple(rule.message for model in api_types() for rule in model.RULES)
JUDGE = {"name": "accuracy", "rubric": "accuracy"}

GOOD: dict[str, dict[str, Any]] = {
    "as short as it can be": {"spec.image": REMOVED, "spec.models.small.apiKeyFrom": REMOVED},
    "a rubric of one's own": {"spec.judges.0": {"name": "tone", "instructions": "Is it polite?", "weight": 2}},
    "judges that rank": {"spec.judges.0.mode": "group"},
    "a large model": {"spec.models.large": {"model": "large", "baseUrl": "https://api.example.test/v1"}},
    "fields of the endpoint's own": {"spec.models.small.extra": {"reasoning_effort": "low", "top_k": 5}},
    "one temperature": {"spec.temperatures": [0]},
    "no rules between judges": {"spec.consistency": {"enabled": False}, "spec.antiGaming": {"enabled": False}},
    "the whole quorum": {"spec.quorum": 2},
    "hedged calls": {"spec.hedgeAfter": 95},
    "a budget": {"spec.budget": {"tokensPerHour": 10**12, "callsPerMinute": 600}},
    "a verifier beside the judges": {"spec.verifiers": numbered_verifiers(1), "spec.weights": {"v0": 2.5}},
    "a bearer token": {"spec.tokenFrom": {"secretKeyRef": {"name": "callers", "key": "token"}}},
    "several pods": {"spec.replicas": 3, "spec.resources": {"requests": {"cpu": "500m", "memory": 1073741824}}},
    "a private registry": {"spec.imagePullSecrets": [{"name": "registry"}]},
    "certain nodes": {"spec.nodeSelector": {"pool": "judges"}, "spec.tolerations": [{"operator": "Exists"}]},
    "variables and files": {
        "spec.env": [{"name": "PYTHONPATH", "value": "/checks"}],
        "spec.volumes": [{"mountPath": "/checks", "configMap": "checks"}],
    },
    "tight limits": {"spec.limits": {"items": 1, "bodyBytes": 1024, "waitingItems": 1}},
}
BROKEN_RULES: dict[str, dict[str, Any]] = {
    "two judges of one name": {"spec.judges": [JUDGE, JUDGE]},
    "a judge without a question": {"spec.judges.0": {"name": "accuracy"}},
    "a judge with two questions": {"spec.judges.0.instructions": "Is it polite?"},
    "a quorum of more than all": {"spec.quorum": 3},
    "two verifiers of one name": {"spec.verifiers": [*numbered_verifiers(1), *numbered_verifiers(1)]},
    "a verifier named like a judge": {"spec.verifiers": [{"name": "accuracy", "numeric": {}}]},
    "a weight of nobody": {"spec.weights": {"nobody": 1}},
    "a verifier of no kind": {"spec.verifiers": [{"name": "empty"}]},
    "a GPU": {"spec.resources": {"limits": {"nvidia.com/gpu": 1}}},
    "a variable of ours": {"spec.env": [{"name": "ATLAS_ALLOW_CODE", "value": "1"}]},
    "files from nowhere": {"spec.volumes": [{"mountPath": "/checks"}]},
    "two places of a secret": {"spec.tokenFrom": {"env": "TOKEN", "file": "/token"}},
}
WRONG_FIELDS: dict[str, dict[str, Any]] = {
    "no judges": {"spec.judges": []},
    "no small model": {"spec.models.small": REMOVED},
    "an unknown rubric": {"spec.judges.0.rubric": "beauty"},
    "an unknown field": {"spec.judge": []},
    "an address without a scheme": {"spec.models.small.baseUrl": "vllm:8000"},
    "a temperature of 3": {"spec.temperatures": [3]},
    "a weight of 0": {"spec.judges.0.weight": 0},
    "no patience": {"spec.timeouts": {"callSeconds": 0}},
    "the hundredth percentile": {"spec.hedgeAfter": 100},
    "a toleration of no kind": {"spec.tolerations": [{"operator": "Always"}]},
    "a registry's secret as text": {"spec.imagePullSecrets": ["registry"]},
    "files in no folder": {"spec.volumes": [{"mountPath": "checks", "configMap": "checks"}]},
    "no replicas": {"spec.replicas": 0},
    "a key that is no reference": {"spec.models.small.apiKeyFrom": "sk-123"},
    "a name with capitals": {"spec.judges.0.name": "Accuracy"},
}


@pytest.fixture(scope="module")
def api_server(control_plane: ControlPlane) -> ApiServer:
    """It serves the CRD as it is in this tree."""
    kubectl = control_plane.kubectl
    kubectl.run("apply", "--server-side", "--force-conflicts", "-f", REWARD_SERVICES.file)
    kubectl.run("wait", "--for=condition=Established", f"crd/{PLURAL}.atlas.arc.computer", "--timeout=300s")
    return ApiServer(control_plane.kubeconfig)


def manifest(changes: dict[str, Any]) -> Document:
    return changed(reward_service(), changes)


def problems(document: Document) -> list[str]:
    try:
        parse(RewardService, document)
    except InvalidManifest as refused:
        return refused.problems
    return []


def fields(said: set[str] | list[str]) -> set[str]:
    """The fields that are wrong by themselves: what a wrong value does to rules is nobody's concern."""
    return {problem.partition(": ")[0] for problem in said if not problem.endswith(RULES)}


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_a_good_manifest_is_accepted_by_both_and_means_the_same(changes: dict[str, Any], api_server: ApiServer) -> None:
    verdict = api_server.try_create(manifest(changes), plural=PLURAL)
    assert verdict.accepted, verdict.causes
    assert parse(RewardService, dict(verdict.stored)).spec == parse(RewardService, manifest(changes)).spec
    assert verdict.stored["status"] == {"observedGeneration": -1}


@pytest.mark.parametrize("changes", BROKEN_RULES.values(), ids=BROKEN_RULES)
def test_a_broken_rule_is_told_by_both_in_the_same_words(changes: dict[str, Any], api_server: ApiServer) -> None:
    verdict = api_server.try_create(manifest(changes), plural=PLURAL)
    assert not verdict.accepted
    assert verdict.sentences == set(problems(manifest(changes))) != set()


@pytest.mark.parametrize("changes", WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_a_wrong_field_is_named_by_both(changes: dict[str, Any], api_server: ApiServer) -> None:
    verdict = api_server.try_create(manifest(changes), plural=PLURAL)
    assert not verdict.accepted
    assert fields(verdict.sentences) == fields(problems(manifest(changes))) != set()


@pytest.mark.parametrize("name", ["rws", "rewardservice", "rewardservices", "atlas"])
@pytest.mark.usefixtures("api_server")
def test_a_service_is_found_by_its_short_name_and_by_the_category(name: str, kubectl: Kubectl) -> None:
    kubectl.create(reward_service())
    assert kubectl.run("get", name, "-o", "name").strip() == "rewardservice.atlas.arc.computer/judges"


@pytest.mark.usefixtures("api_server")
def test_the_columns_tell_how_it_answers(kubectl: Kubectl) -> None:
    document = kubectl.create(reward_service())
    identity = {key: document[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": "judges"}}
    status = {
        "conditions": [{**make_condition("Ready"), "reason": "Answering", "message": "", "observedGeneration": 1}],
        "revision": "0123456789abcdef",
        "url": "http://judges-rewards.agents.svc:8080",
        "display": {"replicas": "2/2", "judges": "3/4", "p99": "840ms"},
    }
    kubectl.apply({**identity, "status": status}, "--subresource=status")
    header, row = (line.split() for line in kubectl.run("get", "rws").splitlines())
    assert header == ["NAME", "READY", "REPLICAS", "JUDGES", "P99", "REVISION", "URL", "REASON", "AGE"]
    assert row[:-1] == [
        "judges",
        "True",
        "2/2",
        "3/4",
        "840ms",
        "0123456789abcdef",
        "http://judges-rewards.agents.svc:8080",
    ]


@pytest.mark.usefixtures("api_server")
def test_the_definition_is_stored_as_it_is_written(control_plane: ControlPlane) -> None:
    assert control_plane.kubectl.run("diff", "--server-side", "--force-conflicts", "-f", REWARD_SERVICES.file) == ""


@pytest.mark.usefixtures("api_server")
def test_the_same_manifest_applied_again_changes_nothing(kubectl: Kubectl) -> None:
    def apply() -> Document:
        kubectl.run("apply", "-f", "-", text=json.dumps(reward_service()))
        return kubectl.get("rws", "judges")

    first, second = apply(), apply()
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]

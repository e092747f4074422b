"""What the admission policy leaves to pods: one report each, whatever rights somebody gave their account beside it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster.fixtures import ControlPlane, make_namespaces
from cluster.kubectl import Document, Kubectl, Refused
from support.kubernetes.account_rights import as_pod, make_pod_of
from support.rewardservice.reward_services import reward_service
from support.training.cluster_trainings import cluster_training

from atlas_operator.cluster.labels import TRAINING
from atlas_operator.objects.rewardservice import judges_map
from atlas_operator.objects.run import progress_map

pytestmark = pytest.mark.cluster

REPORTS = "refunds-1-progress"
OF_ANOTHER = "billing-1-progress"
JUDGES = "judges-judges"
SAID = {"report": "{}"}
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": REPORTS}}

FIRST, SECOND = "judges-rewards-6bdb7cbd8f-abcde", "judges-rewards-6bdb7cbd8f-fghij"
PODS = (
    *("refunds-1-1-master-0", "refunds-1-2-worker-0", "refunds-1-2-worker-1", "refunds-1-1-1-master-0"),
    *("billing-1-1-master-0", "refunds-10-1-master-0", "mallory", FIRST, SECOND),
)


@dataclass(frozen=True)
class Place:
    """A namespace with reports of two trainings and a reward service, whose pods have one account.

    It may do with ConfigMaps whatever can be done but delete them: the policy alone stands in the way.
    """

    kubectl: Kubectl
    folder: Path

    def pod(self, name: str) -> Kubectl:
        """kubectl as one of `PODS`."""
        return Kubectl(self.folder / name / "team.kubeconfig", self.kubectl.namespace)

    def stored(self, name: str = REPORTS) -> Document:
        """A map without what changes with every write."""
        document = self.kubectl.get("configmap", name)
        del document["metadata"]["resourceVersion"]
        return document


@pytest.fixture(scope="module")
def place(rights: Path, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Place:
    assert rights
    (name,) = make_namespaces(control_plane.kubectl, 1)
    kubectl = control_plane.kubectl.within(name)
    folder = tmp_path_factory.mktemp("pods")
    for training in ("refunds", "billing"):
        made = kubectl.create(cluster_training(training))
        kubectl.create({**progress_map(made, 1), "data": SAID})
    service = kubectl.create(reward_service("judges"))
    kubectl.create({**judges_map(service), "data": {SECOND: "{}"}})
    kubectl.run("create", "serviceaccount", "team")
    verbs = "--verb=get,list,create,update,patch"
    kubectl.run("create", "role", "team", "--resource=configmaps", verbs)
    kubectl.run("create", "rolebinding", "team", "--role=team", f"--serviceaccount={name}:team")
    for pod in PODS:
        make_pod_of(kubectl, "team", pod)
        as_pod(kubectl, "team", pod, folder)
    return Place(kubectl, folder)


def merge(**change: object) -> Callable[[Kubectl, str], object]:
    return lambda pod, name: pod.patch("configmap", name, change)


def metadata(**change: object) -> Callable[[Kubectl, str], object]:
    return merge(metadata=change)


def typed(kind: str, patch: object) -> Callable[[Kubectl, str], object]:
    return lambda pod, name: pod.run("patch", "configmap", name, f"--type={kind}", "--patch", json.dumps(patch))


def replace(**change: object) -> Callable[[Kubectl, str], object]:
    """The whole object, as it is but for *change*."""

    def act(pod: Kubectl, name: str) -> None:
        pod.run("replace", "-f", "-", text=json.dumps({**pod.get("configmap", name), **change}))

    return act


def applied(change: Document, *options: str) -> Callable[[Kubectl, str], object]:
    """By server-side apply, with force."""

    def act(pod: Kubectl, name: str) -> None:
        own = {"apiVersion": "v1", "kind": "ConfigMap", **change}
        pod.apply({**own, "metadata": {"name": name, **own.get("metadata", {})}}, *options)

    return act


STRANGER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "11111111-1111-1111-1111-111111111111"}
ATTACKS: dict[str, Callable[[Kubectl, str], object]] = {
    "immutable": merge(immutable=True),
    "immutable beside an honest report": merge(immutable=True, data=SAID),
    "immutable by a JSON patch": typed("json", [{"op": "add", "path": "/immutable", "value": True}]),
    "immutable by a strategic patch": typed("strategic", {"immutable": True}),
    "immutable by server-side apply": applied({"immutable": True}),
    "immutable false": merge(immutable=False),
    "immutable by a replacement": replace(immutable=True),
    "binary data in place of the report": merge(binaryData={"report": "AAAA"}, data={"report": None}),
    "binary data under another key": merge(binaryData={"x": "AAAA"}, data=SAID),
    "binary data by server-side apply": applied({"binaryData": {"x": "AAAA"}}),
    "binary data by a replacement": replace(binaryData={"x": "AAAA"}),
    "binary data by a JSON patch": typed("json", [{"op": "add", "path": "/binaryData", "value": {"x": "AA=="}}]),
    "another key": merge(data={"run.json": "{}"}),
    "another key beside an honest report": merge(data={**SAID, "x": ""}),
    "the key in capitals": merge(data={"Report": "{}"}),
    "a key that begins as the right one": merge(data={"report.json": "{}"}),
    "another key by a JSON patch": typed("json", [{"op": "add", "path": "/data/x", "value": "y"}]),
    "another key by server-side apply": applied({"data": {"x": "y"}}),
    "another key by a replacement": replace(data={**SAID, "x": "y"}),
    "no report by null": merge(data={"report": None}),
    "no report by a replacement": replace(data={}),
    "no data at all": merge(data=None),
    "no report by a JSON patch": typed("json", [{"op": "remove", "path": "/data/report"}]),
    "the report under another name": typed("json", [{"op": "move", "from": "/data/report", "path": "/data/x"}]),
    "all data by a strategic patch": typed("strategic", {"data": {"$patch": "delete"}}),
    "too much": merge(data={"report": "x" * 65_537}),
    "a finalizer": metadata(finalizers=["example.test/never"]),
    "a finalizer by server-side apply": applied({"metadata": {"finalizers": ["example.test/never"]}}),
    "no owner": metadata(ownerReferences=None),
    "no owner by a JSON patch": typed("json", [{"op": "remove", "path": "/metadata/ownerReferences"}]),
    "one more owner": applied({"metadata": {"ownerReferences": [STRANGER]}}),
    "another training": metadata(labels={TRAINING: "billing"}),
    "no labels": metadata(labels=None),
    "nobody's": metadata(labels={"app.kubernetes.io/managed-by": None}),
    "nobody's, and immutable": merge(metadata={"labels": {"app.kubernetes.io/managed-by": "x"}}, immutable=True),
    "one more label": metadata(labels={"x": "y"}),
    "another name to people": metadata(annotations={TRAINING: "billing"}),
    "no annotations": metadata(annotations=None),
    "one more annotation": metadata(annotations={"x": "y"}),
    "one more label by server-side apply": applied({"metadata": {"labels": {"x": "y"}}}),
    "a name that is to be made": metadata(generateName="x-"),
    "a replacement by something else": replace(data=None, metadata={"name": REPORTS}),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_pod_changes_nothing_but_its_report(place: Place, attack: Callable[[Kubectl, str], object]) -> None:
    before = place.stored()
    with pytest.raises(Refused, match="denied request: pods may report, and may not"):
        attack(place.pod("refunds-1-1-master-0"), REPORTS)
    assert place.stored() == before


HONEST: dict[str, Callable[[Kubectl, str], object]] = {
    "a merge patch": merge(data={"report": "said"}),
    "a replacement": replace(data={"report": "said"}),
    "a strategic patch": typed("strategic", {"data": {"report": "said"}}),
    "a JSON patch": typed("json", [{"op": "replace", "path": "/data/report", "value": "said"}]),
    "server-side apply": applied({"data": {"report": "said"}}),
    "as much as fits": merge(data={"report": "x" * 65_536}),
}


@pytest.mark.parametrize("act", HONEST.values(), ids=HONEST)
@pytest.mark.parametrize("pod", ["refunds-1-1-master-0", "refunds-1-2-worker-0"])
def test_rank_0_of_every_attempt_reports(place: Place, pod: str, act: Callable[[Kubectl, str], object]) -> None:
    before = place.stored()
    act(place.pod(pod), REPORTS)
    after = place.stored()
    assert after["data"]["report"] in ("said", "x" * 65_536)
    assert {**after, "data": SAID} == before
    place.kubectl.patch("configmap", REPORTS, {"data": SAID})


@pytest.mark.parametrize("pod", [pod for pod in PODS if pod not in ("refunds-1-1-master-0", "refunds-1-2-worker-0")])
def test_no_other_pod_of_the_same_account_reports_for_a_run(place: Place, pod: str) -> None:
    with pytest.raises(Refused, match="may not change what other pods report to"):
        merge(data={"report": "forged"})(place.pod(pod), REPORTS)
    assert place.stored()["data"] == SAID


@pytest.mark.parametrize("pod", ["refunds-1-1-master-0", FIRST, "mallory"])
def test_a_pod_reports_for_no_other_run(place: Place, pod: str) -> None:
    with pytest.raises(Refused, match="may not change what other pods report to"):
        merge(data={"report": "forged"})(place.pod(pod), OF_ANOTHER)
    assert place.stored(OF_ANOTHER)["data"] == SAID


def test_a_token_that_was_made_for_no_pod_reports_nothing(place: Place) -> None:
    anybody = f"--as=system:serviceaccount:{place.kubectl.namespace}:team"
    with pytest.raises(Refused, match="may not change what other pods report to"):
        place.kubectl.patch("configmap", REPORTS, {"data": {"report": "forged"}}, anybody)


def test_a_pod_of_a_reward_service_writes_under_its_own_name_alone(place: Place) -> None:
    first = place.pod(FIRST)
    merge(data={FIRST: "a"})(first, JUDGES)
    merge(data={FIRST: "b"})(first, JUDGES)
    before = place.stored(JUDGES)
    assert before["data"] == {FIRST: "b", SECOND: "{}"}
    for attack in (
        merge(data={SECOND: "forged"}),
        merge(data={SECOND: None}),
        merge(data={FIRST: None}),
        merge(data={"report": "forged"}),
        merge(data={FIRST: "x" * 8193}),
        merge(data={FIRST: "c", SECOND: "forged"}),
        merge(binaryData={FIRST: "AAAA"}, data={FIRST: None}),
        merge(immutable=True),
        replace(data={FIRST: "c"}),
        typed("json", [{"op": "copy", "from": f"/data/{FIRST}", "path": f"/data/{SECOND}"}]),
    ):
        with pytest.raises(Refused, match="denied request: pods may report, and may not"):
            attack(first, JUDGES)
    assert place.stored(JUDGES) == before


OTHER_REQUESTS: dict[str, Callable[[Kubectl], object]] = {
    "a deletion": lambda pod: pod.run("delete", "configmap", REPORTS, "--wait=false"),
    "a deletion of all": lambda pod: pod.run("delete", "configmaps", "--all", "--wait=false"),
    "another map of its name": lambda pod: pod.create(MAP),
    "a map of another namespace": lambda pod: merge(data=SAID)(pod.within("default"), "kube-root-ca.crt"),
    "a subresource": lambda pod: pod.patch("configmap", REPORTS, {"immutable": True}, "--subresource=status"),
}


@pytest.mark.parametrize("ask", OTHER_REQUESTS.values(), ids=OTHER_REQUESTS)
def test_what_is_no_change_of_the_report_is_for_rights_to_refuse(
    place: Place, ask: Callable[[Kubectl], object]
) -> None:
    pod = place.pod("refunds-1-1-master-0")
    with pytest.raises(Refused):
        ask(pod)
    assert place.stored()["data"] == SAID


def test_who_may_delete_the_map_may_change_it(place: Place, rights: Path) -> None:
    for kubectl in (place.kubectl, Kubectl(rights, place.kubectl.namespace)):
        kubectl.patch("configmap", OF_ANOTHER, {"data": {"report": "{}", "x": "y"}})
        kubectl.patch("configmap", OF_ANOTHER, {"data": {"x": None}})

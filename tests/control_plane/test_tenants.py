"""Several tenants on one operator: a loud one, and what docs/how-to/tenants.md and cloud-identity.md give to each."""

import asyncio
import json
import re
import shlex
from pathlib import Path

import pytest
from cluster.fixtures import make_namespaces
from cluster.kubectl import Document, Kubectl, Refused
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_kube_config
from support.kubernetes.account_rights import as_pod
from support.kubernetes.operator_process import ROOT, operator
from support.training.cluster_trainings import cluster_training, report
from support.training.training_story import NAME, phase_is, seen, shows

from atlas_api import AtlasTraining, parse
from atlas_api.manifest.yaml_document import read_documents
from atlas_operator.cluster.kinds import object_path
from atlas_operator.cluster.rest.api import Api
from atlas_operator.objects.names import progress_name

pytestmark = pytest.mark.cluster

HOW_TO = ROOT / "docs" / "how-to"
TENANTS = (HOW_TO / "tenants.md").read_text()
IDENTITIES = re.findall(r"^```yaml\n(.*?)^```", (HOW_TO / "cloud-identity.md").read_text(), re.MULTILINE | re.DOTALL)
REPORTS = 600


async def report_in_a_loop(pod: Kubectl) -> float:
    """Report `REPORTS` times with the rights of *pod*, as fast as the API server takes it; the seconds that it took."""
    configuration = Configuration()
    await load_kube_config(config_file=str(pod.kubeconfig), client_configuration=configuration)
    api, clock = Api(configuration), asyncio.get_running_loop().time
    path, began = object_path("ConfigMap", pod.namespace, progress_name(NAME, 1)), clock()
    try:
        for number in range(REPORTS):
            said = report(1, 1, step=number % 400, toldAt=f"2026-12-01T10:00:00.{number:06d}Z")
            await api.request("patch", path, {"data": {"report": json.dumps(said)}})
        await api.request("patch", path, {"data": {"report": json.dumps(report(1, 1, step=248))}})
        return clock() - began
    finally:
        await api.close()


def looks(metrics: str) -> float:
    return sum(float(count) for count in re.findall(r"^atlas_reconciliations_total\{.*\} (\S+)", metrics, re.MULTILINE))


def test_a_pod_that_reports_in_a_loop_is_looked_at_once_a_second_and_others_are_served(
    rights: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    (other,) = make_namespaces(kubectl, 1)
    served = [f"--namespace={name}" for name in (kubectl.namespace, other)]
    with operator(rights, tmp_path / "log", "--workers=1", *served) as running:
        kubectl.create(cluster_training(NAME))
        phase_is(kubectl, "Running")
        pod = as_pod(kubectl, f"{NAME}-1", f"{NAME}-1-1-master-0", tmp_path)
        before = looks(running.get("/metrics")[1])
        seconds = asyncio.run(report_in_a_loop(pod))
        during = looks(running.get("/metrics")[1]) - before
        assert during <= seconds + 2
        kubectl.within(other).create(cluster_training(NAME))
        phase_is(kubectl.within(other), "Running")
        seen(kubectl, shows("248/400"), "the last report")


@pytest.fixture
def tenant(rights: Path, kubectl: Kubectl, tmp_path: Path) -> Kubectl:
    """A namespace to which the page was applied."""
    assert rights
    (manifest,) = re.findall(r"^```yaml\n(.*?)^```", TENANTS, re.MULTILINE | re.DOTALL)
    (tmp_path / "tenant.yaml").write_text(manifest)
    where = {"tenant.yaml": tmp_path / "tenant.yaml", "operator/admission.yaml": ROOT / "operator/admission.yaml"}
    for line in re.findall(r"^\$ kubectl (.*)", TENANTS, re.MULTILINE):
        kubectl.run(*(where.get(word, word) for word in shlex.split(line)))
    kubectl.wait_for("resourcequota", "share", lambda one: bool(one and one.get("status", {}).get("used")))
    return kubectl


def test_the_number_of_trainings_of_a_tenant_is_bounded(tenant: Kubectl) -> None:
    for number in range(10):
        tenant.create(cluster_training(f"training-{number}"))
    with pytest.raises(Refused, match=r"exceeded quota: share, requested: count/atlastrainings.atlas.arc.computer=1"):
        tenant.create(cluster_training("one-more"))


def test_a_member_of_the_team_may_train_and_see_why_nothing_runs_and_no_more(tenant: Kubectl) -> None:
    member = ("--as=somebody", "--as-group=team-a")

    def may(*what: str) -> bool:
        try:
            return tenant.run("auth", "can-i", *what, *member).strip() == "yes"
        except Refused:
            return False

    assert all(may(verb, kind) for verb in ("create", "patch", "delete") for kind in ("atl", "rws"))
    assert may("get", "pods", "--subresource=log")
    others = [("get", "secrets"), ("create", "pods"), ("patch", "configmaps"), ("patch", "atl", "--subresource=status")]
    assert not any(may(*what) for what in others)


@pytest.mark.parametrize("manifests", IDENTITIES, ids=["EKS", "GKE", "AKS"])
def test_the_manifests_of_each_cloud_are_accepted(rights: Path, kubectl: Kubectl, manifests: str) -> None:
    assert rights
    documents: list[Document] = [dict(each) for each in read_documents(manifests)]
    (training,) = (each for each in documents if each["kind"] == "AtlasTraining")
    accounts = [each["metadata"]["name"] for each in documents if each["kind"] == "ServiceAccount"]
    assert parse(AtlasTraining, training).spec.compute.service_account_name in accounts
    for document in documents:
        if "namespace" in document["metadata"]:
            document["metadata"] = {**document["metadata"], "namespace": kubectl.namespace}
        kubectl.apply(document, "--dry-run=server")

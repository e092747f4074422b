"""Objects that a run consists of: how they are named, owned and secured."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kubernetes.kube_objects import BEGIN
from support.training.training_documents import IMAGE, training_document

from atlas_api import AtlasTrainingSpec, parse
from atlas_api.names import short_name
from atlas_api.training.status import (
    AtlasTrainingStatus,
    CheckpointAddress,
    CheckpointsStatus,
    DatasetStatus,
    RunStatus,
)
from atlas_operator.backends import BACKEND
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.drift import APPLIED
from atlas_operator.cluster.labels import ATTEMPT, MANAGED_BY, RUN, TRAINING
from atlas_operator.objects.join_secret import join_secret, with_value
from atlas_operator.objects.names import job_name, progress_name, run_name
from atlas_operator.objects.run import recipe_children

DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL = re.compile(r"[a-z0-9A-Z]([-a-z0-9A-Z_.]{0,61}[a-z0-9A-Z])?")
PART = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(PART, min_size=1, max_size=5).map(".".join).filter(lambda name: len(name) <= 253)

NOTHING = AtlasTrainingStatus()


def children(name: str = "demo", known: AtlasTrainingStatus = NOTHING, **spec: Any) -> dict[str, Document]:
    """Children of run 3, attempt 2, by kind; of the ConfigMaps the first. *known* is the status before it."""
    training = training_document(name, **spec)
    run = RunStatus(number=3, attempt=2, spec_hash="", started_at=BEGIN)
    spec_of_run = parse(AtlasTrainingSpec, training["spec"])
    job = BACKEND.build_job(training, spec_of_run, IMAGE, run, allow_code=False, known=known)
    made = (*recipe_children(training, spec_of_run, run), job)
    return {document["kind"]: document for document in reversed(made)}


def template(**spec: Any) -> Document:
    """The pods' template, the same for all workers."""
    replica, *_ = children(**spec)["PyTorchJob"]["spec"]["pytorchReplicaSpecs"].values()
    found: Document = replica["template"]
    return found


@settings(deadline=None, max_examples=300)
@given(NAMES, st.integers(1, 99_999), st.integers(1, 9_999))
def test_names_are_short_and_valid_for_services_whatever_the_trainings_name(name: str, run: int, attempt: int) -> None:
    job = job_name(name, run, attempt)

    assert len(job) <= 50
    assert DNS_1035.fullmatch(job)
    assert DNS_1035.fullmatch(run_name(name, run))
    assert DNS_1035.fullmatch(progress_name(name, run))
    assert LABEL.fullmatch(short_name(name))
    assert job == job_name(name, run, attempt)


@settings(deadline=None, max_examples=300)
@given(NAMES, NAMES)
def test_different_trainings_never_share_a_label_or_a_run(one: str, other: str) -> None:
    assert (short_name(one) == short_name(other)) == (one == other)
    assert (run_name(one, 1) == run_name(other, 1)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.b", "a-b"),
        ("1", "t-1"),
        ("9lives", "t-9lives"),
        ("x" * 40, "x" * 41),
        ("x" * 36 + "." + "y", "x" * 36 + "-" + "y"),
    ],
)
def test_names_that_look_alike_stay_apart(one: str, other: str) -> None:
    assert run_name(one, 1) != run_name(other, 1)


@pytest.mark.parametrize(("one", "other"), [(("a", 1, 11), ("a-1", 1, 1)), (("a", 11, 1), ("a-1", 1, 1))])
def test_jobs_of_trainings_that_end_in_numbers_stay_apart(
    one: tuple[str, int, int], other: tuple[str, int, int]
) -> None:
    assert job_name(*one) != job_name(*other)


def test_every_child_has_one_owner_which_controls_it_and_the_trainings_label() -> None:
    for document in children().values():
        (owner,) = document["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == (
            "AtlasTraining",
            "demo",
            "uid-of-demo",
            True,
        )
        assert document["metadata"]["labels"][TRAINING] == "demo"
        assert document["metadata"]["annotations"][TRAINING] == "demo"
        assert document["metadata"]["namespace"] == "agents"


def test_the_role_opens_exactly_one_config_map() -> None:
    made = children()

    assert made["Role"]["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["demo-3-progress"],
            "verbs": ["get", "patch"],
        }
    ]
    assert made["RoleBinding"]["roleRef"]["name"] == made["Role"]["metadata"]["name"]
    assert [each["name"] for each in made["RoleBinding"]["subjects"]] == [made["ServiceAccount"]["metadata"]["name"]]
    assert template()["spec"]["serviceAccountName"] == made["ServiceAccount"]["metadata"]["name"]


ALONE = [{}, {"gpusPerWorker": 0}, {"workers": 1, "gpusPerWorker": 1}]
TOGETHER = [{"workers": 2}, {"workers": 4, "gpusPerWorker": 0}, {"workers": 1, "gpusPerWorker": 2}]


@pytest.mark.parametrize("compute", TOGETHER)
def test_pods_that_train_together_are_reached_from_pods_of_their_run_alone(compute: Document) -> None:
    made = children(compute=compute)

    of_the_run = {
        "app.kubernetes.io/managed-by": "atlas-operator",
        "atlas.arc.computer/training": "demo",
        "atlas.arc.computer/run": "3",
    }
    assert made["NetworkPolicy"]["apiVersion"] == "networking.k8s.io/v1"
    assert made["NetworkPolicy"]["spec"] == {
        "podSelector": {"matchLabels": of_the_run},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": of_the_run}}]}],
    }
    assert of_the_run.items() <= template(compute=compute)["metadata"]["labels"].items()


@pytest.mark.parametrize("compute", ALONE)
def test_a_process_alone_has_neither_policy_nor_secret(compute: Document) -> None:
    made = children(compute=compute)

    assert "NetworkPolicy" not in made
    assert not BACKEND.asks_for_join_secret(made["PyTorchJob"])
    assert "ATLAS_JOIN_SECRET" not in str(made)


@pytest.mark.parametrize("compute", TOGETHER)
def test_processes_that_train_together_are_given_a_secret_by_reference(compute: Document) -> None:
    job = children(compute=compute)["PyTorchJob"]

    assert BACKEND.asks_for_join_secret(job)
    (variable,) = [
        each
        for each in template(compute=compute)["spec"]["containers"][0]["env"]
        if each["name"] == "ATLAS_JOIN_SECRET"
    ]
    assert variable["valueFrom"] == {"secretKeyRef": {"name": "demo-3-2-join", "key": "secret"}}


def test_the_secret_of_a_job_goes_with_the_job_and_is_planned_without_its_value() -> None:
    training = training_document("demo")
    job = children(compute={"workers": 2})["PyTorchJob"]
    job["metadata"]["uid"] = "uid-of-job"

    made = join_secret(training, job)

    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"], owner["name"], owner["uid"], owner["controller"]) == (
        "kubeflow.org/v1",
        "PyTorchJob",
        "demo-3-2",
        "uid-of-job",
        True,
    )
    assert (made["metadata"]["name"], made["immutable"]) == ("demo-3-2-join", True)
    assert not {"data", "stringData"} & set(made)
    assert with_value(made, "drawn")["stringData"] == {"secret": "drawn"}


@pytest.mark.parametrize("job", [{}, {"spec": None}, {"spec": {"pytorchReplicaSpecs": {"Worker": None, "Master": 3}}}])
def test_an_odd_job_asks_for_no_secret(job: Document) -> None:
    assert not BACKEND.asks_for_join_secret(job)


def test_run_json_cannot_be_changed_and_holds_no_secret() -> None:
    stored = children()["ConfigMap"]

    assert stored["immutable"] is True
    assert list(stored["data"]) == ["run.json"]


def test_one_worker_is_a_master_with_its_replica_written_out() -> None:
    job = children()["PyTorchJob"]

    assert job["spec"]["pytorchReplicaSpecs"]["Master"]["replicas"] == 1
    assert list(job["spec"]["pytorchReplicaSpecs"]) == ["Master"]
    assert "elasticPolicy" not in job["spec"]


def test_several_workers_are_elastic_with_as_many_at_least_as_at_most() -> None:
    job = children(compute={"workers": 4})["PyTorchJob"]

    assert list(job["spec"]["pytorchReplicaSpecs"]) == ["Worker"]
    assert job["spec"]["pytorchReplicaSpecs"]["Worker"]["replicas"] == 4
    elastic = job["spec"]["elasticPolicy"]
    assert (elastic["minReplicas"], elastic["maxReplicas"], elastic["maxRestarts"]) == (4, 4, 0)


@pytest.mark.parametrize("workers", [1, 4])
def test_nobody_but_the_operator_tries_again_or_cleans_up(workers: int) -> None:
    spec = children(compute={"workers": workers})["PyTorchJob"]["spec"]

    (replica,) = spec["pytorchReplicaSpecs"].values()
    assert replica["restartPolicy"] == "Never"
    assert spec["runPolicy"] == {"cleanPodPolicy": "Running"}


def test_a_queue_is_named_by_kueues_label() -> None:
    labels = children(compute={"queueName": "gpus"})["PyTorchJob"]["metadata"]["labels"]

    assert labels["kueue.x-k8s.io/queue-name"] == "gpus"
    assert "kueue.x-k8s.io/queue-name" not in children()["PyTorchJob"]["metadata"]["labels"]


def test_a_pod_that_goes_while_it_starts_hears_it() -> None:
    """The kernel keeps SIGTERM from the first process of a namespace that has no handler yet."""
    assert template()["spec"]["shareProcessNamespace"] is True


def test_pods_meet_the_restricted_pod_security_standard() -> None:
    pod = template()["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
    allowed = {"name", "configMap", "emptyDir", "persistentVolumeClaim", "secret"}
    assert all(set(volume) <= allowed for volume in pod["volumes"])


def test_secrets_reach_the_pods_by_reference_only() -> None:
    variables = {each["name"]: each for each in template()["spec"]["containers"][0]["env"]}

    reference = variables["ATLAS_TRACES_URL"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "traces", "key": "url"}
    secret = {name for name in variables if "KEY" in name or "TOKEN" in name or "URL" in name}
    assert secret
    assert all("value" not in variables[name] for name in secret)


def test_the_users_variables_cannot_replace_the_operators() -> None:
    mine = {"name": "HOME", "value": "/elsewhere"}
    names = [each["name"] for each in template(compute={"env": [mine]})["spec"]["containers"][0]["env"]]

    assert names.index("ATLAS_ATTEMPT") > names.index("HOME")
    assert len([name for name in names if name.startswith("ATLAS_")]) == len(set(names) - {"HOME"}) - 2


def checkpoint(step: int, digit: str) -> CheckpointAddress:
    return CheckpointAddress(uri=f"s3://models/checkpoint-{step:06d}", step=step, sha256=digit * 64)


def test_an_attempt_is_told_the_digests_that_earlier_ones_reported() -> None:
    saved = CheckpointsStatus(latest=checkpoint(100, "a"), previous=checkpoint(50, "b"), best=checkpoint(50, "b"))
    dataset = DatasetStatus(matched=2, used=2, digest="d" * 64)
    known = AtlasTrainingStatus(checkpoints=saved, dataset=dataset)
    variables = {each["name"]: each.get("value") for each in template(known=known)["spec"]["containers"][0]["env"]}
    assert variables["ATLAS_KNOWN_CHECKPOINTS"] == f"100:{'a' * 64},50:{'b' * 64}"
    assert variables["ATLAS_KNOWN_DATASET"] == "d" * 64


def test_an_attempt_before_which_none_was_reported_is_told_so() -> None:
    variables = {each["name"]: each.get("value") for each in template()["spec"]["containers"][0]["env"]}
    assert variables["ATLAS_KNOWN_CHECKPOINTS"] == ""
    assert "ATLAS_KNOWN_DATASET" not in variables


def test_every_volume_that_is_mounted_exists() -> None:
    pod = template(checkpoints={"volume": {"claimName": "models"}}, compute={"volumes": [_claim("cache")]})["spec"]

    mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert {"persistentVolumeClaim": {"claimName": "models"}, "name": "checkpoints"} in pod["volumes"]


def _claim(name: str) -> Document:
    return {"claim": name, "mountPath": f"/{name}"}


def test_the_same_attempt_is_made_the_same_way_twice() -> None:
    assert children() == children()


def own(**compute: Any) -> dict[str, Document]:
    return children(compute=compute)


def test_the_users_account_runs_the_pods_and_may_report_beside_its_own_rights() -> None:
    made = own(serviceAccountName="trainer")

    assert "ServiceAccount" not in made
    assert template(compute={"serviceAccountName": "trainer"})["spec"]["serviceAccountName"] == "trainer"
    assert [each["name"] for each in made["RoleBinding"]["subjects"]] == ["trainer"]
    assert made["RoleBinding"]["roleRef"]["name"] == made["Role"]["metadata"]["name"]


def test_an_account_of_the_name_that_ours_would_have_is_the_users_too() -> None:
    assert "ServiceAccount" not in own(serviceAccountName="demo-3")


def test_another_account_needs_another_binding() -> None:
    marks = {
        made["RoleBinding"]["metadata"]["annotations"][APPLIED]
        for made in (own(), own(serviceAccountName="trainer"), own(serviceAccountName="other"))
    }
    assert len(marks) == 3


def test_labels_and_annotations_of_the_user_come_beside_the_operators() -> None:
    pods = template(compute={"labels": {"azure.workload.identity/use": "true"}, "annotations": {"a/b": "c"}})[
        "metadata"
    ]

    assert pods["labels"]["azure.workload.identity/use"] == "true"
    assert (pods["labels"][TRAINING], pods["labels"]["sidecar.istio.io/inject"]) == ("demo", "false")
    assert (pods["annotations"]["a/b"], pods["annotations"][TRAINING]) == ("c", "demo")


def test_pods_are_spread_among_those_of_their_attempt() -> None:
    asked = [{"topologyKey": "zone"}, {"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "ScheduleAnyway"}]
    pods = template(compute={"workers": 4, "topologySpreadConstraints": asked})

    peers = {"matchLabels": {key: pods["metadata"]["labels"][key] for key in (TRAINING, MANAGED_BY, RUN, ATTEMPT)}}
    assert pods["spec"]["topologySpreadConstraints"] == [
        {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": peers},
        {"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": peers},
    ]
    assert "topologySpreadConstraints" not in template()["spec"]


def test_a_sandbox_and_gpus_of_another_name_and_room_on_the_disk_are_asked_for() -> None:
    asked = {"runtimeClassName": "gvisor", "gpuResource": "amd.com/gpu", "gpusPerWorker": 2, "ephemeralStorage": "9Gi"}
    pod = template(compute=asked)["spec"]

    amounts = {"amd.com/gpu": "2", "ephemeral-storage": "9Gi"}
    assert pod["runtimeClassName"] == "gvisor"
    assert pod["containers"][0]["resources"] == {"requests": amounts, "limits": amounts}
    assert "runtimeClassName" not in template()["spec"]


def test_where_no_gpu_is_asked_for_none_is_named() -> None:
    assert template(compute={"gpuResource": "amd.com/gpu", "gpusPerWorker": 0})["spec"]["containers"][0][
        "resources"
    ] == {"requests": {}, "limits": {}}

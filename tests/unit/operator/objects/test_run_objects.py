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
from atlas_operator.cluster.labels import TRAINING
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

"""The real node itself: what pods can do there, and what they cannot."""

import os
import signal
from typing import Any

import pytest
from cluster import cluster
from cluster.components import database, s3
from cluster.components.database import Database
from cluster.components.s3 import ObjectStore
from cluster.kubectl import Document, Kubectl
from cluster.programs import processes
from cluster.programs.place import Place
from cluster.real_node.mounts import torch_claims
from cluster.real_node.node import NodeImpossible
from support.kubernetes import machine
from support.kubernetes.node_pods import NodeCluster, Workspace, make_namespace, run_pod, trainer_spec

pytestmark = pytest.mark.e2e

TORCH = "import torch, atlas_trainer; print(torch.ones(2).sum())"

KUBERNETES = """
import json, ssl, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
context = ssl.create_default_context(cafile=folder + "ca.crt")
print(json.load(urllib.request.urlopen("https://kubernetes.default.svc/version", context=context))["gitVersion"])
"""

BEYOND = """
import socket
try:
    socket.create_connection(("198.51.100.1", 80), timeout=20)
except OSError as error:
    print(type(error).__name__)
"""

STORES = """
import sys, boto3, psycopg
endpoint, url = sys.argv[1:]
client = boto3.client("s3", endpoint_url=endpoint)
client.put_object(Bucket="from-pods", Key="greeting", Body=b"hello")
print(psycopg.connect(url).execute("SELECT count(*) FROM sessions").fetchone()[0], "sessions")
"""

ALL_REDUCE = """
import torch, torch.distributed as dist
dist.init_process_group("gloo")
total = torch.tensor([dist.get_rank() + 1.0])
dist.all_reduce(total)
print("rank", dist.get_rank(), "of", dist.get_world_size(), "sum", total.item(), flush=True)
dist.barrier()
"""


FOREVER = "import time; time.sleep(1000)"


def test_nothing_stays_of_a_node_whose_processes_were_killed(untouched: set[str], own_node: Place) -> None:
    kubectl = make_namespace(Kubectl(own_node.kubeconfig), "killed")
    spec = trainer_spec(torch_claims(kubectl, "killed"), FOREVER)
    kubectl.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "forever"}, "spec": spec})
    kubectl.run("wait", "pod/forever", "--for=condition=Ready", "--timeout=300s")
    s3.start(own_node)
    database.start(own_node)
    for process in processes.recorded(own_node):
        os.kill(process.pid, signal.SIGKILL)
    cluster.down(own_node)
    assert sorted(machine.traces() - untouched) == []


def test_a_machine_has_one_node(node_cluster: NodeCluster) -> None:
    with pytest.raises(NodeImpossible, match=f"down --name {node_cluster.place.folder.name}"):
        cluster.up("second", node=True)


def test_an_image_that_was_not_imported_fails_at_once_and_asks_nobody(workspace: Workspace) -> None:
    spec = trainer_spec(workspace.mounts, TORCH)
    spec["containers"][0]["image"] = "local.test/missing:1"
    workspace.kubectl.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "missing"}, "spec": spec})
    pod = workspace.kubectl.wait_for("pod", "missing", lambda pod: bool(waiting_for(pod)), "the image is missed")
    assert "dial tcp 127.0.0.1:1: connect: connection refused" in waiting_for(pod)


def test_a_restricted_pod_runs_torch_and_the_trainer_from_mounted_folders(workspace: Workspace) -> None:
    phase, log = run_pod(workspace.kubectl, "torch", trainer_spec(workspace.mounts, TORCH))
    assert (phase, log) == ("Succeeded", "tensor(2.)\n")


def test_a_pod_finds_the_api_server_by_name(workspace: Workspace) -> None:
    phase, log = run_pod(workspace.kubectl, "api", trainer_spec(workspace.mounts, KUBERNETES))
    assert (phase, log) == ("Succeeded", "v1.34.4\n")


def test_a_pod_reaches_nothing_beyond_this_machine(workspace: Workspace) -> None:
    phase, log = run_pod(workspace.kubectl, "beyond", trainer_spec(workspace.mounts, BEYOND))
    assert (phase, log) == ("Succeeded", "ConnectionRefusedError\n")


def test_a_pod_reaches_the_object_store_and_the_database(
    workspace: Workspace, object_store: ObjectStore, pod_database: Database
) -> None:
    object_store.client().create_bucket(Bucket="from-pods")
    keys = object_store.environment()
    spec = trainer_spec(workspace.mounts, STORES, object_store.endpoint, pod_database.url, environment=keys)
    assert run_pod(workspace.kubectl, "stores", spec) == ("Succeeded", "0 sessions\n")
    assert object_store.client().get_object(Bucket="from-pods", Key="greeting")["Body"].read() == b"hello"


def test_two_elastic_workers_reduce_over_gloo_and_the_job_succeeds(workspace: Workspace) -> None:
    workspace.kubectl.create(two_workers("reduce", workspace))
    job = workspace.kubectl.wait_for("pytorchjob", "reduce", has_ended, "the job ends", seconds=500)
    assert conditions(job) >= {"Succeeded"}
    assert "of 2 sum 3.0" in workspace.kubectl.run("logs", "reduce-worker-0")


def two_workers(name: str, workspace: Workspace) -> dict[str, Any]:
    # The operator's variables (PET_*) tell torchrun where and with how many to meet.
    start = "import sys, torch.distributed.run as run; run.main(['--no-python', 'python', '-c', sys.argv[1]])"
    spec = trainer_spec(workspace.mounts, start, ALL_REDUCE, container="pytorch")
    elastic = {"minReplicas": 2, "maxReplicas": 2, "rdzvBackend": "c10d", "maxRestarts": 0}
    worker = {"replicas": 2, "restartPolicy": "Never", "template": {"spec": spec}}
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "PyTorchJob",
        "metadata": {"name": name},
        "spec": {
            "elasticPolicy": elastic,
            "nprocPerNode": "1",  # by default one process a processor
            "runPolicy": {"cleanPodPolicy": "None"},
            "pytorchReplicaSpecs": {"Worker": worker},
        },
    }


def conditions(job: Document | None) -> set[str]:
    """Types of the conditions that hold."""
    listed = (job or {}).get("status", {}).get("conditions", [])
    return {condition["type"] for condition in listed if condition["status"] == "True"}


def waiting_for(pod: Document | None) -> str:
    """Why the kubelet cannot start the pod's container, empty while it has not said."""
    statuses = (pod or {})["status"].get("containerStatuses", [])
    states: list[str] = [status["state"].get("waiting", {}).get("message", "") for status in statuses]
    return "".join(states)


def has_ended(job: Document | None) -> bool:
    return bool(conditions(job) & {"Succeeded", "Failed"})

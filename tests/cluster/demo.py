"""`python -m cluster demo`: the story of a training on a real node, for a person to watch. The cluster stays up.

Called by `__main__`. What the agent, its sessions and its manifest are is in support/trainer/order_desk.py.
"""

import os
import sys
from pathlib import Path

import yaml
from cluster import cluster
from cluster.components import database, s3
from cluster.kubectl import Kubectl
from cluster.programs import binaries, processes
from cluster.programs.place import Place
from support.kubernetes.operator_process import NAMESPACE, install, kubeconfig_of_the_operator
from support.trainer.order_desk import NAME, DeskServices, OrderDesk, prepare_order_desk

AGENTS = "agents"
SESSIONS = 48
OPERATOR = "atlas-operator"


def demo(name: str) -> None:
    """Bring a cluster up and tell the story: apply, progress, model, edit, second run."""
    for variable in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ[variable] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    say(f"a Kubernetes with one real node, named {name}")
    place = cluster.up(name, node=True)
    kubectl = Kubectl(place.kubeconfig)
    services = DeskServices(database.start(place), s3.start(place), SESSIONS)
    folder = place.folder / "demo"
    desk = prepare_order_desk(kubectl, AGENTS, folder, services, lambda text: print(f"  {text}", flush=True))
    _start_operator(place, kubectl, folder)
    manifest = folder / "training.yaml"
    _apply(desk, manifest, 2e-4)
    _watch(desk, 1)
    say("the model is in the object store")
    print(desk.kubectl.run("get", "atl", NAME, "-o", "jsonpath={.status.model}\n"))
    say("the recipe changes, as it would in Git: another learning rate")
    _apply(desk, manifest, 1e-4)
    _watch(desk, 2)
    _close(place, manifest)


def say(text: str) -> None:
    """A chapter."""
    print(f"\n== {text}", flush=True)


def _start_operator(place: Place, kubectl: Kubectl, folder: Path) -> None:
    say(f"the operator, with the rights of operator/rbac.yaml (ServiceAccount {NAMESPACE}/{OPERATOR})")
    install(kubectl)
    environment = {"KUBECONFIG": str(kubeconfig_of_the_operator(kubectl, folder))}
    argv = [sys.executable, "-m", "atlas_operator", "--health-port=0", "--log-format=plain"]
    process = processes.start(place, OPERATOR, argv, environment)
    print(f"  its log: {process.log}")


def _apply(desk: OrderDesk, manifest: Path, learning_rate: float) -> None:
    desk.manifest["spec"]["optimization"]["learningRate"] = learning_rate
    manifest.write_text(yaml.safe_dump(desk.manifest, sort_keys=False))
    say(f"kubectl apply -f {manifest}")
    print(desk.kubectl.run("apply", "-f", manifest), end="")


def _watch(desk: OrderDesk, run: int) -> None:
    """`kubectl get atl -w` until the run has succeeded."""
    say("kubectl get atlastrainings -w")
    with desk.kubectl.begin("get", "atlastrainings", "-w") as watching:
        try:
            wanted = ["--for=jsonpath={.status.run.number}=" + str(run), "--timeout=60s"]
            desk.kubectl.run("wait", f"atl/{NAME}", *wanted)
            desk.kubectl.run("wait", f"atl/{NAME}", "--for=condition=LastRunSucceeded", "--timeout=15m")
        finally:
            watching.terminate()


def _close(place: Place, manifest: Path) -> None:
    say("the cluster stays up")
    print(f"""  export KUBECONFIG={place.kubeconfig}
  alias kubectl={binaries.path("kubectl")}
  kubectl -n {AGENTS} get atl {NAME} -o yaml        the whole status, with both runs
  kubectl -n {AGENTS} logs {NAME}-2-1-master-0      what the trainer printed
  kubectl -n {AGENTS} explain atl.spec              every field
  kubectl -n {AGENTS} edit atl {NAME}               change something; a third run starts
  kubectl -n {AGENTS} delete -f {manifest}          nothing is left
  make cluster-down                              stop everything
""")

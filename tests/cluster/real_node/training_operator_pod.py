"""
The training-operator in a pod of the node, from the manifests that it ships, webhook and certificate rotation included.

node.py starts it last. Only its image, its arguments and the pace of its readiness probe are changed.
"""

import json
import re
import shutil
from pathlib import Path

from cluster.kubectl import Kubectl
from cluster.programs import processes
from cluster.programs.commands import run
from cluster.programs.place import Place
from cluster.real_node import images

NAMESPACE = "kubeflow"
_NAME = "training-operator"
_MODULE = Path(__file__).parents[1] / "modules" / "training-operator"
_ARGUMENTS = ["--enable-scheme=pytorchjob", f"--pytorch-init-container-image={images.INIT}"]


def up(place: Place) -> None:
    """Apply the manifests and wait until the operator is ready; its webhook then answers."""
    kubectl = Kubectl(place.kubeconfig, NAMESPACE)
    kubectl.run("apply", "--server-side", "--force-conflicts", "-k", _write_overlay(place))
    processes.wait_until("the training-operator's pod is ready", lambda: _is_ready(kubectl), seconds=120)


def _write_overlay(place: Place) -> Path:
    """A kustomization on a copy of the shipped one: kustomize takes no absolute paths."""
    folder = place.configuration / "training-operator"
    shutil.copytree(_shipped(), folder / "shipped", copy_function=shutil.copyfile)
    image = re.search(r"image: (\S+)", (folder / "shipped/base/deployment.yaml").read_text())
    if image is None:
        raise processes.ClusterError("the training-operator's shipped Deployment names no image")
    patches = [
        _patch("add", "args", _ARGUMENTS),
        _patch("replace", "readinessProbe/initialDelaySeconds", 1),
        _patch("replace", "readinessProbe/periodSeconds", 1),
    ]
    deployment = {"target": {"kind": "Deployment", "name": _NAME}, "patch": json.dumps(patches)}
    name, tag = images.TRAINING_OPERATOR.split(":")
    kustomization = {
        "resources": ["shipped/overlays/standalone"],
        "images": [{"name": image.group(1), "newName": name, "newTag": tag}],
        "patches": [deployment, *_drop_other_kinds()],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return folder


def _shipped() -> Path:
    """The manifests in Go's cache of modules, of the version that go.mod pins; downloaded when they are not there."""
    module = run("go", "mod", "download", "-C", _MODULE, "-json", "github.com/kubeflow/training-operator")
    return Path(json.loads(module)["Dir"]) / "manifests"


def _patch(operation: str, field: str, value: object) -> dict[str, object]:
    return {"op": operation, "path": f"/spec/template/spec/containers/0/{field}", "value": value}


def _drop_other_kinds() -> list[dict[str, object]]:
    """Half a megabyte of schema each, for kinds that nobody uses here."""
    names = [f"{kind}.kubeflow.org" for kind in ("jaxjobs", "mpijobs", "paddlejobs", "tfjobs", "xgboostjobs")]
    definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return [{"patch": json.dumps({**definition, "metadata": {"name": name}, "$patch": "delete"})} for name in names]


def _is_ready(kubectl: Kubectl) -> bool:
    deployment = kubectl.get("deployment", _NAME)
    return bool(deployment.get("status", {}).get("readyReplicas", 0))

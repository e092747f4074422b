"""The real training-operator v1.9.3 as a process of this machine, for PyTorchJobs, with its real admission webhook.

cluster.py starts it where there is no real node; with one it runs in a pod. It acts with its own RBAC role.
It always reads its serving certificates from one folder below $TMPDIR, so each runs with /tmp for it, in a mount
namespace of its own in which /tmp is a folder of its cluster: several run side by side and nothing is left behind.
Its webhook listens on all interfaces of this machine, since it has no setting for an address.
"""

import os
import shlex
from pathlib import Path

from cluster.components import certificates
from cluster.components.certificates import base64_of
from cluster.kubectl import Document, Kubectl, Refused
from cluster.programs import probe
from cluster.programs.binaries import file, path
from cluster.programs.place import Place
from cluster.programs.processes import start, wait_until

NAMESPACE = "kubeflow"
NAME = "training-operator"
INIT_IMAGE = "local.test/init:1"

_SECRET = "training-operator-webhook-cert"
_WEBHOOK = "validator.training-operator.kubeflow.org"
_PAIRS = ("ca.crt", "ca.key", "tls.crt", "tls.key")


def definition() -> Path:
    """The file with the CRD of PyTorchJobs."""
    return file(NAME, "manifests/base/crds/kubeflow.org_pytorchjobs.yaml")


def up(place: Place) -> None:
    """Install its role and webhook, start it, and wait until its webhook decides on PyTorchJobs. The CRD is there."""
    kubectl = Kubectl(place.kubeconfig, NAMESPACE)
    view = place.folder / "tmp-of-training-operator"
    keys = view / "k8s-webhook-server" / "serving-certs"
    keys.mkdir(parents=True)
    _certificates(keys)
    _install(kubectl, place, keys)
    token = kubectl.run("create", "token", NAME, "--duration=24h").strip()
    certificates.write_kubeconfig(place, view / "kubeconfig", {"token": token})
    process = start(place, NAME, _command(place, view), {"MY_POD_NAMESPACE": NAMESPACE, "TMPDIR": "/tmp"})
    address = f"http://127.0.0.1:{place.ports['training-operator-probe']}/readyz"
    took = wait_until(NAME, lambda: probe.body(address) == "ok", process)
    took += wait_until("the webhook of the training-operator", lambda: _decides(kubectl), process)
    print(f"{NAME} ready after {took:.1f} s", flush=True)


def _decides(kubectl: Kubectl) -> bool:
    """Whether the webhook answers; until it does, the API server refuses every job."""
    job = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": {"name": "asks"}}
    try:
        kubectl.create({**job, "spec": {"pytorchReplicaSpecs": {}}}, "--dry-run=server")
    except Refused:
        return False
    return True


def _command(place: Place, view: Path) -> list[str | Path]:
    program = view / NAME
    program.touch()
    options = [
        "--enable-scheme=pytorchjob",
        f"--pytorch-init-container-image={INIT_IMAGE}",
        "--kubeconfig=/tmp/kubeconfig",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        f"--webhook-server-port={place.ports['training-operator-webhook']}",
        f"--health-probe-bind-address=127.0.0.1:{place.ports['training-operator-probe']}",
        f"--metrics-bind-address=127.0.0.1:{place.ports['training-operator-metrics']}",
    ]
    mounts = [["mount", "--bind", str(path(NAME)), str(program)], ["mount", "--rbind", str(view), "/tmp"]]
    script = " && ".join(map(shlex.join, [*mounts, ["exec", f"/tmp/{NAME}", *options]]))
    user = [] if os.getuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, "--mount", "sh", "-c", script]


def _certificates(folder: Path) -> None:
    # The operator replaces an authority that is unlike its own: an RSA key in the old form, its name a DNS name.
    certificates.authority(folder, "ca", f"/O={NAME}/CN={NAME}-ca", alternatives=[f"DNS:{NAME}-ca"], rsa=True)
    certificates.openssl("rsa", "-in", folder / "ca.key", "-traditional", "-out", folder / "ca.key")
    name = f"{NAME}.{NAMESPACE}.svc"
    certificates.signed(folder, "tls", f"/CN={name}", usage="serverAuth", alternatives=[f"DNS:{name}"], rsa=True)


def _install(kubectl: Kubectl, place: Place, keys: Path) -> None:
    kubectl.within("default").apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for role in ("role.yaml", "service-account.yaml"):
        kubectl.run("apply", "--server-side", "-f", file(NAME, f"manifests/base/rbac/{role}"))
    for document in (_binding(), _secret(keys), _service(), _webhook(place, keys)):
        kubectl.apply(document)


def _binding() -> Document:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": NAME},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }


def _secret(keys: Path) -> Document:
    data = {name: base64_of(keys / name) for name in _PAIRS}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _SECRET}, "data": data}


def _service() -> Document:
    # The API server dials an external name itself, needs no DNS for an address, and still verifies NAME.NAMESPACE.svc.
    spec = {"type": "ExternalName", "externalName": "127.0.0.1"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": spec}


def _webhook(place: Place, keys: Path) -> Document:
    service = {
        "name": NAME,
        "namespace": NAMESPACE,
        "port": place.ports["training-operator-webhook"],
        "path": "/validate-kubeflow-org-v1-pytorchjob",
    }
    rule = {
        "apiGroups": ["kubeflow.org"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["pytorchjobs"],
    }
    webhook = {
        "name": "validator.pytorchjob.training-operator.kubeflow.org",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {"caBundle": base64_of(keys / "ca.crt"), "service": service},
        "rules": [rule],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": _WEBHOOK},
        "webhooks": [webhook],
    }

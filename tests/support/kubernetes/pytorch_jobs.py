"""PyTorchJobs for tests on a control plane: documents whose pods are played by kwok (cluster/components/kwok.py)."""

from cluster.components import kwok
from cluster.kubectl import Document


def pytorch_job(name: str, **annotations: str) -> Document:
    """A PyTorchJob of one worker. `exit_code="46"` becomes the pod's annotation `test.atlas/exit-code`, and so on."""
    played = {f"{kwok.PREFIX}{key.replace('_', '-')}": value for key, value in annotations.items()}
    container = {
        "name": "pytorch",
        "image": "example.test/trainer:1",
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }
    template = {"metadata": {"annotations": played}, "spec": {"containers": [container]}}
    worker = {"replicas": 1, "restartPolicy": "Never", "template": template}
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "PyTorchJob",
        "metadata": {"name": name},
        "spec": {"pytorchReplicaSpecs": {"Worker": worker}},
    }


def has_condition(document: Document | None, kind: str) -> bool:
    """Whether an object has the condition `kind` with status True; False while the object does not exist."""
    conditions = ((document or {}).get("status") or {}).get("conditions") or []
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)

"""The scripted judge (a fake) in a pod of its own behind a Service, as judges for RewardServices on a real node."""

import os

from cluster.kubectl import Kubectl
from cluster.real_node.mounts import PROJECT, Mount, folder_claims
from support.judges.judge_replies import JudgeRequest, Reply, by_content, refusal
from support.kubernetes.node_pods import trainer_spec

NAME = "judge-model"
KEY = "JUDGE_KEY"
_PORT = 8000
_TESTS = PROJECT / "tests"
_SERVE = "from support.judges.scripted_judge import main; main()"


def start_judge(kubectl: Kubectl, mounts: list[Mount], key: str, latency: float) -> str:
    """Address of the judge, the same in every namespace, once it answers whoever has *key*, after *latency* seconds."""
    claims = mounts + folder_claims(kubectl, kubectl.namespace, {"tests": _TESTS})
    options = [
        "--host=0.0.0.0",
        f"--port={_PORT}",
        f"--latency={latency}",
        "--script=support.judges.judge_pods:if_key_fits",
    ]
    spec = trainer_spec(claims, _SERVE, *options, container="judge", environment={KEY: key, "PYTHONPATH": str(_TESTS)})
    spec["containers"][0]["readinessProbe"] = {"httpGet": {"path": "/v1/models", "port": _PORT}, "periodSeconds": 1}
    labels = {"app": NAME}
    metadata = {"name": NAME, "labels": labels}
    service = {"selector": labels, "ports": [{"port": _PORT}]}
    kubectl.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    kubectl.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": service})
    kubectl.run("wait", f"pod/{NAME}", "--for=condition=Ready", "--timeout=300s")
    return f"http://{NAME}.{kubectl.namespace}.svc:{_PORT}/v1"


def if_key_fits(request: JudgeRequest) -> Reply:
    """What the judge in the pod says."""
    if request.headers.get("authorization") != f"Bearer {os.environ[KEY]}":
        return refusal(401, message="another key is needed")
    return by_content(request)

"""Manifests that everybody accepts. Values lie at the edge of what is allowed."""

from pathlib import Path
from typing import Any

from support.manifests.cases import Case, numbered_verifiers, only

_EXAMPLES = Path(__file__).parents[3] / "examples"
_FILTER = "spec.traces.filter"
_BY_SECRET = {"credentialsFrom": {"secretRef": {"name": "s3"}}}
_DEFAULTED = ("evaluation", "optimization", "compute", "limits", "retrain", "suspend", "trainerArgs")
_SECRET_VARIABLE = {"name": "A", "secretKeyRef": {"name": "a", "key": "B.c-d_E"}}
_VOLUMES = [{kind: "a.b-c", "mountPath": "/a"} for kind in ("claim", "configMap", "secret")]
_TAINT = {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}
_KEYS = {
    "azure.workload.identity/use": "true",
    "app.kubernetes.io/name": "refunds",
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "kueue.x-k8s.io/podset-required-topology": "rack",
    "k8s.v1.cni.cncf.io/networks": "rdma",
    "gke-gcsfuse/volumes": "true",
    "team": "",
}
_SPREAD = [
    {"topologyKey": "topology.kubernetes.io/zone"},
    {"topologyKey": "rack", "maxSkew": 1000, "whenUnsatisfiable": "ScheduleAnyway"},
]
_LONG_AFFINITY = {
    "podAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}}
        ]
    }
}


def _verifier(**kind: Any) -> dict[str, Any]:
    return {"spec.reward.verifiers": [{"name": "answer", **kind}]}


def _limits(**amounts: Any) -> dict[str, Any]:
    return {"spec.compute.resources.limits": amounts}


GOOD = [
    Case("nothing but what is required", {}),
    # The model.
    Case("a folder as the model", {"spec.model.source": "./models/mine"}),
    Case("a Windows path as the model", {"spec.model.source": "C:\\models"}),
    Case("a model's name of 1024 letters outside ASCII", {"spec.model.source": "é" * 1024}),
    Case("a model's name of 1024 letters beyond 16 bits", {"spec.model.source": "\U0001d538" * 1024}),
    Case("a scheme on the second line of a model's name", {"spec.model.source": "a\ns3://x"}),
    Case("a pinned model", {"spec.model.revision": "a" * 40}),
    Case("adapters with all defaults", {"spec.model.lora": {}}),
    Case("the largest adapters", {"spec.model.lora": {"rank": 1024, "alpha": 65_536, "dropout": 0.999}}),
    Case("adapters for named layers", {"spec.model.lora": {"targets": ["q_proj", "v_proj"]}}),
    Case("a quantised model with adapters", {"spec.model.quantization": "nf4", "spec.model.lora": {}}),
    Case("adapters by null, which is no adapters", {"spec.model.lora": None}),
    Case("one token more than a completion", {"spec.model.maxLength": 513}),
    Case("code of the model is trusted", {"spec.model.trustRemoteCode": True}),
    # The traces.
    Case("a database address from the environment", only("traces", {"postgres": {"urlFrom": {"env": "ATLAS_DB_URL"}}})),
    Case("a database address from a file", only("traces", {"postgres": {"urlFrom": {"file": "/run/secrets/url"}}})),
    Case("traces in a bucket", only("traces", {"s3": {"uri": "s3://traces"}})),
    Case("traces in a bucket of another store", only("traces", {"s3": {"uri": "s3://a/b/", "endpoint": "http://minio:9000"}})),
    Case("credentials from a secret", only("traces", {"s3": {"uri": "s3://a", **_BY_SECRET}})),
    Case("traces in a file", only("traces", {"file": {"path": "traces.jsonl"}})),
    Case("the SDK's format said for its tables", {"spec.traces.format": "atlas"}),
    Case(
        "chats with their rewards",
        only("traces", {"file": {"path": "a"}, "format": "messages", "fields": {"reward": "scores.final"}}),
    ),
    Case("a source beside one that is null", {"spec.traces.s3": None, "spec.traces.file": None}),
    Case("guidance is learnt", {"spec.traces.role": "teacher"}),
    Case("an empty filter", {_FILTER: {}}),
    Case("any status", {f"{_FILTER}.status": [], f"{_FILTER}.reviewStatus": []}),
    Case("a status that is not known yet", {f"{_FILTER}.status": ["succeeded", "archived"]}),
    Case("one reward only", {f"{_FILTER}.minReward": 1, f"{_FILTER}.maxReward": 1.0}),
    Case("the lowest reward at all", {f"{_FILTER}.minReward": 0}),
    Case("keys in any script", {f"{_FILTER}.learningKeys": ["заказ", "注文", "a b\tc"]}),
    Case("256 tags", {f"{_FILTER}.tags": [f"tag-{number}" for number in range(256)]}),
    Case("a time in UTC", {f"{_FILTER}.createdAfter": "2026-10-01T00:00:00Z"}),
    Case("a time with microseconds and an offset", {f"{_FILTER}.createdAfter": "2026-10-01T00:00:00.000001+05:30"}),
    Case("the largest offset", {f"{_FILTER}.createdAfter": "2026-10-01T00:00:00-23:59"}),
    Case("a leap day", {f"{_FILTER}.createdAfter": "2028-02-29T23:59:59Z"}),
    Case(
        "one microsecond between two times in different zones",
        {
            f"{_FILTER}.createdAfter": "2026-10-01T12:00:00+02:00",
            f"{_FILTER}.createdBefore": "2026-10-01T10:00:00.000001Z",
        },
    ),
    Case("sessions by their ids", {f"{_FILTER}.sessionIds": ["1", "é.jsonl:2"], f"{_FILTER}.excludeSessionIds": ["1"]}),
    Case("as many ids as fit", {f"{_FILTER}.excludeSessionIds": [str(number) for number in range(10_000)]}),
    Case("what a record must say itself", {f"{_FILTER}.require": ["status", "reviewStatus"]}),
    Case("the second page", {f"{_FILTER}.limit": 100, f"{_FILTER}.offset": 100}),
    Case("no session skipped", {f"{_FILTER}.offset": 0}),
    Case("the oldest session", {f"{_FILTER}.limit": 1, f"{_FILTER}.order": "oldest"}),
    Case("nothing held out", {"spec.traces.split": {"eval": 0}}),
    Case("most held out, by session", {"spec.traces.split": {"eval": 0.9, "by": "session", "seed": 2**32 - 1}}),
    Case("no malformed line", {"spec.traces.maxMalformed": 0}),
    # GRPO and the optimizer.
    Case("pairs", {"spec.grpo.groupSize": 2}),
    Case("a whole number written with a point", {"spec.grpo.groupSize": 4.0}),
    Case("a whole number written with an exponent", {"spec.optimization.maxSteps": 1e3}),
    Case("whole numbers where fractions are usual", {"spec.grpo.temperature": 1, "spec.grpo.topP": 1}),
    Case("a tiny temperature", {"spec.grpo.temperature": 1e-300}),
    Case("a symmetric clip", {"spec.grpo.clip": {"low": 0.2, "high": 0.2}}),
    Case("a clip with the upper bound alone", {"spec.grpo.clip": {"high": 0.3}}),
    Case("another loss", {"spec.grpo.loss": "dr_grpo"}),
    Case("a part by null, which is its default", {"spec.grpo.clip": None, "spec.grpo.loss": None}),
    Case("half an epoch", {"spec.optimization.epochs": 0.5}),
    Case("steps beside epochs that are null", {"spec.optimization": {"maxSteps": 4, "epochs": None}}),
    Case("a small learning rate", {"spec.optimization.learningRate": 1e-7}),
    Case("a micro batch that divides the batch", {"spec.optimization": {"batchSize": 24, "microBatchSize": 3}}),
    Case("gradients never scaled down", {"spec.optimization.maxGradNorm": 1e9}),
    Case("the largest seed", {"spec.optimization.seed": 2**32 - 1}),
    Case("everything by null that has a default", {f"spec.{part}": None for part in _DEFAULTED}),
    # The reward.
    Case("an exact match", _verifier(exactMatch={"ignoreCase": True})),
    Case("a pattern", _verifier(regex={"pattern": "^\\d+$"})),
    Case("a pattern that only Python knows", _verifier(regex={"pattern": "(?<=a)b"})),
    Case("a JSON Schema with null in it", _verifier(jsonSchema={"schema": {"enum": [None, 1.0], "const": None}})),
    Case("an empty JSON Schema", _verifier(jsonSchema={"schema": {}})),
    Case("closeness to the reference", _verifier(referenceSimilarity={})),
    Case("a length", _verifier(length={"target": 0, "limit": 1})),
    Case("code with all defaults", _verifier(code={})),
    Case("code with tests", _verifier(code={"tests": "assert f(1) == 2", "timeoutSeconds": 600, "memoryBytes": 2**36})),
    Case("a function", _verifier(python={"entryPoint": "math:sqrt"})),
    Case("a kind beside one that is null", _verifier(numeric={"tolerance": 0}, regex=None)),
    Case("sixteen verifiers", {"spec.reward.verifiers": numbered_verifiers(16)}),
    Case("a name of 40 characters", {"spec.reward.verifiers.0.name": "a" * 40}),
    Case("a whole number as a weight", {"spec.reward.weights": {"answer": 2}}),
    Case("a weight by null, which is none", {"spec.reward.weights": {"answer": None, "other": None}}),
    Case("no weights", {"spec.reward.weights": {}}),
    Case("answers in an envelope", {"spec.reward.answer": {"from": "envelope", "missing": 0.1}}),
    Case("answers at a path", {"spec.reward.answer": {"from": "jsonPath", "path": "answers.0.text"}}),
    Case("whole answers, by default", {"spec.reward.answer": {}}),
    Case("judges alone", {"spec.reward": {"serviceRef": {"name": "judges"}}}),
    Case(
        "judges elsewhere, and a token",
        {"spec.reward.serviceRef": {"url": "https://judges:8443", "tokenFrom": {"env": "T"}}},
    ),
    Case("judges that are waited for", {"spec.reward": {"serviceRef": {"name": "judges"}, "waitSeconds": 3600}}),
    Case("judges in the trainer", {"spec.reward.serviceRef": {"file": str(_EXAMPLES / "rewardservice.yaml")}}),
    Case("heavy judges", {"spec.reward.serviceRef": {"name": "judges", "weight": 1_000_000}}),
    # Evaluation and checkpoints.
    Case("targets", {"spec.evaluation": {"everySteps": 1, "targets": {"successDelta": 1, "tokenReduction": 0.99}}}),
    Case("checkpoints on a claim", only("checkpoints", {"volume": {"claimName": "models", "path": "atlas/demo"}})),
    Case("checkpoints at the top of a claim", only("checkpoints", {"volume": {"claimName": "models", "path": ""}})),
    Case("checkpoints in a folder", only("checkpoints", {"local": {"path": "runs"}})),
    Case("a bucket and a slash", only("checkpoints", {"s3": {"uri": "s3://models/"}})),
    Case("few checkpoints", {"spec.checkpoints.keep": 1, "spec.checkpoints.keepBest": False}),
    # The pods.
    Case("an image", {"spec.compute.image": "registry.example.com/atlas:1@sha256:" + "0" * 64}),
    Case("training on the CPU", {"spec.compute.gpusPerWorker": 0}),
    Case("64 processes", {"spec.compute.workers": 8, "spec.compute.gpusPerWorker": 8}),
    Case("amounts as text", _limits(cpu="500m", memory="32Gi")),
    Case("amounts as numbers", _limits(cpu=4, memory=34359738368)),
    Case("an amount with a point and nothing behind it", _limits(cpu="1.")),
    Case("an amount without a leading 0", _limits(cpu=".5")),
    Case("an amount with an exponent", _limits(memory="1e9")),
    Case("a whole amount written with a point", _limits(cpu=1.0)),
    Case("nothing of a resource", _limits(cpu=0)),
    Case("the largest number of 64 bits", _limits(memory=2**63 - 1)),
    Case("an amount by null, which is none", _limits(cpu=None)),
    Case("another vendor's GPU", _limits(**{"amd.com/gpu": 1})),
    Case("a node label", {"spec.compute.nodeSelector": {"example.com/pool": "gpu", "empty": ""}}),
    Case("a node label by null, which is none", {"spec.compute.nodeSelector": {"pool": None}}),
    Case("a taint that is put up with", {"spec.compute.tolerations": [_TAINT]}),
    Case("every taint", {"spec.compute.tolerations": [{"operator": "Exists"}]}),
    Case("a taint for a time", {"spec.compute.tolerations": [{"key": "a", "value": "", "tolerationSeconds": 0}]}),
    Case("any affinity", {"spec.compute.affinity": _LONG_AFFINITY}),
    Case("null in an affinity", {"spec.compute.affinity": {"nodeAffinity": None}}),
    Case("a queue", {"spec.compute.queueName": "team-a.gpu"}),
    Case("an empty variable", {"spec.compute.env": [{"name": "HF_HOME", "value": ""}]}),
    Case("a variable from a secret", {"spec.compute.env": [_SECRET_VARIABLE]}),
    Case("a user's own account", {"spec.compute.serviceAccountName": "team-a.trainer"}),
    Case("labels and annotations of pods", {f"spec.compute.{part}": _KEYS for part in ("labels", "annotations")}),
    Case("as many labels of pods as fit", {"spec.compute.labels": {f"a.b/{number}": "" for number in range(32)}}),
    Case("the longest label of a pod", {"spec.compute.labels": {"a" * 253 + "/" + "b" * 63: "c" * 63}}),
    Case("any text as an annotation", {"spec.compute.annotations": {"a": "é\n{}" + "x" * 4092}}),
    Case("no labels of pods by null", {"spec.compute.labels": None, "spec.compute.annotations": {"a": None}}),
    Case("pods in several zones and racks", {"spec.compute.topologySpreadConstraints": _SPREAD}),
    Case("a sandbox", {"spec.compute.runtimeClassName": "gvisor"}),
    Case("GPUs of another vendor", {"spec.compute": {"gpuResource": "amd.com/gpu", "gpusPerWorker": 2}}),
    Case("a share of a GPU", {"spec.compute.gpuResource": "nvidia.com/mig-1g.10gb"}),
    Case("room on the node", {"spec.compute.ephemeralStorage": "200Gi"}),
    Case("room on the node as a number", {"spec.compute.ephemeralStorage": 10_000_000_000}),
    Case("files of three kinds", {"spec.compute.volumes": _VOLUMES}),
    # The rest.
    Case("every deadline", {f"spec.limits.{name}Seconds": 1 for name in ("queue", "start", "run", "stall")}),
    Case("no retries", {"spec.limits.retries": {"infrastructure": 0, "preempted": 0}}),
    Case("retries of everything", {"spec.limits.retries": {"user": 1000, "data": 1, "outOfMemory": 1}}),
    Case("a changed recipe waits", {"spec.retrain.onSpecChange": "Wait"}),
    Case("suspended from the start", {"spec.suspend": True}),
    Case("no history", {"spec.historyLimit": 0}),
    Case("ready when trained", {"spec.readyWhen": "Succeeded"}),
    Case(
        "arguments of any form",
        {"spec.trainerArgs": {"generation_kwargs": {"b": [1, None, "x", {"c": 0.5}]}, "optim_args": None}},
    ),
    Case("huge and tiny numbers in arguments", {"spec.trainerArgs": {"weight_decay": -1e300, "adam_epsilon": 1e-300}}),
    Case("labels and annotations", {"metadata.labels": {"team": "agents"}, "metadata.annotations": {"a": ""}}),
    Case("labels by null, which are none", {"metadata.labels": None}),
    Case("a name with dots", {"metadata.name": "a.b-c.1"}),
]  # fmt: skip

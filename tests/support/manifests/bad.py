"""Manifests that everybody refuses, most of them by a hair."""

from typing import Any

from support.manifests.cases import REMOVED, Case, numbered_verifiers, only

_FILTER = "spec.traces.filter"
_MIXED = {"name": "both", "numeric": {}, "exactMatch": {}}
_S3 = {"uri": "s3://a"}


_TAKEN = (
    *("atlas.arc.computer/training", "atlas.arc.computer/", "training.kubeflow.org/job-role"),
    *("app.kubernetes.io/managed-by", "kubernetes.io/config.mirror", "kubernetes.io/x", "k8s.io/x", "a.b.k8s.io/x"),
    *("container.apparmor.security.beta.kubernetes.io/pytorch", "seccomp.security.alpha.kubernetes.io/pod"),
    *("batch.kubernetes.io/job-name", "controller.kubernetes.io/pod-deletion-cost", "x.app.kubernetes.io/name"),
    *("sidecar.istio.io/inject", "linkerd.io/inject"),
    *("", "/x", "a/", "a/b/c", "-a", "a-", "a b", "a\n", "\na", "é", "A.com/x", "a_b/x", "x" * 64, "a/" + "x" * 64),
)
"""Keys that are not for users, and none at all."""


def _verifier(**kind: Any) -> dict[str, Any]:
    return {"spec.reward.verifiers": [{"name": "answer", **kind}]}


def _limits(**amounts: Any) -> dict[str, Any]:
    return {"spec.compute.resources.limits": amounts}


def _variable(**fields: Any) -> dict[str, Any]:
    return {"spec.compute.env": [{"name": "A", **fields}]}


def _volume(**fields: Any) -> dict[str, Any]:
    return {"spec.compute.volumes": [{"mountPath": "/a", **fields}]}


def _after(time: Any) -> dict[str, Any]:
    return {f"{_FILTER}.createdAfter": time}


def _between(after: str, before: str) -> dict[str, Any]:
    return {f"{_FILTER}.createdAfter": after, f"{_FILTER}.createdBefore": before}


BROKEN_RULES = [
    Case("a batch that splits a group", {"spec.optimization.batchSize": 12}),
    Case("a batch that splits a group of another size", {"spec.grpo.groupSize": 7}),
    Case("no room for a prompt", {"spec.model.maxLength": 512}),
    Case("a batch that three workers cannot share", {"spec.compute.workers": 3}),
    Case("a batch that six GPUs cannot share", {"spec.compute": {"workers": 2, "gpusPerWorker": 3}}),
    Case("two rules at once", {"spec.optimization.batchSize": 12, "spec.model.maxLength": 8}),
    Case(
        "rules of several parts at once",
        {"spec.optimization": {"maxSteps": 1, "epochs": 1}, "spec.grpo.clip.low": 0.9},
    ),
    Case("a quantised model without adapters", {"spec.model.quantization": "int8"}),
    Case("a quantised model with adapters that are null", {"spec.model.quantization": "int8", "spec.model.lora": None}),
    Case("a model in a bucket", {"spec.model.source": "s3://bucket/model"}),
    Case("a model on the web", {"spec.model.source": "https://example.com/model"}),
    Case("no source of traces", {"spec.traces": {}}),
    Case("a source of traces that is null", {"spec.traces.postgres": None}),
    Case("two sources of traces", {"spec.traces.file": {"path": "a"}}),
    Case("three sources of traces", {"spec.traces.file": {"path": "a"}, "spec.traces.s3": _S3}),
    Case("a format of lines for tables", {"spec.traces.format": "messages"}),
    Case(
        "the SDK's text for spans",
        only("traces", {"postgres": {"urlFrom": {"env": "URL"}, "spans": "spans"}, "promptForm": "text"}),
    ),
    Case("fields of lines for tables", {"spec.traces.fields": {"reward": "score"}}),
    Case(
        "fields for exports of the SDK",
        only("traces", {"file": {"path": "a"}, "format": "atlas", "fields": {"reward": "score"}}),
    ),
    Case("rewards the wrong way round", {f"{_FILTER}.minReward": 0.5, f"{_FILTER}.maxReward": 0.4}),
    Case("the same time twice", _between("2026-10-01T00:00:00Z", "2026-10-01T02:00:00+02:00")),
    Case("times the wrong way round", _between("2026-10-01T00:00:00Z", "2026-09-30T23:59:59.999999Z")),
    Case("a secret from nowhere", {"spec.traces.postgres.urlFrom": {}}),
    Case("a secret from two places", {"spec.traces.postgres.urlFrom.env": "URL"}),
    Case("credentials from nowhere", {"spec.checkpoints.s3.credentialsFrom": {}}),
    Case(
        "credentials from two places",
        {"spec.checkpoints.s3.credentialsFrom": {"file": "a", "secretRef": {"name": "a"}}},
    ),
    Case("nowhere to save", {"spec.checkpoints": {}}),
    Case("two places to save", {"spec.checkpoints.local": {"path": "a"}}),
    Case("a clip upside down", {"spec.grpo.clip": {"low": 0.3, "high": 0.25}}),
    Case("a lower clip above the upper one's default", {"spec.grpo.clip": {"low": 0.3}}),
    Case("steps and epochs", {"spec.optimization": {"maxSteps": 1, "epochs": 1}}),
    Case("a micro batch that does not divide the batch", {"spec.optimization.microBatchSize": 5}),
    Case("a verifier of no kind", _verifier()),
    Case("a verifier of a kind that is null", _verifier(numeric=None)),
    Case("a verifier of two kinds", {"spec.reward.verifiers": [_MIXED]}),
    Case("the second verifier of two kinds", {"spec.reward.verifiers": [{"name": "a", "numeric": {}}, _MIXED]}),
    Case("nothing that rewards", {"spec.reward.verifiers": []}),
    Case("judges from nowhere", {"spec.reward.serviceRef": {}}),
    Case("judges from two places", {"spec.reward.serviceRef": {"name": "judges", "url": "http://judges"}}),
    Case(
        "a token for judges in the trainer",
        {"spec.reward.serviceRef": {"file": "rewardservice.yaml", "tokenFrom": {"env": "T"}}},
    ),
    Case("a wait for nobody", {"spec.reward.waitSeconds": 60}),
    Case("a wait for an address", {"spec.reward": {"serviceRef": {"url": "http://judges"}, "waitSeconds": 60}}),
    Case("two verifiers of one name", {"spec.reward.verifiers": [{"name": "a", "numeric": {}}] * 2}),
    Case("a weight for nobody", {"spec.reward.weights": {"other": 1}}),
    Case("a weight of nothing", {"spec.reward.weights": {"answer": 0}}),
    Case("a negative weight", {"spec.reward.weights": {"answer": -0.5}}),
    Case("a negative weight for nobody", {"spec.reward.weights": {"other": -1}}),
    Case("a path in an envelope", {"spec.reward.answer": {"from": "envelope", "path": "result"}}),
    Case("answers at no path", {"spec.reward.answer": {"from": "jsonPath"}}),
    Case("answers for judges", {"spec.reward": {"serviceRef": {"name": "judges"}, "answer": {"from": "envelope"}}}),
    Case("a length upside down", _verifier(length={"target": 5, "limit": 5})),
    Case("a GPU as a limit", _limits(**{"nvidia.com/gpu": 1})),
    Case("a GPU as a request", {"spec.compute.resources.requests": {"nvidia.com/gpu": "1"}}),
    Case("a variable without a value", _variable()),
    Case("a variable with two values", _variable(value="a", secretKeyRef={"name": "a", "key": "b"})),
    Case("a variable of ours", {"spec.compute.env": [{"name": "ATLAS_RUN", "value": "1"}]}),
    Case("files of no kind", _volume()),
    *(Case(f"a label {key!r} of pods", {"spec.compute.labels": {key: "a"}}) for key in _TAKEN),
    *(Case(f"an annotation {key!r} of pods", {"spec.compute.annotations": {key: "a"}}) for key in _TAKEN),
    Case("a zone twice", {"spec.compute.topologySpreadConstraints": [{"topologyKey": "zone"}] * 2}),
    Case("GPUs in two places", {"spec.compute.gpuResource": "amd.com/gpu", **_limits(**{"amd.com/gpu": 1})}),
    Case("room on the node in two places", {"spec.compute.ephemeralStorage": 1, **_limits(**{"ephemeral-storage": 1})}),
    Case("files of two kinds", _volume(claim="a", secret="a")),
]  # fmt: skip
"""Every field is right by itself; a rule that spans fields is broken."""

WRONG_FIELDS = [
    Case("answers at an empty part of a path", {"spec.reward.answer": {"from": "jsonPath", "path": "result..text"}}),
    Case("a field at an empty part of a path", only("traces", {"file": {"path": "a"}, "fields": {"reward": "a..b"}})),
    # Structure.
    Case("no spec", {"spec": REMOVED}),
    Case("a spec of null", {"spec": None}),
    Case("text for the spec", {"spec": "train"}),
    *(Case(f"no {part}", {f"spec.{part}": REMOVED}) for part in ("model", "traces", "grpo", "reward", "checkpoints")),
    Case("a needed part by null", {"spec.grpo": None}),
    Case("an unknown field at the top", {"sepc": {}}),
    Case("an unknown field", {"spec.gpro": {}}),
    Case("an unknown field by null", {"spec.gpro": None}),
    Case("another algorithm", {"spec.sft": {}}),
    Case("an unknown field far inside", {"spec.grpo.clip.hihg": 0.3}),
    Case("an unknown field in a list", {"spec.reward.verifiers.0.weight": 1}),
    Case("a field in another case", {"spec.grpo.groupsize": 8}),
    Case("Python's spelling", {"spec.grpo.group_size": 8}),
    Case("a list for a mapping", {"spec.model": []}),
    Case("text for a list of objects", {"spec.reward.verifiers": "answer"}),
    Case("null in a list of objects", {"spec.reward.verifiers": [None]}),
    Case("null in a list of texts", {f"{_FILTER}.tags": [None]}),
    # Numbers.
    Case("a quoted whole number", {"spec.grpo.groupSize": "8"}),
    Case("a quoted number", {"spec.grpo.temperature": "1.0"}),
    Case("half a completion", {"spec.grpo.groupSize": 8.5}),
    Case("a group of one", {"spec.grpo.groupSize": 1}),
    Case("a group too many", {"spec.grpo.groupSize": 257}),
    Case("true for a number", {"spec.grpo.temperature": True}),
    Case("true for a whole number", {"spec.optimization.seed": True}),
    Case("no temperature", {"spec.grpo.temperature": 0}),
    Case("too hot", {"spec.grpo.temperature": 5.000001}),
    Case("more than all tokens", {"spec.grpo.topP": 1.1}),
    Case("a negative penalty", {"spec.grpo.klBeta": -1e-9}),
    Case("a penalty beyond 64 bits", {"spec.grpo.klBeta": 10**30}),
    Case("an unknown loss", {"spec.grpo.loss": "ppo"}),
    Case("a loss in capitals", {"spec.grpo.loss": "DAPO"}),
    Case("an empty loss", {"spec.grpo.loss": ""}),
    Case("a lower clip of 1", {"spec.grpo.clip.low": 1}),
    Case("a seed too many", {"spec.optimization.seed": 2**32}),
    Case("a seed beyond 64 bits", {"spec.optimization.seed": 2**64}),
    Case("a seed beyond all numbers of 64 bits", {"spec.optimization.seed": 10**30}),
    Case("a seed as a huge number with an exponent", {"spec.optimization.seed": 1e22}),
    Case("a negative seed", {"spec.traces.split.seed": -1}),
    Case("no steps", {"spec.optimization.maxSteps": 0}),
    Case("negative epochs", {"spec.optimization.epochs": -1}),
    Case("a learning rate of 1", {"spec.optimization.learningRate": 1}),
    Case("no learning rate", {"spec.optimization.learningRate": 0.0}),
    Case("warm-up all the time", {"spec.optimization.warmupRatio": 1.0}),
    Case("a format that nobody reads", only("traces", {"file": {"path": "a"}, "format": "csv"})),
    Case("percent for a share", {"spec.traces.split.eval": 10}),
    Case("a reward above 1", {f"{_FILTER}.minReward": 1.0000001}),
    Case("no adapters at all", {"spec.model.lora": {"rank": 0}}),
    Case("dropout of everything", {"spec.model.lora": {"dropout": 1}}),
    Case("adapters for no layer", {"spec.model.lora": {"targets": []}}),
    Case("adapters for a layer without a name", {"spec.model.lora": {"targets": [""]}}),
    Case("no workers", {"spec.compute.workers": 0}),
    Case("65 workers", {"spec.compute.workers": 65}),
    Case("fewer GPUs than none", {"spec.compute.gpusPerWorker": -1}),
    Case("a history too long", {"spec.historyLimit": 51}),
    Case("no time to start", {"spec.limits.startSeconds": 0}),
    Case("a duration as text", {"spec.limits.runSeconds": "1h"}),
    Case("a duration beyond all clocks", {"spec.limits.runSeconds": 10**12}),
    Case("too many retries", {"spec.limits.retries": {"user": 1001}}),
    # Text.
    Case("a number for text", {"spec.model.source": 1}),
    Case("true for text", {"spec.model.revision": True}),
    Case("an empty name of a model", {"spec.model.source": ""}),
    Case("no revision", {"spec.model.revision": ""}),
    Case("a model's name too long", {"spec.model.source": "é" * 1025}),
    Case("text for true", {"spec.suspend": "true"}),
    Case("a number for true", {"spec.suspend": 1}),
    Case("a bucket of another store", {"spec.checkpoints.s3.uri": "gs://models"}),
    Case("no bucket", {"spec.checkpoints.s3.uri": "s3://"}),
    Case("a bucket in capitals of its scheme", {"spec.checkpoints.s3.uri": "S3://models"}),
    Case("a line break behind an address", {"spec.checkpoints.s3.uri": "s3://models/demo\n"}),
    Case("an endpoint without a scheme", {"spec.checkpoints.s3.endpoint": "minio:9000"}),
    Case("an endpoint without a host", {"spec.checkpoints.s3.endpoint": "http://"}),
    Case("an empty region", {"spec.checkpoints.s3.region": ""}),
    Case("a path out of the claim", only("checkpoints", {"volume": {"claimName": "a", "path": "../b"}})),
    Case("a path from the root of the claim", only("checkpoints", {"volume": {"claimName": "a", "path": "/b"}})),
    Case("a claim in capitals", only("checkpoints", {"volume": {"claimName": "Models"}})),
    Case("a claim without a name", only("checkpoints", {"volume": {}})),
    Case("an empty folder", only("checkpoints", {"local": {"path": ""}})),
    Case("a Secret without a key", {"spec.traces.postgres.urlFrom.secretKeyRef": {"name": "traces"}}),
    Case("a Secret's key with a slash", {"spec.traces.postgres.urlFrom.secretKeyRef.key": "a/b"}),
    Case("a password for a reference", {"spec.traces.postgres.urlFrom": "postgresql://a:b@c/d"}),
    Case("a variable's name with a dash", only("traces", {"postgres": {"urlFrom": {"env": "DB-URL"}}})),
    Case("a verifier's name in capitals", {"spec.reward.verifiers.0.name": "Answer"}),
    Case("a verifier's name too long", {"spec.reward.verifiers.0.name": "a" * 41}),
    Case("a verifier's name with a line break", {"spec.reward.verifiers.0.name": "answer\n"}),
    Case("an empty pattern", _verifier(regex={"pattern": ""})),
    Case("code without any time", _verifier(code={"timeoutSeconds": 0})),
    Case("code with too little memory for Python", _verifier(code={"memoryBytes": 2**20})),
    Case("code with empty tests", _verifier(code={"tests": ""})),
    Case("a function without a module", _verifier(python={"entryPoint": "function"})),
    Case("a function with a letter outside ASCII", _verifier(python={"entryPoint": "módulo:function"})),
    Case("a verifier's length without a limit", _verifier(length={"target": 5})),
    Case("a JSON Schema as text", _verifier(jsonSchema={"schema": "{}"})),
    Case("a JSON Schema that is true", _verifier(jsonSchema={"schema": True})),
    Case("seventeen verifiers", {"spec.reward.verifiers": numbered_verifiers(17)}),
    Case("a weight as text", {"spec.reward.weights": {"answer": "1"}}),
    Case("no time to wait for judges", {"spec.reward": {"serviceRef": {"name": "judges"}, "waitSeconds": 0}}),
    Case("a weight too heavy", {"spec.reward.weights": {"answer": 1e7}}),
    Case("an empty tag", {f"{_FILTER}.tags": [""]}),
    Case("257 tags", {f"{_FILTER}.tags": [f"tag-{number}" for number in range(257)]}),
    Case("a negative offset", {f"{_FILTER}.offset": -1}),
    Case("a field that no record must have", {f"{_FILTER}.require": ["reward"]}),
    Case("text for a list", {f"{_FILTER}.status": "succeeded"}),
    # Times.
    Case("a date", _after("2026-10-01")),
    Case("a time without a zone", _after("2026-10-01T00:00:00")),
    Case("a time with a space", _after("2026-10-01 00:00:00Z")),
    Case("a time in small letters", _after("2026-10-01t00:00:00z")),
    Case("a time without seconds", _after("2026-10-01T00:00Z")),
    Case("an offset without a colon", _after("2026-10-01T00:00:00+0200")),
    Case("an offset of a day", _after("2026-10-01T00:00:00+24:00")),
    Case("30 February", _after("2026-02-30T00:00:00Z")),
    Case("a leap second", _after("2026-12-31T23:59:60Z")),
    Case("the end of the day as 24 o'clock", _after("2026-10-01T24:00:00Z")),
    Case("the year 0", _after("0000-10-01T00:00:00Z")),
    Case("nanoseconds", _after("2026-10-01T00:00:00.000000001Z")),
    Case("a comma in the seconds", _after("2026-10-01T00:00:00,5Z")),
    Case("digits of another script", _after("\uff12\uff10\uff12\uff16-10-01T00:00:00Z")),
    Case("seconds since 1970", _after(1790000000)),
    Case("seconds since 1970 as text", _after("1790000000")),
    Case("a line break behind a time", _after("2026-10-01T00:00:00Z\n")),
    Case("an empty time", _after("")),
    # The pods.
    Case("a fraction of a CPU as a number", _limits(cpu=0.5)),
    Case("a negative amount", _limits(cpu=-1)),
    Case("a negative amount as text", _limits(cpu="-1")),
    Case("an amount with a plus", _limits(cpu="+1")),
    Case("an amount with a space", _limits(memory="32 Gi")),
    Case("an amount in GB", _limits(memory="32GB")),
    Case("an amount in small letters", _limits(memory="32gi")),
    Case("an empty amount", _limits(memory="")),
    Case("an amount beyond 64 bits", _limits(memory=2**63)),
    Case("an amount with a huge exponent", _limits(memory="1e100")),
    Case("true as an amount", _limits(cpu=True)),
    Case("a list as an amount", _limits(cpu=[1])),
    Case("a line break behind an amount", _limits(cpu="1\n")),
    Case("seventeen resources", _limits(**{f"example.com/r{number}": 1 for number in range(17)})),
    Case("a number as a node label", {"spec.compute.nodeSelector": {"pool": 1}}),
    Case("a node label too long", {"spec.compute.nodeSelector": {"pool": "a" * 64}}),
    Case("an unknown effect", {"spec.compute.tolerations": [{"effect": "NoStart"}]}),
    Case("an affinity as text", {"spec.compute.affinity": "spread"}),
    Case("an empty image", {"spec.compute.image": ""}),
    Case("a registry's secret as text", {"spec.compute.imagePullSecrets": ["registry"]}),
    Case("an empty scheduler", {"spec.compute.schedulerName": ""}),
    Case("a priority class in capitals", {"spec.compute.priorityClassName": "High"}),
    Case("a label of pods with a blank", {"spec.compute.labels": {"a": "b c"}}),
    Case("a label of pods with a line end", {"spec.compute.labels": {"a": "b\n"}}),
    Case("a number as a label of pods", {"spec.compute.labels": {"a": 1}}),
    Case("a label of pods too long", {"spec.compute.labels": {"a": "b" * 64}}),
    Case("an annotation too long", {"spec.compute.annotations": {"a": "b" * 4097}}),
    Case("labels of pods too many", {"spec.compute.labels": {f"a{number}": "" for number in range(33)}}),
    Case("an account in capitals", {"spec.compute.serviceAccountName": "Team"}),
    Case("an account of another namespace", {"spec.compute.serviceAccountName": "other/team"}),
    Case("GPUs without a vendor", {"spec.compute.gpuResource": "gpu"}),
    Case("memory for GPUs", {"spec.compute.gpuResource": "memory"}),
    Case("a sandbox in capitals", {"spec.compute.runtimeClassName": "gVisor"}),
    Case("a negative amount of room", {"spec.compute.ephemeralStorage": "-1Gi"}),
    Case("a room of no size", {"spec.compute.ephemeralStorage": "large"}),
    Case("pods spread over nothing", {"spec.compute.topologySpreadConstraints": [{}]}),
    Case("a skew of nothing", {"spec.compute.topologySpreadConstraints": [{"topologyKey": "a", "maxSkew": 0}]}),
    Case(
        "a spread with a selector",
        {"spec.compute.topologySpreadConstraints": [{"topologyKey": "a", "labelSelector": {}}]},
    ),
    Case("a variable that begins with a digit", {"spec.compute.env": [{"name": "1A", "value": ""}]}),
    Case("a number as a variable's value", {"spec.compute.env": [{"name": "A", "value": 1}]}),
    Case("files at a relative path", {"spec.compute.volumes": [{"claim": "a", "mountPath": "models"}]}),
    Case("files at no path", {"spec.compute.volumes": [{"claim": "a"}]}),
    Case("arguments as a list", {"spec.trainerArgs": ["--fast"]}),
    # Several at once.
    Case("a wrong field beside a broken rule", {"spec.grpo.loss": "ppo", "spec.optimization.microBatchSize": 5}),
    Case("two wrong fields", {"spec.grpo.loss": "ppo", "spec.model.maxLength": "8"}),
    Case("a name in capitals", {"metadata.name": "Demo"}),
    Case("no name", {"metadata.name": REMOVED}),
]  # fmt: skip
"""A field is wrong by itself."""

UNREADABLE = [
    Case("another kind", {"kind": "AtlasTrainings"}),
    Case("no kind", {"kind": REMOVED}),
    Case("another version", {"apiVersion": "atlas.arc.computer/v1"}),
    Case("no version", {"apiVersion": REMOVED}),
    Case("another group", {"apiVersion": "atlas.computer/v1alpha1"}),
    Case("a list for the metadata", {"metadata": []}),
    Case("a number as a label", {"metadata.labels": {"a": 1}}),
    Case("an argument beyond all numbers", {"spec.trainerArgs": {"a": 10**400}}),
    Case("a mapping for a list", {"spec.reward.verifiers": {"answer": {}}}),
]
"""The API server looks no further, and names no field of ours."""

BEYOND_SCHEMA = [
    Case("a pattern that Python does not know", _verifier(regex={"pattern": "("})),
    Case("a JSON Schema that is none", _verifier(jsonSchema={"schema": {"type": "nothing"}})),
    Case("a function that is not installed", _verifier(python={"entryPoint": "no_such_package.module:function"})),
]
"""Right for the API server, which runs no Python; `atlas-core validate` and the run itself refuse them."""

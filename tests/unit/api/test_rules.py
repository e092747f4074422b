"""Every CEL rule of every API type: one document that breaks it, and the same one mended."""

from typing import Any, NamedTuple

import pytest
from support.manifests.api_types import api_types

from atlas_api import AtlasTrainingSpec, InvalidManifest, parse
from atlas_api.base import ApiModel, Rule
from atlas_api.rewardservice.judging import Judge, Judging
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.rules import broken_rules
from atlas_api.secrets import CredentialsSource, SecretSource
from atlas_api.training.checkpoints import Checkpoints
from atlas_api.training.compute import Compute, EnvVar, Resources, Volume
from atlas_api.training.grpo import Clip
from atlas_api.training.model import ModelSpec
from atlas_api.training.optimization import Optimization
from atlas_api.training.reward import Answer, Length, Reward, ServiceRef, ThoughtMarks, Verifier
from atlas_api.training.traces import TraceFilter, Traces


class Case(NamedTuple):
    model: type[ApiModel]
    message: str
    broken: dict[str, Any]
    mended: dict[str, Any]


FILE = {"path": "traces"}
NUMERIC = {"name": "answer", "numeric": {}}
OTHER = {"name": "shape", "numeric": {}}


def spec(**parts: Any) -> dict[str, Any]:
    return {
        "model": {"source": "m"},
        "traces": {"file": FILE},
        "grpo": {},
        "reward": {"verifiers": [NUMERIC]},
        "checkpoints": {"local": FILE},
        **parts,
    }


JUDGE = {"name": "accuracy", "rubric": "accuracy"}
MODELS = {"small": {"model": "m", "baseUrl": "http://judge/v1"}}


def service(**parts: Any) -> dict[str, Any]:
    return {"judges": [JUDGE], "models": MODELS, **parts}


CASES = [
    Case(
        Judge, "set exactly one of rubric, instructions", {"name": "mine"}, {"name": "mine", "instructions": "Be kind"}
    ),
    *(
        Case(model, message, service(**broken), service(**mended))
        for model in (Judging, RewardServiceSpec)
        for message, broken, mended in (
            ("two judges have the same name; rename one", {"judges": [JUDGE, JUDGE]}, {"judges": [JUDGE]}),
            ("quorum is larger than the number of judges", {"quorum": 2}, {"quorum": 1}),
        )
    ),
    Case(
        RewardServiceSpec,
        "two verifiers have the same name; rename one",
        service(verifiers=[NUMERIC, NUMERIC]),
        service(verifiers=[NUMERIC, OTHER]),
    ),
    Case(
        RewardServiceSpec,
        "a verifier and a judge have the same name; rename one",
        service(verifiers=[{"name": "accuracy", "numeric": {}}]),
        service(verifiers=[NUMERIC]),
    ),
    Case(
        RewardServiceSpec,
        "weights names a verifier that is not in verifiers",
        service(weights={"answer": 2}),
        service(verifiers=[NUMERIC], weights={"answer": 2}),
    ),
    Case(
        Checkpoints,
        "set exactly one of s3, volume, local",
        {"s3": {"uri": "s3://bucket"}, "local": FILE},
        {"local": FILE},
    ),
    Case(Clip, "clip.high is below clip.low", {"low": 0.3, "high": 0.2}, {"low": 0.2, "high": 0.2}),
    Case(
        ModelSpec,
        "quantization needs lora: quantised weights cannot be trained; add lora: {} or remove quantization",
        {"source": "m", "quantization": "nf4"},
        {"source": "m", "quantization": "nf4", "lora": {}},
    ),
    Case(
        ModelSpec,
        "source takes a hub id or a folder; download from object stores first",
        {"source": "s3://bucket/model"},
        {"source": "Qwen/Qwen2.5-1.5B-Instruct"},
    ),
    Case(Optimization, "set maxSteps or epochs, not both", {"maxSteps": 4, "epochs": 1}, {"epochs": 1}),
    Case(
        Optimization,
        "batchSize must be a multiple of microBatchSize",
        {"batchSize": 32, "microBatchSize": 5},
        {"batchSize": 32, "microBatchSize": 4},
    ),
    Case(Length, "length.target must be below length.limit", {"target": 9, "limit": 9}, {"target": 8, "limit": 9}),
    Case(
        Verifier,
        "set exactly one of exactMatch, numeric, regex, jsonSchema, referenceSimilarity, length, code, python",
        {"name": "answer"},
        NUMERIC,
    ),
    Case(
        ServiceRef,
        "set exactly one of name, url, file",
        {"name": "judges", "file": "rewardservice.yaml"},
        {"name": "judges"},
    ),
    Case(
        ServiceRef,
        "tokenFrom is for name and url; with file nobody asks for a token",
        {"file": "rewardservice.yaml", "tokenFrom": {"env": "TOKEN"}},
        {"url": "http://judges:8080", "tokenFrom": {"env": "TOKEN"}},
    ),
    Case(
        Reward,
        "waitSeconds needs serviceRef.name: nothing else is waited for",
        {"serviceRef": {"url": "http://judges:8080"}, "waitSeconds": 60},
        {"serviceRef": {"name": "judges"}, "waitSeconds": 60},
    ),
    Case(
        Reward,
        "set verifiers, serviceRef or both: nothing else says what a good completion is",
        {},
        {"serviceRef": {"name": "judges"}},
    ),
    Case(
        Reward,
        "two verifiers have the same name; rename one",
        {"verifiers": [NUMERIC, NUMERIC]},
        {"verifiers": [NUMERIC, OTHER]},
    ),
    Case(
        Reward,
        "weights names a verifier that is not in verifiers",
        {"verifiers": [NUMERIC], "weights": {"shape": 1}},
        {"verifiers": [NUMERIC, OTHER], "weights": {"shape": 1}},
    ),
    Case(
        Reward,
        "a weight must be above 0; remove the verifier instead",
        {"verifiers": [NUMERIC], "weights": {"answer": 0}},
        {"verifiers": [NUMERIC], "weights": {"answer": 0.1}},
    ),
    Case(
        Answer,
        "path goes with from: jsonPath, and neither works without the other",
        {"path": "result.deliverable"},
        {"from": "jsonPath", "path": "result.deliverable"},
    ),
    Case(
        Reward,
        "answer is for verifiers, and there are none; for those of a RewardService set answer there",
        {"serviceRef": {"name": "judges"}, "answer": {"from": "envelope"}},
        {"serviceRef": {"name": "judges"}, "answer": {"from": "envelope"}, "verifiers": [NUMERIC]},
    ),
    Case(
        RewardServiceSpec,
        "answer is for verifiers, and there are none; add verifiers or remove answer",
        service(answer={"from": "envelope"}),
        service(answer={"from": "envelope"}, verifiers=[NUMERIC]),
    ),
    Case(SecretSource, "set exactly one of secretKeyRef, env, file", {"env": "URL", "file": "url"}, {"env": "URL"}),
    Case(
        CredentialsSource,
        "set exactly one of secretRef, file",
        {"secretRef": {"name": "s3"}, "file": "credentials"},
        {"secretRef": {"name": "s3"}},
    ),
    Case(
        Resources,
        "remove nvidia.com/gpu: trainings ask for GPUs by compute.gpusPerWorker, reward services use none",
        {"limits": {"nvidia.com/gpu": 1}},
        {"limits": {"memory": "32Gi"}},
    ),
    Case(
        EnvVar, "set exactly one of value, secretKeyRef", {"name": "HF_TOKEN"}, {"name": "HF_HOME", "value": "/cache"}
    ),
    Case(
        EnvVar,
        "names that begin with ATLAS_ are taken; choose another",
        {"name": "ATLAS_ATTEMPT", "value": "1"},
        {"name": "MY_ATLAS_ATTEMPT", "value": "1"},
    ),
    Case(
        Volume,
        "set exactly one of claim, configMap, secret",
        {"mountPath": "/models"},
        {"mountPath": "/models", "claim": "models"},
    ),
    *(
        Case(
            Compute,
            f"a key of {field} is malformed, or one that the operator, a mesh or Kubernetes itself writes;"
            " choose another",
            {field: {"sidecar.istio.io/inject": "true"}},
            {field: {"azure.workload.identity/use": "true", "app.kubernetes.io/name": "x", "team": ""}},
        )
        for field in ("labels", "annotations")
    ),
    *(
        Case(
            RewardServiceSpec,
            f"a key of {field} is malformed, or one that the operator or Kubernetes itself writes; choose another",
            service(**{field: {"atlas.arc.computer/rewards": "other"}}),
            service(**{field: {"sidecar.istio.io/inject": "true"}}),
        )
        for field in ("labels", "annotations")
    ),
    *(
        Case(
            model,
            "two topologySpreadConstraints have the same topologyKey; remove one",
            {**rest, "topologySpreadConstraints": [{"topologyKey": "zone"}, {"topologyKey": "zone", "maxSkew": 2}]},
            {**rest, "topologySpreadConstraints": [{"topologyKey": "zone"}, {"topologyKey": "rack"}]},
        )
        for model, rest in ((Compute, {}), (RewardServiceSpec, service()))
    ),
    Case(
        Compute,
        "remove from resources what gpuResource names: gpusPerWorker asks for it",
        {"gpuResource": "amd.com/gpu", "resources": {"requests": {"amd.com/gpu": 1}}},
        {"gpuResource": "amd.com/gpu", "resources": {"requests": {"rdma/hca": 1}}},
    ),
    Case(
        Compute,
        "ephemeralStorage and resources both say how much ephemeral storage; remove one",
        {"ephemeralStorage": "1Gi", "resources": {"limits": {"ephemeral-storage": "1Gi"}}},
        {"ephemeralStorage": "1Gi", "resources": {"limits": {"memory": "1Gi"}}},
    ),
    Case(
        TraceFilter,
        "minReward is above maxReward: no session can pass",
        {"minReward": 0.9, "maxReward": 0.1},
        {"minReward": 0.1, "maxReward": 0.1},
    ),
    Case(
        TraceFilter,
        "createdAfter is not before createdBefore: no session can pass",
        # Noon in Berlin is before noon in UTC, whatever the order of the letters says.
        {"createdAfter": "2026-10-01T12:00:00Z", "createdBefore": "2026-10-01T12:00:00+02:00"},
        {"createdAfter": "2026-10-01T12:00:00+02:00", "createdBefore": "2026-10-01T12:00:00Z"},
    ),
    Case(Traces, "set exactly one of postgres, s3, file", {}, {"file": FILE}),
    Case(
        Traces,
        "format and fields are for file and s3, and fields for postgres.spans: other tables are those of the SDK",
        {"postgres": {"urlFrom": {"env": "URL"}}, "format": "messages"},
        {"postgres": {"urlFrom": {"env": "URL"}}, "format": "atlas"},
    ),
    Case(
        Traces,
        "postgres.spans holds spans: leave format out",
        {"postgres": {"urlFrom": {"env": "URL"}, "spans": "spans"}, "format": "atlas"},
        {"postgres": {"urlFrom": {"env": "URL"}, "spans": "spans"}, "fields": {"reward": "score"}},
    ),
    Case(
        Traces,
        "fields are for lines that the SDK did not write: with format atlas everything has its place",
        {"file": FILE, "format": "atlas", "fields": {"reward": "score"}},
        {"file": FILE, "format": "messages", "fields": {"reward": "score"}},
    ),
    Case(
        Traces,
        "promptForm text is how the SDK sends its prompts: leave it out for traces of other makers",
        {"file": FILE, "format": "messages", "promptForm": "text"},
        {"file": FILE, "format": "atlas", "promptForm": "text"},
    ),
    Case(
        ThoughtMarks,
        "thought.begin and thought.end must differ",
        {"begin": "<plan>", "end": "<plan>"},
        {"begin": "<plan>", "end": "</plan>"},
    ),
    Case(
        Reward,
        "conflicts: floor needs serviceRef: verifiers never contradict themselves",
        {"verifiers": [NUMERIC], "conflicts": "floor"},
        {"verifiers": [NUMERIC], "conflicts": "floor", "serviceRef": {"name": "judges"}},
    ),
    Case(
        AtlasTrainingSpec,
        "optimization.batchSize must be a multiple of grpo.groupSize: a group is never split over two steps",
        spec(optimization={"batchSize": 12}),
        spec(optimization={"batchSize": 16}),
    ),
    Case(
        AtlasTrainingSpec,
        "model.maxLength must exceed grpo.maxCompletionTokens: no room is left for the prompt",
        spec(model={"source": "m", "maxLength": 512}),
        spec(model={"source": "m", "maxLength": 513}),
    ),
    Case(
        AtlasTrainingSpec,
        "optimization.batchSize must be a multiple of the training processes"
        " (compute.workers times compute.gpusPerWorker)",
        spec(compute={"workers": 3, "gpusPerWorker": 0}),
        spec(compute={"workers": 2, "gpusPerWorker": 8}),
    ),
]
RULES = {(model.__name__, rule) for model in api_types() for rule in model.RULES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.model.__name__}: {case.message[:50]}")
def test_the_rule_refuses_the_broken_document_and_takes_the_mended_one(case: Case) -> None:
    with pytest.raises(InvalidManifest) as refused:
        parse(case.model, case.broken)
    assert case.message in refused.value.problems
    parse(case.model, case.mended)


def test_every_rule_has_a_case() -> None:
    assert {(name, rule.message) for name, rule in RULES} == {(case.model.__name__, case.message) for case in CASES}


@pytest.mark.parametrize("count", [0, 2, 3])
def test_exactly_one_source_is_needed(count: int) -> None:
    sources = {"postgres": {"urlFrom": {"env": "URL"}}, "s3": {"uri": "s3://bucket/"}, "file": FILE}
    with pytest.raises(InvalidManifest, match="set exactly one of postgres, s3, file"):
        parse(Traces, dict(list(sources.items())[:count]))


def test_a_rule_is_found_wherever_the_type_stands_with_its_path() -> None:
    document = spec(reward={"verifiers": [NUMERIC, {"name": "short", "length": {"target": 2, "limit": 1}}]})
    assert list(broken_rules(AtlasTrainingSpec, document)) == [
        (("reward", "verifiers", 1, "length"), "length.target must be below length.limit")
    ]


def test_broken_rules_and_wrong_fields_are_reported_together() -> None:
    document = spec(optimization={"maxSteps": 1, "epochs": 1, "schedule": "exp"})
    with pytest.raises(InvalidManifest) as refused:
        parse(AtlasTrainingSpec, document)
    assert refused.value.problems == [
        'optimization.schedule: "exp" is not "constant", "linear" or "cosine"',
        "optimization: set maxSteps or epochs, not both",
    ]


@pytest.mark.parametrize(("name", "rule"), sorted(RULES), ids=str)
def test_messages_are_one_line_that_starts_small_and_ends_open(name: str, rule: Rule) -> None:
    assert name
    assert "\n" not in rule.message
    assert rule.message[0].islower()
    assert not rule.message.endswith(".")

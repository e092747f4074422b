"""The hash of a spec: the same for the same training, another one for another training."""

from pathlib import Path
from typing import Any

import pytest
from support.trainer.trainings import training_document

from atlas_api import AtlasTrainingSpec, parse


def hash_of(**changes: Any) -> str:
    return parse(AtlasTrainingSpec, {**training_document(Path("demo"))["spec"], **changes}).hash()


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(inner) for key, inner in reversed(value.items())}
    return value


BASE = training_document(Path("demo"))["spec"]
SAME: dict[str, dict[str, Any]] = {
    "an explicit null": {"trainerArgs": {}, "optimization": {**BASE["optimization"], "epochs": None}},
    "defaults spelled out": {"grpo": {**BASE["grpo"], "temperature": 1.0, "clip": {"low": 0.2, "high": 0.28}}},
    "a whole number for a fraction": {"grpo": {**BASE["grpo"], "temperature": 1, "topP": 1}},
    "another spelling of a number": {"optimization": {**BASE["optimization"], "learningRate": 0.001}},
    "another checkpoint address": {"checkpoints": {"s3": {"uri": "s3://bucket/models"}}},
    "other pods": {"compute": {"workers": 2, "image": "trainer:2"}},
    "other limits": {"limits": {"runSeconds": 60}},
    "another policy for changes": {"retrain": {"onSpecChange": "Wait"}},
    "suspended": {"suspend": True},
    "another history": {"historyLimit": 3, "readyWhen": "Succeeded"},
    "another checkpoint rhythm": {"checkpoints": {"local": {"path": "x"}, "everySteps": 7, "keep": 9}},
}
OTHER = {
    "model.source": {"model": {**BASE["model"], "source": "another"}},
    "model.revision": {"model": {**BASE["model"], "revision": "v2"}},
    "model.lora": {"model": {**BASE["model"], "lora": {}}},
    "model.lora.rank": {"model": {**BASE["model"], "lora": {"rank": 8}}},
    "model.quantization": {"model": {**BASE["model"], "lora": {}, "quantization": "nf4"}},
    "model.maxLength": {"model": {**BASE["model"], "maxLength": 256}},
    "traces.file": {"traces": {**BASE["traces"], "file": {"path": "others"}}},
    "traces.role": {"traces": {**BASE["traces"], "role": "teacher"}},
    "traces.filter": {"traces": {**BASE["traces"], "filter": {"minReward": 0.0}}},
    "traces.split": {"traces": {**BASE["traces"], "split": {"eval": 0.25, "seed": 1}}},
    "grpo.groupSize": {"grpo": {**BASE["grpo"], "groupSize": 2}},
    "grpo.temperature": {"grpo": {**BASE["grpo"], "temperature": 0.9}},
    "grpo.clip": {"grpo": {**BASE["grpo"], "clip": {"high": 0.3}}},
    "reward.verifiers": {"reward": {"verifiers": [{"name": "close", "exactMatch": {}}]}},
    "reward.weights": {"reward": {**BASE["reward"], "weights": {"close": 2}}},
    "reward.answer": {"reward": {**BASE["reward"], "answer": {"from": "envelope"}}},
    "evaluation.samples": {"evaluation": {"everySteps": 2, "samples": 8}},
    "optimization.maxSteps": {"optimization": {**BASE["optimization"], "maxSteps": 5}},
    "optimization.learningRate": {"optimization": {**BASE["optimization"], "learningRate": 2e-3}},
    "optimization.seed": {"optimization": {**BASE["optimization"], "seed": 1}},
    "trainerArgs": {"trainerArgs": {"vf_coef": 0.1}},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_what_trains_the_same_model_has_the_same_hash(changes: dict[str, Any]) -> None:
    assert hash_of(**changes) == hash_of()


def test_the_order_of_keys_does_not_matter() -> None:
    assert parse(AtlasTrainingSpec, reversed_keys(BASE)).hash() == hash_of()


@pytest.mark.parametrize("changes", OTHER.values(), ids=OTHER)
def test_what_trains_another_model_has_another_hash(changes: dict[str, Any]) -> None:
    assert hash_of(**changes) != hash_of()


def test_every_part_of_the_spec_either_counts_or_does_not() -> None:
    parts = {field.alias or name for name, field in AtlasTrainingSpec.model_fields.items()}
    same = {part for changes in SAME.values() for part in changes} - {"trainerArgs", "optimization", "grpo"}
    assert {name.partition(".")[0] for name in OTHER} | same == parts


def placement_of(**compute: Any) -> str:
    return parse(AtlasTrainingSpec, {**BASE, "compute": compute}).placement_hash()


def test_an_amount_may_be_spelled_in_many_ways() -> None:
    spellings: list[Any] = [
        {"memory": "1Gi", "cpu": 1},
        {"memory": "1024Mi", "cpu": "1000m"},
        {"cpu": "1", "memory": 1073741824},
    ]
    assert len({placement_of(resources={"requests": spelling}) for spelling in spellings}) == 1
    assert len({placement_of(ephemeralStorage=amount) for amount in ("1Gi", "1024Mi", 1073741824)}) == 1


def test_other_pods_are_another_placement() -> None:
    different: list[Any] = [{}, {"image": "trainer:2"}, {"workers": 2}, {"resources": {"limits": {"memory": "2Gi"}}}]
    assert len({placement_of(**compute) for compute in different}) == 4


def test_values_that_are_the_default_are_no_part_of_the_placement() -> None:
    address = {"uri": "s3://bucket/models"}
    spellings = [{"s3": address}, {"s3": {**address, "endpoint": None}}, {"s3": address, "everySteps": 7, "keep": 9}]
    assert len({parse(AtlasTrainingSpec, {**BASE, "checkpoints": where}).placement_hash() for where in spellings}) == 1


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"checkpoints": {"s3": {"uri": "s3://bucket/models"}}},
        {"checkpoints": {"volume": {"claimName": "models"}}},
        {"traces": {"s3": {"uri": "s3://traces/", "credentialsFrom": {"secretRef": {"name": "other"}}}}},
        {"reward": {"serviceRef": {"name": "judges", "tokenFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}}},
    ],
    ids=lambda elsewhere: next(iter(elsewhere)),
)
def test_other_addresses_and_credentials_are_another_placement(elsewhere: dict[str, Any]) -> None:
    assert parse(AtlasTrainingSpec, {**BASE, **elsewhere}).placement_hash() != placement_of()


def test_it_is_16_hex_digits() -> None:
    assert len(hash_of()) == 16
    assert int(hash_of(), 16) > 0


def test_where_the_token_of_the_judges_comes_from_does_not_count() -> None:
    tokens: list[Any] = [
        {},
        {"tokenFrom": {"env": "TOKEN"}},
        {"tokenFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
    ]
    assert len({hash_of(reward={"serviceRef": {"name": "judges", **token}}) for token in tokens}) == 1


def test_how_long_the_judges_are_waited_for_is_a_deadline_and_no_part_of_the_recipe() -> None:
    judged = {"serviceRef": {"name": "judges"}}
    patient, eager, calm = (
        parse(AtlasTrainingSpec, {**BASE, "reward": {**judged, **limit}})
        for limit in ({}, {"waitSeconds": 60}, {"waitSeconds": 600})
    )
    assert len({each.hash() for each in (patient, eager, calm)}) == 1
    assert len({each.limits_hash() for each in (patient, eager, calm)}) == 3
    assert patient.limits_hash() == parse(AtlasTrainingSpec, BASE).limits_hash()

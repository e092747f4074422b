"""The revision names what can change a score, and nothing else."""

from typing import Any

import pytest
from support.judges.ensembles import spec_of

from atlas_api import parse
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_rewards.judges.revision import revision_of

MODEL = {"model": "small", "baseUrl": "http://127.0.0.1:1/v1"}
BOTH = {"small": MODEL, "large": MODEL | {"model": "large"}}


def test_the_same_configuration_has_the_same_revision() -> None:
    assert revision_of(spec_of()) == revision_of(spec_of())
    assert len(revision_of(spec_of())) == 16


def test_a_default_that_is_written_out_changes_nothing() -> None:
    assert revision_of(spec_of(temperatures=[0.2, 0.5, 0.8], quorum=1)) == revision_of(spec_of())


def test_a_later_version_with_another_default_has_another_revision() -> None:
    class Later(RewardServiceSpec):
        quorum: int = 2

    later = parse(Later, spec_of().model_dump(mode="json", by_alias=True, exclude_defaults=True))
    assert later.quorum == 2
    assert revision_of(later) != revision_of(spec_of())


@pytest.mark.parametrize(
    "change",
    [
        {"judges": [{"name": "accuracy", "rubric": "accuracy"}]},
        {"judges": [{"name": "accuracy", "rubric": "accuracy", "weight": 2}]},
        {"judges": [{"name": "accuracy", "rubric": "accuracy", "mode": "group"}]},
        {"judges": [{"name": "accuracy", "instructions": "Is it right?"}]},
        {"models": {"small": MODEL}},
        {"models": BOTH | {"small": MODEL | {"model": "other"}}},
        {"models": BOTH | {"small": MODEL | {"baseUrl": "http://elsewhere/v1"}}},
        {"models": BOTH | {"small": MODEL | {"extra": {"reasoning_effort": "low"}}}},
        {"models": BOTH | {"large": MODEL | {"model": "large", "maxTokens": 100}}},
        {"temperatures": [0.2, 0.5]},
        {"escalation": {"scoreStd": 0.2}},
        {"consistency": {"goodProcess": 0.4}},
        {"antiGaming": {"capScore": 0.2}},
        {"quorum": 2},
        {"maxCharacters": 1000},
        {"verifiers": [{"name": "exact", "exactMatch": {}}]},
    ],
)
def test_what_changes_scores_changes_the_revision(change: dict[str, Any]) -> None:
    assert revision_of(spec_of(**change)) != revision_of(spec_of())


@pytest.mark.parametrize(
    "change",
    [
        {"concurrency": 8},
        {"timeouts": {"callSeconds": 5}},
        {"retries": {"attempts": 1}},
        {"hedgeAfter": 95.0},
        {"circuitBreaker": {"failures": 3}},
        {"budget": {"callsPerMinute": 10}},
        {"cache": {"entries": 0}},
        {"tokenFrom": {"env": "TOKEN"}},
        {"limits": {"items": 8}},
        {"image": "judges:2"},
        {"replicas": 3},
        {"resources": {"requests": {"cpu": "2"}}},
        {"imagePullSecrets": [{"name": "registry"}]},
        {"nodeSelector": {"pool": "judges"}, "tolerations": [{"key": "judges", "operator": "Exists"}]},
        {"env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]},
        {"volumes": [{"mountPath": "/checks", "configMap": "checks"}]},
        {"models": {"small": MODEL | {"apiKeyFrom": {"env": "KEY"}}, "large": MODEL | {"model": "large"}}},
    ],
)
def test_what_only_changes_how_it_runs_does_not(change: dict[str, Any]) -> None:
    assert revision_of(spec_of(**change)) == revision_of(spec_of())

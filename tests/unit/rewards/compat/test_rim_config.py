"""A configuration of ATLAS is understood, also what ATLAS itself never read."""

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from atlas_api import InvalidManifest
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_rewards.compat.rim_config import load_rim_config

FULL: dict[str, Any] = {
    "temperatures": [0.1, 0.9],
    "variance_threshold": 0.25,
    "models": {"small_model": "gemini/gemini-2.5-flash", "large_model": "openai/large"},
    "active_judges": {"accuracy": False, "helpfulness": True, "process": True, "diagnostic": False},
    "parallel_execution": {"max_workers": 4},
    "model_configs": {
        "default": {"max_tokens": 1000, "response_format": "json"},
        "large": {"max_tokens": 2000},
    },
    "consistency_rules": {
        "alignment_completeness_bound": 0.2,
        "completeness_helpfulness_threshold": 0.4,
        "understanding_helpfulness_bound": 0.3,
    },
    "anti_gaming": {"enabled": True, "cap_score": 0.2},
}


def loaded(directory: Path, document: Any, **environment: str) -> RewardServiceSpec:
    file = directory / "rim_config.yaml"
    file.write_text(yaml.safe_dump(document))
    return load_rim_config(file, environment)


def test_everything_in_it_is_used(tmp_path: Path) -> None:
    spec = loaded(tmp_path, {"rim": FULL})
    assert [judge.name for judge in spec.judges] == ["helpfulness", "process"]
    assert spec.temperatures == (0.1, 0.9)
    assert spec.escalation.score_std == 0.25
    assert spec.concurrency == 8
    assert (spec.models.small.model, spec.models.small.max_tokens) == ("gemini-2.5-flash", 1000)
    assert spec.models.small.extra == {"response_format": {"type": "json_object"}}
    assert spec.models.large is not None
    assert (spec.models.large.model, spec.models.large.max_tokens, spec.models.large.extra) == ("large", 2000, {})
    rules = spec.consistency
    assert (rules.process_above_accuracy, rules.good_process, rules.helpfulness_above_diagnostic) == (0.2, 0.4, 0.3)
    assert spec.anti_gaming.cap_score == 0.2


def test_what_is_left_out_has_the_constants_of_the_reference(tmp_path: Path) -> None:
    spec = loaded(tmp_path, {"rim": {}})
    assert [judge.name for judge in spec.judges] == ["accuracy", "helpfulness", "process", "diagnostic"]
    assert spec.temperatures == (0.2, 0.5, 0.8)
    assert (spec.escalation.score_std, spec.escalation.uncertainty, spec.escalation.temperature) == (0.15, 0.3, 0.3)
    assert (spec.models.small.model, spec.concurrency) == ("gemini-2.5-flash", 24)
    assert spec.anti_gaming.cap_score == 0.3


@pytest.mark.parametrize(
    ("name", "model", "host", "key"),
    [
        ("gemini/gemini-2.5-pro", "gemini-2.5-pro", "generativelanguage.googleapis.com", "GEMINI_API_KEY"),
        ("anthropic/claude", "claude", "api.anthropic.com", "ANTHROPIC_API_KEY"),
        ("xai/grok", "grok", "api.x.ai", "XAI_API_KEY"),
        ("openai/gpt", "gpt", "api.openai.com", "OPENAI_API_KEY"),
        ("gpt", "gpt", "api.openai.com", "OPENAI_API_KEY"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5", "api.anthropic.com", "ANTHROPIC_API_KEY"),
        ("gemini-2.5-flash", "gemini-2.5-flash", "generativelanguage.googleapis.com", "GEMINI_API_KEY"),
        ("grok-4", "grok-4", "api.x.ai", "XAI_API_KEY"),
        ("openai/org/model", "org/model", "api.openai.com", "OPENAI_API_KEY"),
    ],
)
def test_the_provider_in_a_name_says_where_the_model_is(
    tmp_path: Path, name: str, model: str, host: str, key: str
) -> None:
    small = loaded(tmp_path, {"rim": {"models": {"small_model": name}}}).models.small
    assert small.model == model
    assert small.base_url.split("/")[2] == host
    assert small.api_key_from is not None
    assert small.api_key_from.env == key


def test_a_server_of_ones_own_takes_the_place_of_openai_and_needs_no_key(tmp_path: Path) -> None:
    config = {"rim": {"models": {"small_model": "openai/local", "large_model": "gemini/pro"}}}
    models = loaded(tmp_path, config, OPENAI_BASE_URL="http://127.0.0.1:8000/v1").models
    assert (models.small.base_url, models.small.api_key_from) == ("http://127.0.0.1:8000/v1", None)
    assert models.large is not None
    assert "googleapis" in models.large.base_url


@pytest.mark.parametrize(
    ("variable", "address", "model", "base_url"),
    [
        ("ANTHROPIC_BASE_URL", "http://proxy.house/claude/v1", "anthropic/claude", "http://proxy.house/claude/v1"),
        ("ANTHROPIC_BASE_URL", "https://proxy.house", "claude-opus-4", "https://proxy.house/v1"),
        ("ANTHROPIC_API_BASE", "https://proxy.house/", "claude-opus-4", "https://proxy.house/v1"),
        ("GEMINI_BASE_URL", "http://proxy.house", "gemini/pro", "http://proxy.house/v1beta/openai"),
        ("GEMINI_API_BASE", "http://proxy.house/x", "gemini/pro", "http://proxy.house/x"),
        ("XAI_BASE_URL", "http://proxy.house/v1", "xai/grok", "http://proxy.house/v1"),
        ("OPENAI_API_BASE", "http://proxy.house/v1", "gpt", "http://proxy.house/v1"),
    ],
)
def test_every_provider_can_be_somewhere_else(
    tmp_path: Path, variable: str, address: str, model: str, base_url: str
) -> None:
    config = {"rim": {"models": {"small_model": model}}}
    assert loaded(tmp_path, config, **{variable: address}).models.small.base_url == base_url
    assert loaded(tmp_path, config, **{variable: " "}).models.small.base_url != base_url


def test_an_address_of_a_provider_moves_no_other(tmp_path: Path) -> None:
    config = {"rim": {"models": {"small_model": "claude-opus-4"}}}
    assert "anthropic" in loaded(tmp_path, config, OPENAI_BASE_URL="http://h/v1").models.small.base_url


@pytest.mark.parametrize(
    ("marks", "names"),
    [
        ({"process": True}, ["process"]),
        ({"process": True, "accuracy": False}, ["process"]),
        ({"diagnostic": True, "accuracy": True}, ["accuracy", "diagnostic"]),
        (None, ["accuracy", "helpfulness", "process", "diagnostic"]),
    ],
)
def test_only_judges_that_are_on_are_asked(tmp_path: Path, marks: Any, names: list[str]) -> None:
    assert [judge.name for judge in loaded(tmp_path, {"rim": {"active_judges": marks}}).judges] == names


def test_settings_that_never_meant_anything_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        loaded(tmp_path, {"rim": {"consistency_rules": {"contradiction_penalty": 0.2}}})
    assert "rim.consistency_rules.contradiction_penalty has no effect" in caplog.text


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"other": 1}, "neither `rim:` nor `kind: RewardService`"),
        ({"rim": {"models": {"small_model": "bedrock/x"}}}, "provider of 'bedrock/x' is not known"),
        ({"rim": {"temperatures": "hot"}}, "rim.temperatures"),
        ({"rim": {"parallel_execution": {"max_workers": "many"}}}, "max_workers"),
        ({"rim": {"variance_threshold": 7}}, "scoreStd"),
        ({"rim": {"active_judges": {"acuracy": True}}},
         "rim.active_judges.acuracy: there is no such name; there are accuracy, helpfulness, process, diagnostic"),
        ({"rim": {"active_judges": {"process": "no"}}}, "rim.active_judges.process: must be true or false"),
        ({"rim": {"active_judges": {"process": 1}}}, "rim.active_judges.process: must be true or false"),
        ({"rim": {"active_judges": {"process": False}}}, "rim.active_judges: no judge is on; set one at least of acc"),
        ({"rim": {"active_judges": {}}}, "rim.active_judges: no judge is on"),
        ({"rim": {"active_judges": ["process"]}}, "rim.active_judges: must be a mapping; there are accuracy"),
        ({"rim": {"varianz_threshold": 0.1}}, "rim.varianz_threshold: there is no such name; there are temperatures"),
        ({"rim": {"models": {"small": "gpt"}}}, "rim.models.small: there is no such name; there are small_model"),
        ({"rim": {"models": {"small_model": 7}}}, "rim.models.small_model: must be the name of a model, like gemini/"),
        ({"rim": {"models": {"small_model": ""}}}, "rim.models.small_model: must be the name"),
        ({"rim": {"models": {"small_model": "openai/"}}}, "provider of 'openai/' is not known; there are anthropic"),
        ({"rim": {"models": {"large_model": "/gpt"}}}, "rim.models.large_model: the provider of '/gpt'"),
        ({"rim": {"model_configs": {"small": {}}}}, "rim.model_configs.small: there is no such name"),
        ({"rim": {"model_configs": {"default": {"max_token": 5}}}}, "rim.model_configs.default.max_token: there is"),
        ({"rim": {"consistency_rules": {"bound": 0.1}}}, "rim.consistency_rules.bound: there is no such name"),
        ({"rim": {"anti_gaming": {"cap": 0.1}}}, "rim.anti_gaming.cap: there is no such name; there are enabled"),
        ({"rim": {"parallel_execution": {"workers": 2}}}, "rim.parallel_execution.workers: there is no such name"),
        ({"rim": {"models": "gpt"}}, "rim.models: must be a mapping"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path: Path, document: Any, problem: str) -> None:
    with pytest.raises(InvalidManifest, match=problem):
        loaded(tmp_path, document)


def test_a_missing_file_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=r"rim_config\.yaml: no such file; give the path of"):
        load_rim_config(tmp_path / "rim_config.yaml", {})

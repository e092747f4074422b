"""Judges behind a server that is not ours: SmolLM2 in `transformers serve`. Poor answers, real protocol."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.judges.ensembles import item_of, spec_of
from support.judges.model_server import PATIENCE, model_server
from transformers import AutoTokenizer

from atlas_rewards import ItemResult, RewardScorer
from atlas_rewards.llm.client import LLMClient, llm_client_for
from atlas_rewards.llm.statistics import CallStatistics

FEW_TOKENS = 24


@pytest.fixture(scope="module")
def endpoint(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of the server; it has loaded the model."""
    with model_server(smollm2, tmp_path_factory.mktemp("server") / "log") as base_url:
        yield base_url


def scored(model: dict[str, Any], temperatures: Sequence[float]) -> tuple[ItemResult, CallStatistics]:
    """What one judge says of an answer, and how the calls went."""
    spec = spec_of(
        judges=[{"name": "accuracy", "instructions": "Is the answer right?"}],
        models={"small": model},
        temperatures=temperatures,
        timeouts={"callSeconds": PATIENCE},
        retries={"attempts": 1},
    )
    clients: list[LLMClient] = []

    def opened(*settings: Any) -> LLMClient:
        clients.append(llm_client_for(*settings))
        return clients[-1]

    async def score() -> list[ItemResult]:
        async with RewardScorer(spec, opened) as service:
            return await service.score([item_of()])

    (result,) = asyncio.run(score())
    return result, clients[0].statistics().models[0]


def says_only(model: Path, text: str) -> str:
    """A generation configuration for the server in which *model* can say nothing but *text*."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    wanted = [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
    bias = [[wanted[: place + 1], 100.0 * (place + 1)] for place in range(len(wanted))]
    return json.dumps({"sequence_bias": bias, "eos_token_id": tokenizer.eos_token_id})


def test_a_poor_judge_gives_a_score_or_says_why_not_and_its_tokens_are_counted(endpoint: str, smollm2: Path) -> None:
    model = {"model": str(smollm2), "baseUrl": endpoint, "maxTokens": FEW_TOKENS, "extra": {"seed": 1}}
    result, calls = scored(model, [0.2, 0.8])
    (judge,) = result.judges
    assert (calls.calls, calls.failures) == (2, {})
    assert calls.tokens > 2 * 100
    assert result.score == judge.score
    if judge.score is None:
        assert (judge.reason or "").startswith("no sample of 2 can be used: ")
        assert result.reasons
    else:
        assert 0.0 <= judge.score <= 1.0


def test_what_it_says_in_the_right_form_becomes_the_score(endpoint: str, smollm2: Path) -> None:
    answer = '{"score": 0.7, "uncertainty": 0.1, "rationale": "It holds."}'
    extra = {"generation_config": says_only(smollm2, answer), "response_format": {"type": "json_object"}}
    model = {"model": str(smollm2), "baseUrl": endpoint, "maxTokens": 64, "extra": extra}
    result, _ = scored(model, [0.0])
    (judge,) = result.judges
    assert (result.score, judge.score, judge.uncertainty, judge.rationale) == (0.7, 0.7, 0.1, "It holds.")


@pytest.mark.parametrize(
    ("path", "wrong", "explanation"),
    [
        ("", {"model": "gpt"}, "answers 400 Bad Request: Server is pinned to "),
        ("", {"extra": {"top_k": 3}}, "Unexpected fields in the request: {'top_k'}"),
        ("/v2", {}, "answers 404 Not Found; check baseUrl and model"),
    ],
)
def test_a_wrong_setting_gives_no_score_and_names_the_endpoint_and_what_is_wrong(
    endpoint: str, smollm2: Path, path: str, wrong: dict[str, Any], explanation: str
) -> None:
    model = {"model": str(smollm2), "baseUrl": endpoint + path, **wrong}
    result, calls = scored(model, [0.2])
    (reason,) = (judge.reason or "" for judge in result.judges)
    assert result.score is None
    assert f"refused: {model['model']} at {endpoint}{path}: " in reason
    assert explanation in reason
    assert (calls.calls, calls.tokens) == (1, 0)

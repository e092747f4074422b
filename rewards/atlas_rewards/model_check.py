"""
Whether the models of a configuration take what judges would ask, found out by asking each once.

A wrong key, an unknown model or an empty account is a mistake that no waiting mends: it is told before anything is
scored. An endpoint that is away or busy is no mistake, and those who score wait for it.
"""

import asyncio
from typing import TypeVar

from atlas_api.errors import JudgeRefused
from atlas_api.rewardservice.judging import Budget, Cache, CallRetries, CircuitBreaker, JudgeModel, Judging, Timeouts
from atlas_rewards.llm.answer import NoAnswer
from atlas_rewards.llm.client import LLMClient, llm_client_for

AnyJudging = TypeVar("AnyJudging", bound=Judging)

_CALL_SECONDS = 20.0
_QUESTION = ({"role": "user", "content": 'Answer with this JSON and nothing else: {"ready": true}'},)
"""JSON is named because some endpoints, told to answer in it, refuse prompts that do not."""


async def check_models(judging: Judging) -> None:
    """Ask each model of *judging* once, past the cache and outside the budget.

    Raises JudgeRefused with the words of the endpoints that refuse, SourceMissing for a key that is not there, and
    InvalidManifest.
    """
    client = llm_client_for(asked_once(judging), "")
    questions = [(judging.models.small, judging.temperatures[0])]
    if judging.models.large is not None:
        questions.append((judging.models.large, judging.escalation.temperature))
    try:
        refusals = await asyncio.gather(*(_refusal(client, model, value) for model, value in questions))
    finally:
        await client.close()
    if said := list(dict.fromkeys(words for words in refusals if words)):
        raise JudgeRefused("; ".join(said))


def asked_once(judging: AnyJudging) -> AnyJudging:
    """*judging* with each question asked once, really, and not for long."""
    seconds = min(judging.timeouts.call_seconds, _CALL_SECONDS)
    return judging.model_copy(
        update={
            "retries": CallRetries(attempts=1),
            "circuit_breaker": CircuitBreaker(failures=10_000),
            "timeouts": Timeouts(call_seconds=seconds, total_seconds=min(judging.timeouts.total_seconds, 2 * seconds)),
            "hedge_after": None,
            "budget": Budget(),
            "cache": Cache(entries=0),
        }
    )


async def _refusal(client: LLMClient, model: JudgeModel, temperature: float) -> str:
    """Why *model* refuses; empty when it does not."""
    try:
        await client.ask(model, _QUESTION, temperature)
    except NoAnswer as failure:
        return str(failure) if failure.reason == "refused" else ""
    return ""

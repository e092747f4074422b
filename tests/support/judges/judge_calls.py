"""Asking through a real `LLMClient` and real HTTP: short stories about one scripted judge."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.judges.judge_replies import Script
from support.judges.judge_settings import judging
from support.judges.scripted_judge import ScriptedJudge

from atlas_api.rewardservice.judging import Judging
from atlas_rewards.llm.answer import Answer, NoAnswer
from atlas_rewards.llm.client import LLMClient, Timing, llm_client_for

KEY = "sk-secret-1234567890"


@dataclass
class FakeTime:
    """A clock that stands still except while somebody sleeps, which takes no time at all."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    @property
    def timing(self) -> Timing:
        return Timing(lambda: self.now, self.sleep, lambda: 0.0)


@asynccontextmanager
async def calling(settings: Judging, timing: Timing | None = None, revision: str = "r1") -> AsyncIterator[LLMClient]:
    client = llm_client_for(settings, revision, timing)
    try:
        yield client
    finally:
        await client.close()


async def ask(client: LLMClient, settings: Judging, text: str = "Right?", **how: Any) -> Answer:
    temperature = how.pop("temperature", 0.2)
    return await client.ask(settings.models.small, [{"role": "user", "content": text}], temperature, **how)


async def ask_large(client: LLMClient, settings: Judging, text: str = "Right?") -> Answer:
    assert settings.models.large is not None
    return await client.ask(settings.models.large, [{"role": "user", "content": text}], 0.3)


async def refused(client: LLMClient, settings: Judging, text: str = "Right?", **how: Any) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        await ask(client, settings, text, **how)
    message = str(caught.value)
    assert message.isprintable()
    assert KEY not in message
    return caught.value


def run(script: Script, story: Callable[[ScriptedJudge], Awaitable[None]]) -> ScriptedJudge:
    with ScriptedJudge(script) as judge:
        asyncio.run(_within(story(judge)))
    return judge


async def _within(story: Awaitable[None]) -> None:
    await asyncio.wait_for(story, 30)


def with_key(base_url: str) -> Judging:
    """A model whose key is in the environment variable A_KEY."""
    return judging(base_url, models={"small": {"model": "small", "baseUrl": base_url, "apiKeyFrom": {"env": "A_KEY"}}})

"""A new configuration takes over at once, and the old one finishes what it took."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.rewardservice.instant_source import POISON, gated_source, instant_source, meeting_source
from support.rewardservice.served import item, service_manifest, write_manifest

from atlas_api import AtlasError, parse
from atlas_api.errors import SourceMissing
from atlas_api.rewardservice.spec import RewardService, RewardServiceSpec
from atlas_rewards import Item
from atlas_rewards.llm.client import ProcessState
from atlas_rewards.server.generation import Generation, Generations
from atlas_rewards.server.http.application import application
from atlas_rewards.server.metrics import Metrics
from atlas_rewards.server.reload import Reload
from atlas_rewards.server.score_source import OpenScoreSource, ScoreSource
from atlas_rewards.server.server import open_service

NOBODY = "http://127.0.0.1:9/v1"


def spec_of(**changes: Any) -> RewardServiceSpec:
    return parse(RewardService, service_manifest(NOBODY, **changes)).spec


def generations_of(opening: OpenScoreSource) -> Generations:
    def closing(_: Generation) -> None:
        """Nobody wants to know."""

    return Generations(opening, closing)


def test_the_old_generation_is_closed_after_its_last_request() -> None:
    async def live() -> None:
        gate, closed = asyncio.Event(), list[str]()
        generations = generations_of(gated_source(gate, closed))
        await generations.begin(spec_of())
        old = generations.newest
        with old.used() as source:
            taken = asyncio.create_task(source.score([Item("x" * 500)]))
            await generations.begin(spec_of(escalation={"scoreStd": 0.2}))
            assert generations.newest.source.revision != source.revision
            assert closed == []
            gate.set()
            assert (await taken)[0].score == 0.5
        while not closed:
            await asyncio.sleep(0)
        assert closed == [old.source.revision]
        await generations.close()
        assert len(closed) == 2

    asyncio.run(live())


def test_judges_that_cannot_be_opened_change_nothing() -> None:
    @asynccontextmanager
    async def opening(spec: RewardServiceSpec, state: ProcessState) -> AsyncIterator[ScoreSource]:
        if spec.quorum == 2:
            raise SourceMissing("the key is not there")
        async with instant_source(spec, state) as source:
            yield source

    async def live() -> None:
        generations = generations_of(opening)
        await generations.begin(spec_of())
        before = generations.newest
        judges = [{"name": name, "rubric": "accuracy"} for name in ("a", "b")]
        with pytest.raises(SourceMissing):
            await generations.begin(spec_of(judges=judges, quorum=2))
        assert generations.newest is before
        with before.used() as source:
            assert len(await source.score([Item("x")])) == 1
        await generations.close()

    asyncio.run(live())


@pytest.mark.timeout(60)
def test_the_end_does_not_wait_for_judges_that_are_never_opened() -> None:
    @asynccontextmanager
    async def opening(spec: RewardServiceSpec, state: ProcessState) -> AsyncIterator[ScoreSource]:
        if spec.temperatures == (0.5,):
            await asyncio.Event().wait()
        async with instant_source(spec, state) as source:
            yield source

    async def live() -> None:
        generations = generations_of(opening)
        await generations.begin(spec_of())
        beginning = asyncio.create_task(generations.begin(spec_of(temperatures=[0.5])))
        await asyncio.sleep(0.01)
        beginning.cancel()
        await generations.close()

    asyncio.run(live())


def reload_at(file: Path) -> tuple[Reload, Generations]:
    generations = generations_of(instant_source)
    return Reload(file, generations, Metrics()), generations


async def looked(reload: Reload, condition: Any) -> None:
    watching = asyncio.create_task(reload.run())
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
    watching.cancel()


def test_a_comment_changes_nothing_and_a_judge_does(tmp_path: Path) -> None:
    async def live() -> None:
        file = write_manifest(tmp_path / "service.yaml", service_manifest(NOBODY))
        reload, generations = reload_at(file)
        await reload.begin()
        first = generations.newest
        file.write_text("nonsense: [")
        await looked(reload, lambda: reload.refused)
        write_manifest(file, service_manifest(NOBODY))
        file.write_text(f"# a comment\n{file.read_text()}")
        await looked(reload, lambda: not reload.refused)
        assert generations.newest is first
        write_manifest(file, service_manifest(NOBODY, quorum=1, judges=[{"name": "b", "rubric": "process"}]))
        await looked(reload, lambda: generations.newest is not first)
        assert generations.newest.number == 2
        await generations.close()

    asyncio.run(live())


def test_a_file_that_is_gone_is_refused_and_the_old_configuration_stays(tmp_path: Path) -> None:
    async def live() -> None:
        file = write_manifest(tmp_path / "service.yaml", service_manifest(NOBODY))
        reload, generations = reload_at(file)
        await reload.begin()
        file.unlink()
        await looked(reload, lambda: reload.refused)
        assert reload.refused == ("no such file",)
        assert generations.newest.number == 1
        await generations.close()

    asyncio.run(live())


def test_the_first_configuration_must_work(tmp_path: Path) -> None:
    reload, _ = reload_at(tmp_path / "none.yaml")
    with pytest.raises(AtlasError, match="no such file"):
        asyncio.run(reload.begin())


def ask_together(tmp_path: Path, opening: OpenScoreSource, *items: Any) -> list[dict[str, Any]]:
    """The results of one request."""

    async def ask() -> httpx.Response:
        file = write_manifest(tmp_path / "service.yaml", service_manifest(NOBODY))
        async with open_service(file, opening) as service:
            transport = httpx.ASGITransport(application(service))
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.post("/v1/score", json={"items": items})

    return list(asyncio.run(ask()).json()["results"])


def test_an_item_that_breaks_the_judges_is_alone_without_a_score(tmp_path: Path) -> None:
    results = ask_together(tmp_path, instant_source, item("x" * 500), item(POISON), item("x" * 600))
    assert [one["score"] for one in results] == [0.5, None, 0.6]
    assert "ValueError" in results[1]["reasons"][0]
    assert POISON not in results[1]["reasons"][0]


@pytest.mark.timeout(60)
def test_items_beside_one_that_breaks_the_judges_do_not_wait_for_each_other(tmp_path: Path) -> None:
    results = ask_together(tmp_path, meeting_source(2), item("x" * 500), item(POISON), item("x" * 600))
    assert [one["score"] for one in results] == [0.5, None, 0.6]

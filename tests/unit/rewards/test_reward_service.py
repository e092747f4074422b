"""The library: one configuration, scored from asynchronous and synchronous programs."""

import asyncio
import gc
import subprocess
import sys
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.judges.ensembles import SaysModel, item_of, said, spec_of

from atlas_api import InvalidManifest
from atlas_api.rewardservice.judging import Judging
from atlas_rewards import RewardService

MANIFEST = """\
apiVersion: atlas.arc.computer/v1alpha1
kind: RewardService
metadata: {name: judges}
spec:
  judges: [{name: accuracy, rubric: accuracy}]
  models: {small: {model: small, baseUrl: "http://127.0.0.1:1/v1"}}
"""


class Callers:
    """Models that were opened, and whether they were closed."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.closed = 0

    def __call__(self, judging: Judging, revision: str) -> Any:
        self.opened.append(revision)
        callers = self

        class Caller(SaysModel):
            async def close(self) -> None:
                callers.closed += 1

        return Caller(lambda _: said(0.6))


def test_inside_its_context_it_scores_and_afterwards_nothing_is_open() -> None:
    callers = Callers()

    async def score() -> list[float | None]:
        async with RewardService(spec_of("accuracy"), callers) as service:
            return [result.score for result in await service.score([item_of(), item_of("other")])]

    assert asyncio.run(score()) == [0.6, 0.6]
    assert (len(callers.opened), callers.closed) == (1, 1)


def test_synchronous_calls_share_what_is_open_until_it_is_closed() -> None:
    callers = Callers()
    service = RewardService(spec_of("accuracy"), callers)
    assert [service.score_sync([item_of()])[0].score for _ in range(3)] == [0.6] * 3
    assert (len(callers.opened), callers.closed) == (1, 0)
    service.close_sync()
    service.close_sync()
    assert callers.closed == 1
    assert service.score_sync([item_of()])[0].score == 0.6
    service.close_sync()


def test_a_context_is_also_there_for_synchronous_programs() -> None:
    callers = Callers()
    with RewardService(spec_of("accuracy"), callers) as service:
        assert service.score_sync([item_of()])[0].score == 0.6
        assert callers.closed == 0
    assert callers.closed == 1


def test_a_service_that_nobody_uses_any_more_is_closed() -> None:
    callers = Callers()
    service = RewardService(spec_of("accuracy"), callers)
    service.score_sync([item_of()])
    del service
    gc.collect()
    assert (len(callers.opened), callers.closed) == (1, 1)


def test_what_is_being_scored_when_it_is_closed_is_given_up() -> None:
    asked = threading.Event()

    class Silent(SaysModel):
        async def ask(self, *_: Any, **__: Any) -> Any:
            asked.set()
            await asyncio.Event().wait()

    service = RewardService(spec_of("accuracy"), lambda *_: Silent(lambda _: ""))
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(service.score_sync, [item_of()])
        assert asked.wait(30)
        service.close_sync()
        with pytest.raises(CancelledError):
            waiting.result(30)


def test_it_can_be_called_synchronously_inside_an_event_loop() -> None:
    service = RewardService(spec_of("accuracy"), Callers())

    async def score() -> float | None:
        return service.score_sync([item_of()])[0].score

    assert asyncio.run(score()) == 0.6
    service.close_sync()


def test_every_event_loop_opens_its_own() -> None:
    callers = Callers()
    service = RewardService(spec_of("accuracy"), callers)

    async def score() -> None:
        await service.score([item_of()])
        await service.close()

    asyncio.run(score())
    asyncio.run(score())
    assert (len(callers.opened), callers.closed) == (2, 2)


def test_the_models_are_opened_for_the_revision_that_results_name() -> None:
    callers = Callers()
    service = RewardService(spec_of("accuracy"), callers)
    (result,) = service.score_sync([item_of()])
    service.close_sync()
    assert callers.opened == [service.revision] == [result.revision]


def test_a_manifest_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "rewardservice.yaml"
    file.write_text(MANIFEST)
    service = RewardService.from_file(file)
    assert [judge.name for judge in service.spec.judges] == ["accuracy"]
    assert RewardService(service.spec).revision == service.revision


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "no such file"),
        (MANIFEST + "---\n" + MANIFEST, "holds 2 documents"),
        (MANIFEST.replace("rubric: accuracy", "rubric: beauty"), "rubric"),
        (MANIFEST.replace("RewardService", "AtlasTraining"), "kind"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused_with_the_reason(tmp_path: Path, text: str | None, problem: str) -> None:
    file = tmp_path / "rewardservice.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidManifest, match=problem):
        RewardService.from_file(file)


def test_a_verifier_that_can_never_work_is_found_before_anything_is_scored() -> None:
    spec = spec_of(verifiers=[{"name": "bad", "regex": {"pattern": "("}}])
    with pytest.raises(InvalidManifest, match=r"^spec\.verifiers\[0\]\.regex\.pattern"):
        RewardService(spec)


def test_verifiers_and_the_library_are_imported_without_any_client() -> None:
    code = "import sys, atlas_rewards; sys.exit(bool({'openai', 'httpx', 'starlette', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

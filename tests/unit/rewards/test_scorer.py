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
from support.judges.ensembles import ScriptedModel, item_of, judge_answer, spec_of

from atlas_api import InvalidManifest
from atlas_api.rewardservice.judging import Judging
from atlas_rewards import RewardScorer, RewardService

MANIFEST = """\
apiVersion: atlas.arc.computer/v1alpha1
kind: RewardService
metadata: {name: judges}
spec:
  judges: [{name: accuracy, rubric: accuracy}]
  models: {small: {model: small, baseUrl: "http://127.0.0.1:1/v1"}}
"""


class Clients:
    """Models that were opened, and whether they were closed."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.closed = 0

    def __call__(self, judging: Judging, revision: str) -> Any:
        self.opened.append(revision)
        clients = self

        class Client(ScriptedModel):
            async def close(self) -> None:
                clients.closed += 1

        return Client(lambda _: judge_answer(0.6))


def test_inside_its_context_it_scores_and_afterwards_nothing_is_open() -> None:
    clients = Clients()

    async def score() -> list[float | None]:
        async with RewardScorer(spec_of("accuracy"), clients) as scorer:
            return [result.score for result in await scorer.score([item_of(), item_of("other")])]

    assert asyncio.run(score()) == [0.6, 0.6]
    assert (len(clients.opened), clients.closed) == (1, 1)


def test_synchronous_calls_share_what_is_open_until_it_is_closed() -> None:
    clients = Clients()
    scorer = RewardScorer(spec_of("accuracy"), clients)
    assert [scorer.score_sync([item_of()])[0].score for _ in range(3)] == [0.6] * 3
    assert (len(clients.opened), clients.closed) == (1, 0)
    scorer.close_sync()
    scorer.close_sync()
    assert clients.closed == 1
    assert scorer.score_sync([item_of()])[0].score == 0.6
    scorer.close_sync()


def test_a_context_is_also_there_for_synchronous_programs() -> None:
    clients = Clients()
    with RewardScorer(spec_of("accuracy"), clients) as scorer:
        assert scorer.score_sync([item_of()])[0].score == 0.6
        assert clients.closed == 0
    assert clients.closed == 1


def test_a_scorer_that_nobody_uses_any_more_is_closed() -> None:
    clients = Clients()
    scorer = RewardScorer(spec_of("accuracy"), clients)
    scorer.score_sync([item_of()])
    del scorer
    gc.collect()
    assert (len(clients.opened), clients.closed) == (1, 1)


def test_what_is_being_scored_when_it_is_closed_is_given_up() -> None:
    began = threading.Event()

    class Silent(ScriptedModel):
        async def ask(self, *_: Any, **__: Any) -> Any:
            began.set()
            await asyncio.Event().wait()

    scorer = RewardScorer(spec_of("accuracy"), lambda *_: Silent(lambda _: ""))
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(scorer.score_sync, [item_of()])
        assert began.wait(30)
        scorer.close_sync()
        with pytest.raises(CancelledError):
            waiting.result(30)


def test_it_can_be_called_synchronously_inside_an_event_loop() -> None:
    scorer = RewardScorer(spec_of("accuracy"), Clients())

    async def score() -> float | None:
        return scorer.score_sync([item_of()])[0].score

    assert asyncio.run(score()) == 0.6
    scorer.close_sync()


def test_every_event_loop_opens_its_own() -> None:
    clients = Clients()
    scorer = RewardScorer(spec_of("accuracy"), clients)

    async def score() -> None:
        await scorer.score([item_of()])
        await scorer.close()

    asyncio.run(score())
    asyncio.run(score())
    assert (len(clients.opened), clients.closed) == (2, 2)


def test_the_models_are_opened_for_the_revision_that_results_name() -> None:
    clients = Clients()
    scorer = RewardScorer(spec_of("accuracy"), clients)
    (result,) = scorer.score_sync([item_of()])
    scorer.close_sync()
    assert clients.opened == [scorer.revision] == [result.revision]


def test_programs_may_call_it_by_its_other_name() -> None:
    assert RewardService is RewardScorer


def test_a_manifest_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "rewardservice.yaml"
    file.write_text(MANIFEST)
    scorer = RewardScorer.from_file(file)
    assert [judge.name for judge in scorer.spec.judges] == ["accuracy"]
    assert RewardScorer(scorer.spec).revision == scorer.revision


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
        RewardScorer.from_file(file)


def test_a_verifier_that_can_never_work_is_found_before_anything_is_scored() -> None:
    spec = spec_of(verifiers=[{"name": "bad", "regex": {"pattern": "("}}])
    with pytest.raises(InvalidManifest, match=r"^spec\.verifiers\[0\]\.regex\.pattern"):
        RewardScorer(spec)


def test_verifiers_and_the_library_are_imported_without_any_client() -> None:
    code = "import sys, atlas_rewards; sys.exit(bool({'openai', 'httpx', 'starlette', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

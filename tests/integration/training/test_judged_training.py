"""GRPO with judges: in the trainer's process, and behind a service. The judge model is scripted (a fake)."""

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from datasets import Dataset as Table
from rich.console import Console
from support.judges.judge_replies import JudgeRequest, Reply, by_content, refusal
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import judges_manifest, write_manifest
from support.trainer.measured import make_run
from support.trainer.report_page import drawn
from support.trainer.trainings import make_training
from trl import GRPOConfig, GRPOTrainer

from atlas_api.errors import JudgeRefused, SourceUnreachable
from atlas_api.pods.run_report import RunReport
from atlas_core.commands.run import run
from atlas_rewards import Item, ItemResult, RewardScorer
from atlas_rewards.client.reward_client import RewardClient
from atlas_rewards.trl.judged_reward import JudgedReward
from atlas_trainer.train import train as execute

Service = TypeVar("Service", RewardClient, RewardScorer)
ONE_STEP = {"maxSteps": 1, "batchSize": 8, "microBatchSize": 8}
RUN = Path("runs/agents/demo/run-0001")


def write_service(folder: Path, judge: ScriptedJudge) -> Path:
    manifest = judges_manifest(judge.base_url, ["accuracy", "helpfulness"])
    return write_manifest(folder / "rewardservice.yaml", manifest)


@contextmanager
def served(config: Path) -> Iterator[str]:
    """Address of a service in a process of its own."""
    command = [sys.executable, "-m", "atlas_rewards.server.main", "serve", f"--config={config}", "--port=0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stderr is not None
        try:
            yield address_in(process.stderr)
        finally:
            process.terminate()


def address_in(log: Any) -> str:
    """The address that the service says it listens on."""
    for line in log:
        words = json.loads(line)
        for value in words.values():
            if isinstance(value, str) and "http://" in value:
                return "http://" + value.split("http://")[1].split()[0].rstrip("/.,")
    raise AssertionError("the service ended without naming its address")


@contextmanager
def closing_sync(judges: Service) -> Iterator[Service]:
    try:
        yield judges
    finally:
        judges.close_sync()


def numbers(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / RUN / "metrics.jsonl").read_text().splitlines()]


def assert_each_judge_is_seen(folder: Path) -> None:
    (trained,) = [line for line in numbers(folder) if line["kind"] == "train"]
    assert {"rewards/accuracy", "rewards/helpfulness", "reward"} <= set(trained)
    series = drawn((folder / RUN / "report.html").read_text(), "Reward")
    assert {"reward", "accuracy", "helpfulness"} <= {name for name, marks in series.items() if marks}


def test_the_trainer_itself_asks_the_judges(folder: Path) -> None:
    with ScriptedJudge(by_content) as judge:
        named = {"file": str(write_service(folder, judge))}
        run(make_training(folder, reward={"serviceRef": named}, optimization=ONE_STEP), False, Console(quiet=True))
        assert judge.count > 0
    assert_each_judge_is_seen(folder)


def test_a_service_elsewhere_is_asked(folder: Path) -> None:
    with ScriptedJudge(by_content) as judge, served(write_service(folder, judge)) as url:
        reward = {"serviceRef": {"url": url}, "verifiers": [{"name": "close", "referenceSimilarity": {}}]}
        run(make_training(folder, reward=reward, optimization=ONE_STEP), False, Console(quiet=True))
    assert_each_judge_is_seen(folder)


def test_judges_that_cannot_answer_are_an_outage_after_which_the_run_goes_on(folder: Path) -> None:
    with ScriptedJudge(lambda _: refusal(503, "0")) as judge:
        training = make_training(folder, reward={"serviceRef": {"file": str(write_service(folder, judge))}})
        with pytest.raises(SourceUnreachable, match=r"judges could not answer about 3 of 3 \(.*answers 503 Service"):
            run(training, False, Console(quiet=True))
        judge.script = by_content
        run(training, False, Console(quiet=True))
    status = json.loads((folder / RUN.parent / "status.json").read_text())
    assert (status["phase"], status["run"]["number"], status["run"]["attempt"]) == ("Succeeded", 1, 2)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (refusal(401, message="Incorrect API key provided"), "401 Unauthorized: Incorrect API key provided; check api"),
        (refusal(404, message="no model small"), "404 Not Found: no model small; check baseUrl and model"),
        (refusal(400, message="temperature is not taken"), "400 Bad Request: temperature is not taken"),
        (Reply(body={"error": {"code": 402, "message": "Insufficient credits"}}), "402 Payment Required: Insufficient"),
    ],
)
def test_judges_that_refuse_end_a_run_before_anything_is_read_and_it_goes_on_when_that_is_mended(
    folder: Path, reply: Reply, says: str
) -> None:
    with ScriptedJudge(lambda _: reply) as judge:
        training = make_training(folder, reward={"serviceRef": {"file": str(write_service(folder, judge))}})
        with pytest.raises(JudgeRefused, match=f"small at {judge.base_url}: answers {says}") as caught:
            run(training, False, Console(quiet=True))
        assert (caught.value.exit_code, caught.value.failure, judge.count) == (25, "user", 1)
        status = json.loads((folder / RUN.parent / "status.json").read_text())
        assert (status["phase"], status.get("dataset")) == ("Interrupted", None)
        judge.script = by_content
        run(training, False, Console(quiet=True))
    status = json.loads((folder / RUN.parent / "status.json").read_text())
    assert (status["phase"], status["run"]["number"], status["run"]["attempt"]) == ("Succeeded", 1, 2)


def test_judges_of_a_service_that_refuse_end_a_run_before_anything_is_read(folder: Path) -> None:
    with (
        ScriptedJudge(lambda _: refusal(401, message="Incorrect API key provided")) as judge,
        served(write_service(folder, judge)) as url,
        pytest.raises(JudgeRefused, match=f"the reward service at {url}: .*401 Unauthorized: Incorrect API key"),
    ):
        run(make_training(folder, reward={"serviceRef": {"url": url}}), False, Console(quiet=True))


def test_judges_that_go_away_while_it_trains_stop_the_run_before_it_learns_from_nothing(folder: Path) -> None:
    with ScriptedJudge(by_content) as judge:

        def leave(report: RunReport) -> None:
            if report.phase == "Running" and report.progress and report.progress.step == 1:
                judge.script = lambda _: refusal(402, message="no credit left")

        begun = make_run(
            folder,
            reward={"serviceRef": {"file": str(write_service(folder, judge))}},
            optimization={"maxSteps": 8, "batchSize": 8, "microBatchSize": 8},
            evaluation={"everySteps": 8},
        )
        with pytest.raises(JudgeRefused, match=r"no completion of the last 3 steps has a score.*no credit left"):
            execute(begun, Console(quiet=True), send=leave)
        judge.script = by_content
        execute(begun.model_copy(update={"attempt": 2}), Console(quiet=True))
    status = json.loads((folder / RUN.parent / "status.json").read_text())
    assert (status["phase"], status["progress"]["step"]) == ("Succeeded", 8)


class Change:
    """Changes the configuration of a service when its judge is first asked about an answer, and waits until that is in
    effect. The probe of the service comes before that.
    """

    def __init__(self, config: Path) -> None:
        self.config = config
        self.url = ""
        self.revisions: list[str] = []

    def __call__(self, request: JudgeRequest) -> Reply:
        if not self.revisions and "2 + 2 = 4." not in request.text:
            self.revisions = [self.current()]
            self.config.write_text(self.config.read_text().replace("rubric: helpfulness", "rubric: process"))
            while self.current() == self.revisions[0]:
                time.sleep(0.05)
            self.revisions.append(self.current())
        return by_content(request)

    def current(self) -> str:
        return str(httpx.get(f"{self.url}/v1/config").json()["revision"])


def test_a_service_that_changes_during_a_run_is_noticed_wherever_scores_are_shown(folder: Path) -> None:
    change = Change(folder / "rewardservice.yaml")
    log = io.StringIO()
    with ScriptedJudge(change) as judge, served(write_service(folder, judge)) as change.url:
        reward = {"serviceRef": {"url": change.url}}
        run(make_training(folder, reward=reward, optimization=ONE_STEP), False, Console(file=log, width=300))
    old, new = change.revisions
    seen = [(line["kind"], line["reward_revisions"]) for line in numbers(folder)]
    assert seen == [("eval", [old]), ("eval", [new]), ("train", [new])]
    changed = f"revision {old} since step 0, {new} since step 1. Their scores cannot be compared."
    assert log.getvalue().count(changed) == 1
    assert changed in (folder / RUN / "report.html").read_text()
    assert json.loads((folder / RUN / "final" / "manifest.json").read_text())["rewardRevisions"] == [old, new]


def test_the_same_items_score_the_same_here_and_there(tmp_path: Path) -> None:
    items = [Item(f"answer {number}", prompt=({"role": "user", "content": "?"},)) for number in range(100)]
    with (
        ScriptedJudge(by_content) as judge,
        served(config := write_service(tmp_path, judge)) as url,
        closing_sync(RewardClient(url)) as client,
        closing_sync(RewardScorer.from_file(config)) as service,
    ):
        there, here = client.score_sync(items), service.score_sync(items)
    assert [result.score for result in there] == [result.score for result in here]
    assert {result.revision for result in there} == {result.revision for result in here}


def test_a_service_that_stays_away_is_an_outage_and_no_zero() -> None:
    with (
        closing_sync(RewardClient("http://127.0.0.1:9", patience=0.1)) as away,
        pytest.raises(SourceUnreachable, match="cannot be reached"),
    ):
        away.score_sync([Item("x")])


def test_a_client_is_asked_from_any_event_loop_and_any_thread(tmp_path: Path) -> None:
    async def scored(client: RewardClient, answer: str) -> ItemResult:
        return (await client.score([Item(answer)]))[0]

    with (
        ScriptedJudge(by_content) as judge,
        served(write_service(tmp_path, judge)) as url,
        closing_sync(RewardClient(url)) as client,
        ThreadPoolExecutor() as threads,
    ):
        answers = [str(number) for number in range(4)]
        from_loops = [asyncio.run(scored(client, answer)).score for answer in answers]
        from_threads = threads.map(lambda answer: client.score_sync([Item(answer)])[0].score, answers)
        assert from_loops == list(from_threads)


def test_a_client_that_is_closed_gives_up_what_it_waits_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as threads:
        client = RewardClient(f"http://127.0.0.1:{silent.getsockname()[1]}")
        waiting = threads.submit(client.score_sync, [Item("x")])
        with silent.accept()[0]:
            client.close_sync()
            with pytest.raises(CancelledError):
                waiting.result(30)


def test_users_of_trl_give_the_reward_to_a_trainer_of_their_own(folder: Path) -> None:
    prompts = [{"prompt": f"order {number}", "reference": str(number)} for number in range(4)]
    with ScriptedJudge(by_content) as judge:
        service = RewardScorer.from_file(write_service(folder, judge))
        with closing(JudgedReward(service)) as reward:
            trainer = GRPOTrainer(
                model=str(folder / "model"),
                reward_funcs=[reward],
                args=GRPOConfig(
                    str(folder / "out"),
                    max_steps=2,
                    per_device_train_batch_size=4,
                    num_generations=4,
                    max_completion_length=8,
                    logging_steps=1,
                    save_strategy="no",
                    report_to="none",
                    use_cpu=True,
                ),
                train_dataset=Table.from_list(prompts),
            )
            trainer.train()
        assert reward.revisions == (service.revision,)
    steps = [line for line in trainer.state.log_history if "loss" in line]
    assert len(steps) == 2
    for step in steps:
        assert step["rewards/judges/mean"] == pytest.approx(step["reward"])
        assert 0 < step["rewards/accuracy"] < 1
        assert step["unscored_share"] == 0

"""Flows of docs/architecture.md are what a profiler sees: a trace that is learnt from, a completion that is scored."""

import subprocess
from pathlib import Path

from support.architecture_page import seen, stops
from support.first_calls import command
from support.judges.judge_replies import verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import item, results, service_manifest, serving, write_manifest
from support.trainer import trainings

TRACE = "A trace becomes part of a model"
SCORE = "A completion becomes a score"


def test_a_trace_takes_the_way_that_the_page_says(folder: Path, tmp_path: Path) -> None:
    manifest = trainings.write_manifest(folder)
    subprocess.run([*command("atlas_core", tmp_path / "calls"), "run", "-f", str(manifest)], check=True)
    assert seen(tmp_path / "calls", TRACE) == stops(TRACE)


def test_a_completion_takes_the_way_that_the_page_says(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        config = write_manifest(tmp_path / "rewardservice.yaml", service_manifest(judge.base_url))
        with serving(config, tmp_path / "log", calls=tmp_path / "calls") as service:
            assert results(service.score(item()))
            service.terminate()
            assert service.process.wait(30) == 0
    assert seen(tmp_path / "calls", SCORE) == stops(SCORE)


def test_no_flow_has_more_than_ten_stops() -> None:
    assert all(len(stops(flow)) <= 10 for flow in (TRACE, SCORE, "An edit becomes a run"))

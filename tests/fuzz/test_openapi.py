"""The scoring service under Schemathesis, which makes requests of its OpenAPI description and judges the answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.judges.judge_replies import verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import service_manifest, serving, write_manifest

pytestmark = pytest.mark.fuzz

CASES = os.environ.get("FUZZ_CASES", "1000")
BY_DESIGN = "negative_data_rejection"
"""A check that is left out: an item that is none costs its own score, never the request, which is answered with 200."""


def test_every_answer_to_made_up_requests_is_one_that_the_description_knows(tmp_path: Path) -> None:
    verifiers = [{"name": "exact", "exactMatch": {}}, {"name": "number", "numeric": {}}]
    judges = [{"name": "accuracy", "rubric": "accuracy"}, {"name": "order", "rubric": "process", "mode": "group"}]
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        manifest = service_manifest(judge.base_url, judges=judges, verifiers=verifiers)
        with serving(write_manifest(tmp_path / "service.yaml", manifest), tmp_path / "log") as on:
            address = str(on.client.base_url).rstrip("/")
            checks = ["--checks", "all", "--exclude-checks", BY_DESIGN]
            command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", *checks]
            options = ["--max-examples", CASES, "--no-color", "--generation-database", "none"]
            done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            print(done.stdout)
            assert not [line for line in on.lines() if line["level"] in ("ERROR", "CRITICAL")]

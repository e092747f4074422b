"""The command that begins to serve: what it says of a wrong start, and that it can be told to end at once."""

import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.judges.judge_replies import hang
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import item, run, service_manifest, serving, until, write_manifest


def end_of(config: Path, log: Path, port: int = 0) -> tuple[int, str]:
    return run(config, log, port).wait(60), log.read_text()


def test_every_mistake_in_the_configuration_is_told_at_once(tmp_path: Path) -> None:
    manifest = service_manifest("ftp://nowhere", quorum=3, colour="red")
    file = write_manifest(tmp_path / "service.yaml", manifest)
    status, output = end_of(file, tmp_path / "log")
    assert status == 2
    assert len(output.splitlines()) == 3
    assert all(line.startswith(f"{file}: spec") for line in output.splitlines())


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    manifest = service_manifest("http://127.0.0.1:9", tokenFrom={"file": str(tmp_path / "none")})
    status, output = end_of(write_manifest(tmp_path / "service.yaml", manifest), tmp_path / "log")
    assert (status, output.count("\n")) == (22, 1)
    assert str(tmp_path / "none") in output


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, output = end_of(write_manifest(tmp_path / "service.yaml", {}), tmp_path / "log", port)
    assert status == 1
    assert f"--port {port}" in output


@pytest.mark.parametrize("given", [("--port", "99999"), ("--port", "-1"), ("--host", "ä" * 70)])
def test_an_address_that_cannot_be_is_told_in_one_line(given: tuple[str, str], tmp_path: Path) -> None:
    file = write_manifest(tmp_path / "service.yaml", {})
    command = [sys.executable, "-m", "atlas_rewards.server.main", "serve", "--config", str(file), *given]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert " ".join(given) in ended.stderr


def test_who_presses_ctrl_c_again_does_not_wait_for_what_was_taken(tmp_path: Path) -> None:
    with ScriptedJudge(lambda _: hang()) as judge:
        config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url))
        with serving(config, tmp_path / "log") as served, served.client as client, ThreadPoolExecutor() as threads:
            threads.submit(client.post, "/v1/score", json={"items": [item()]})
            until(lambda: served.metric("atlas_rewards_waiting_items") == 1)
            served.process.send_signal(signal.SIGINT)
            until(lambda: any("finished first" in line["message"] for line in served.lines()))
            served.process.send_signal(signal.SIGINT)
            assert served.process.wait(60) == 130
            assert "Traceback" not in served.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_still_imports_its_verifiers_ends_when_it_is_told_to(number: int, tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(3600)\n")
    verifier = {"name": "endless", "python": {"entryPoint": "endless:score"}}
    manifest = service_manifest("http://127.0.0.1:9", verifiers=[verifier])
    log = tmp_path / "log"
    process = run(write_manifest(tmp_path / "service.yaml", manifest), log, PYTHONPATH=str(tmp_path))
    try:
        until(lambda: "importing" in log.read_text())
        process.send_signal(number)
        assert process.wait(60) == 0
        assert log.read_text() == "importing\n"
    finally:
        process.kill()
        process.wait()

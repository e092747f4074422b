"""Nothing of a test cluster stays behind, however the process that started it ended; and what it waits for."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cluster.cluster import SIMULATED
from cluster.programs import binaries, place, processes
from cluster.programs.place import Place
from cluster.sharing import shared

TESTS = Path(__file__).parents[1]


@pytest.fixture
def here(tmp_path: Path) -> Place:
    for name in ("logs", "processes"):
        (tmp_path / name).mkdir()
    return Place(tmp_path, place.LOOPBACK, {}, processes.identity_of(os.getpid()), dies_with_parent=False)


def cluster_command(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """The command line, with a folder of its own for its clusters."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "cluster", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said_by(*arguments: str, folder: Path) -> tuple[int, str]:
    """Exit code and words of the command line."""
    with cluster_command(*arguments, folder=folder) as command:
        words, _ = command.communicate()
    return command.returncode, words


@pytest.mark.cluster
def test_a_cluster_whose_starter_was_killed_is_removed_by_down(tmp_path: Path) -> None:
    binaries.require(SIMULATED)
    with cluster_command("up", folder=tmp_path) as up:
        assert up.stdout is not None
        assert up.stdout.readline().startswith("etcd ready after")
        up.send_signal(signal.SIGKILL)
    (folder,) = tmp_path.glob("atlas-cluster-*")
    started = processes.recorded(place.load(folder / "default"))
    assert "etcd" in [process.name for process in started if process.lives]
    assert said_by("down", folder=tmp_path) == (0, "removing what the killed cluster default left behind\n")
    assert not any(process.lives for process in started)
    assert not (folder / "default").exists()


@pytest.mark.cluster
def test_a_cluster_has_its_name_for_itself_is_listed_and_goes_without_a_trace(tmp_path: Path) -> None:
    binaries.require(SIMULATED)
    code, words = said_by("up", folder=tmp_path)
    assert (code, words.count("export KUBECONFIG=")) == (0, 1)
    (folder,) = tmp_path.glob("atlas-cluster-*")
    started = processes.recorded(place.load(folder / "default"))
    assert all(process.lives for process in started)
    code, words = said_by("up", folder=tmp_path)
    assert (code, words.count("a cluster named default is up; stop it first (down --name default)")) == (1, 1)
    code, words = said_by("status", folder=tmp_path)
    assert words.startswith(f"default: {folder}/default/kubeconfig\n")
    assert [line.split()[0] for line in words.splitlines()[1:]] == [process.name for process in started]
    assert said_by("down", folder=tmp_path) == (0, "the cluster default is down\n")
    assert not any(process.lives for process in started)
    assert said_by("status", folder=tmp_path) == (0, "no cluster\n")


def test_a_process_that_ignores_the_request_to_end_is_killed(here: Place) -> None:
    stubborn = processes.start(here, "stubborn", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"])
    processes.wait_until("it has begun", lambda: "ready" in stubborn.log_tail(), stubborn)
    processes.stop(here, "stubborn", seconds=0.2)
    assert not stubborn.lives
    assert processes.recorded(here) == []


def test_waiting_for_a_process_that_has_ended_fails_with_the_end_of_its_log(here: Place) -> None:
    process = processes.start(here, "broken", ["sh", "-c", "echo no such flag >&2; exit 1"])
    with pytest.raises(processes.ClusterError, match=r"(?s)it is ready: broken has ended.*no such flag"):
        processes.wait_until("it is ready", lambda: False, process)
    processes.stop(here, "broken")


def test_a_process_that_lives_and_does_nothing_is_given_up_with_the_end_of_its_log(here: Place) -> None:
    process = processes.start(here, "idle", ["sh", "-c", "echo thinking; sleep 60"])
    processes.wait_until("it has begun", lambda: "thinking" in process.log_tail(), process)
    with pytest.raises(processes.ClusterError, match=r"(?s)it is ready: not within .*thinking"):
        processes.wait_until("it is ready", lambda: False, process, seconds=0.5)
    processes.stop(here, "idle")


def test_what_makes_progress_is_waited_for_longer() -> None:
    looks = itertools.count()
    took = processes.wait_until("enough looks", lambda: next(looks) > 60, seconds=2, state=lambda: next(looks))
    assert took > 2


def test_workers_share_a_cluster_and_who_brought_it_up_leaves_last(tmp_path: Path) -> None:
    story = []

    @contextmanager
    def brought_up() -> Iterator[Path]:
        story.append("up")
        yield tmp_path / "administrator"
        story.append("down")

    host, guest = ExitStack(), ExitStack()
    assert host.enter_context(shared(tmp_path, brought_up)) == tmp_path / "administrator"
    assert guest.enter_context(shared(tmp_path, brought_up)) == tmp_path / "administrator"
    leaving = threading.Thread(target=host.close)
    leaving.start()
    leaving.join(0.5)
    assert leaving.is_alive()
    guest.callback(story.append, "the guest leaves")
    guest.close()
    leaving.join()
    assert story == ["up", "the guest leaves", "down"]
    with shared(tmp_path, brought_up):
        assert story[3:] == ["up"]


def test_a_number_that_another_process_has_now_is_not_signalled(here: Place) -> None:
    process = processes.start(here, "sleeper", ["sleep", "60"])
    other = f"{process.pid} 1"
    (here.processes / "renumbered").write_text(other)
    processes.stop(here, "renumbered")
    assert process.lives
    processes.stop(here, "sleeper")
    assert not process.lives

"""Who joins as a process of a run without knowing its secret gets nothing and runs nothing. Real processes."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

OURS = """
import os, sys
from atlas_api.errors import AtlasError
from atlas_trainer.distributed.process_group import ProcessGroup

group = ProcessGroup.of(os.environ)
try:
    group.join()
    {then}
except AtlasError as error:
    print(f"{{error.reason}}: {{error}}", flush=True)
    os._exit(error.exit_code)
print("done", flush=True)
os._exit(0)
"""

STRANGER = """
import os, pathlib, pickle
from torch import distributed

class Payload:
    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path(os.environ["MARK"]),))

{joins}
{then}
os._exit(0)
"""

JOINS_BY_TORCH_ALONE = 'distributed.init_process_group("gloo")'
# Without reading what comes back, its own payload with it.
SENDS_PICKLES = """
distributed.distributed_c10d._unpickler = None
distributed.all_gather_object([None, None], Payload())
"""

# What our processes do first, with the secret that the stranger has come to know.
JOINS = """
from atlas_trainer.distributed import exchange
from atlas_trainer.distributed.process_group import ProcessGroup
group = ProcessGroup.of(os.environ)
group.join()
"""


def run(
    tmp_path: Path,
    first: str,
    second: str,
    secrets: tuple[str, str] = ("right", "right"),
    *,
    look_at: int = 0,
    before: Callable[[int], None] = lambda _port: None,
) -> tuple[int, str]:
    """Exit code and output of process 0, which runs *first* while process 1 runs *second*; or of process *look_at*.

    *before* is called with the port where they meet when process 0 listens there and process 1 has not begun.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {
        **os.environ,
        **{"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"},
        **{"MARK": str(tmp_path / "mark"), "OMP_NUM_THREADS": "1"},
    }
    processes = []
    for rank, program in enumerate((first, second)):
        variables = {"RANK": str(rank), "ATLAS_JOIN_SECRET": secrets[rank]}
        command = [sys.executable, "-c", program]
        processes.append(subprocess.Popen(command, env={**environment, **variables}, stdout=subprocess.PIPE, text=True))
        if rank == 0:
            before(port)
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    return processes[look_at].returncode, outputs[look_at]


def nothing_ran(tmp_path: Path) -> bool:
    return not (tmp_path / "mark").exists()


def test_processes_of_one_run_exchange_json_and_bytes(tmp_path: Path) -> None:
    then = """
    assert group.gather({"rank": group.rank, "rewards": [0.1, None]})[1] == {"rank": 1, "rewards": [0.1, None]}
    assert group.gather_bytes(b"\\0" * group.rank) == [b"", b"\\0"]
    assert group.from_main(lambda: {"step": 3, "folder": None}) == {"step": 3, "folder": None}
    assert group.any(group.rank == 1) and not group.any(False)
    assert (group.in_main(lambda: object()) is None) == (group.rank == 1)
    from accelerate import PartialState
    from accelerate.utils import gather_object
    PartialState(cpu=True)
    assert gather_object([f"completion {group.rank}", None]) == ["completion 0", None, "completion 1", None]
    """
    assert run(tmp_path, OURS.format(then=then), OURS.format(then=then)) == (0, "done\n")


@pytest.mark.parametrize("secret", ["", "wrong"])
def test_a_process_with_another_secret_is_refused(tmp_path: Path, secret: str) -> None:
    code, output = run(tmp_path, OURS.format(then=""), OURS.format(then=""), ("right", secret))
    assert code == 60
    assert output.startswith("UntrustedPeer: what joined as process 1 does not know the secret of this attempt")


def test_a_stranger_that_joins_by_torch_alone_runs_nothing(tmp_path: Path) -> None:
    code, output = run(
        tmp_path, OURS.format(then=""), STRANGER.format(joins=JOINS_BY_TORCH_ALONE, then=SENDS_PICKLES), ("right", "")
    )
    assert (code, output.split(":")[0]) == (60, "UntrustedPeer")
    assert nothing_ran(tmp_path)


def test_a_pickled_object_is_not_unpickled_even_from_one_who_knows_the_secret(tmp_path: Path) -> None:
    pickles = "exchange.gather(pickle.dumps(Payload()), group._control_group)"
    code, output = run(tmp_path, OURS.format(then="group.gather(1)"), STRANGER.format(joins=JOINS, then=pickles))
    assert (code, output.split(":")[0]) == (60, "UntrustedPeer")
    assert nothing_ran(tmp_path)


def test_neither_do_the_object_collectives_of_libraries_unpickle(tmp_path: Path) -> None:
    then = "from accelerate.utils import gather_object; from accelerate import PartialState\n"
    then += "    PartialState(cpu=True); gather_object([1])"
    real = f"distributed.distributed_c10d._pickler = pickle.Pickler\n{SENDS_PICKLES}"
    code, output = run(tmp_path, OURS.format(then=then), STRANGER.format(joins=JOINS, then=real))
    assert (code, output.split(":")[0]) == (60, "UntrustedPeer")
    assert nothing_ran(tmp_path)


def test_a_message_that_is_announced_as_endless_is_refused_before_there_is_room_for_it(tmp_path: Path) -> None:
    long = """
import torch
sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(2)]
distributed.all_gather(sizes, torch.tensor([{length}]), group=group._control_group)
"""
    for length in (2**62, -1):
        code, output = run(
            tmp_path,
            OURS.format(then="group.gather(1)"),
            STRANGER.format(joins=JOINS, then=long.format(length=length)),
        )
        assert code == 60
        assert f"process 1 announced a message of {length} bytes" in output


def test_words_of_the_first_process_that_are_none_of_its_own_are_refused(tmp_path: Path) -> None:
    messages = [b"[]", b"3", b"{}", b'{"endedBy": 3}', b'{"value": NaN}', b"", b"\x80\x05N."]
    sends = f"for message in {messages}: exchange.from_first(message, group._control_group)"
    hears = f"""
    for _ in range({len(messages)}):
        try:
            print("accepted", group.from_main(lambda: None), flush=True)
        except AtlasError as error:
            print(error.reason, flush=True)
    """
    code, output = run(tmp_path, STRANGER.format(joins=JOINS, then=sends), OURS.format(then=hears), look_at=1)
    assert (code, output.split()) == (0, ["UntrustedPeer"] * len(messages) + ["done"])


def test_a_worker_does_not_follow_a_stranger_in_the_place_of_the_first_process(tmp_path: Path) -> None:
    code, output = run(
        tmp_path,
        STRANGER.format(joins=JOINS_BY_TORCH_ALONE, then=SENDS_PICKLES),
        OURS.format(then=""),
        ("", "right"),
        look_at=1,
    )
    assert (code, output.split(":")[0]) == (60, "UntrustedPeer")
    assert nothing_ran(tmp_path)


def test_noise_and_silence_at_the_meeting_point_keep_nobody_from_joining(tmp_path: Path) -> None:
    held: list[socket.socket] = []

    def knock(port: int) -> None:
        """What a port scan does, and what holds connections open."""
        noise = [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + bytes(500), bytes(4096), b"\xff" * 4096]
        while not held:
            with suppress(ConnectionRefusedError):
                held.append(socket.create_connection(("127.0.0.1", port)))
        for number in range(100):
            connection = socket.create_connection(("127.0.0.1", port))
            with suppress(OSError):
                connection.sendall(noise[number % len(noise)])
            if number % 2:
                held.append(connection)
            else:
                connection.close()

    joined = OURS.format(then="assert group.gather(group.rank) == [0, 1]")
    assert run(tmp_path, joined, joined, before=knock) == (0, "done\n")
    for connection in held:
        connection.close()


def test_the_payload_of_these_tests_works_where_it_is_unpickled(tmp_path: Path) -> None:
    loads = "assert pickle.loads(pickle.dumps(Payload())) is None"
    environment = {**os.environ, "MARK": str(tmp_path / "mark")}
    subprocess.run([sys.executable, "-c", STRANGER.format(joins="", then=loads)], env=environment, check=True)
    assert not nothing_ran(tmp_path)

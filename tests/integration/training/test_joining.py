"""A process that waits for the others of its run can still be stopped."""

import os
import signal
import socket
import subprocess
import sys

WAITER = """
import os
from atlas_trainer.distributed.interrupt import Interrupt
from atlas_trainer.distributed.process_group import ProcessGroup

with Interrupt().installed():
    process_group = ProcessGroup.of(os.environ)
    try:
        print("waiting", flush=True)
        process_group.join()
    except BaseException as error:
        print(type(error).__name__, flush=True)
        os._exit(getattr(error, "exit_code", 1))
"""


def test_sigterm_ends_the_wait_for_a_first_worker_that_never_comes() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    peers = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-c", WAITER]
    with subprocess.Popen(command, env={**os.environ, **peers}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert (output, process.returncode) == ("Preempted\n", 143)

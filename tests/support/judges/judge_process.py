"""The scripted judge as a process of its own, so that what is measured has its processor core to itself."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

TESTS = Path(__file__).parents[2]


@contextmanager
def judge_process(**options: object) -> Iterator[str]:
    """Base URL of a scripted judge with these options of its command line, for example `latency=0.2`."""
    command = [
        sys.executable,
        "-m",
        "support.judges.scripted_judge",
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def counts(base_url: str) -> dict[str, float]:
    """What the process counted so far."""
    with urlopen(f"{base_url}/counts") as response:
        counted: dict[str, float] = json.load(response)
    return counted

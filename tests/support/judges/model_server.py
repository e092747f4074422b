"""A real language model behind an OpenAI-compatible endpoint that is not ours: `transformers serve`, offline."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 180


@contextmanager
def model_server(model: Path, log: Path) -> Iterator[str]:
    """Base URL of a server that has loaded *model* and knows no other; killed at the end."""
    command = [sys.executable, "-c", "from transformers.cli.transformers import main; main()", "serve", str(model)]
    # More threads than free cores wait for each other at every layer.
    settings = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--device=cpu", "--host=127.0.0.1", "--port=0"],
            stdout=output,
            stderr=output,
            env={**os.environ, **settings},
        )
    try:
        yield f"{_address(process, log)}/v1"
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + PATIENCE
    while not (found := re.search(r"running on (http://[0-9.:]+)", log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, f"the model was not served in time: {log.read_text()}"
        time.sleep(0.1)
    return found[1]

"""Verifiers work where nothing is installed that judges need."""

import subprocess
import sys


def test_verifiers_load_no_http_client() -> None:
    program = "import sys, atlas_rewards; print(sorted({'aiohttp', 'openai', 'torch', 'starlette'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"

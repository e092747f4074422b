"""Manifests come by file, by pipe, and by standard input; what has no end is refused."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.trainer.trainings import training_document

EXAMPLE = yaml.safe_dump(training_document(Path("demo")))


def validate(*files: str, given: str = "") -> tuple[int, str]:
    command = [sys.executable, "-m", "atlas_core", "validate", "-f", *files]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=300)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_dash_is_standard_input() -> None:
    assert validate("-", given=EXAMPLE) == (0, "-: ok\n")
    code, told = validate("-", given=EXAMPLE.replace("grpo:", "grop:"))
    assert code == 2
    assert '-: spec.grop: unknown field; did you mean "grpo"?' in told.splitlines()


def test_a_pipe_of_the_shell_is_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(EXAMPLE)
    script = f"{sys.executable} -m atlas_core validate -f <(cat {tmp_path}/demo.yaml)"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(": ok\n")


@pytest.mark.parametrize("given", ["x" * 2_000_000, "a: 1\n" * 400_000])
def test_too_much_on_standard_input_is_no_manifest(given: str) -> None:
    assert validate("-", given=given) == (
        2,
        "-: longer than 1,048,576 bytes, which no manifest is; name the file of one\n",
    )


def test_what_is_no_manifest_ends_at_once(tmp_path: Path) -> None:
    code, told = validate("/dev/zero", str(tmp_path), str(tmp_path / "absent.yaml"))
    assert code == 2
    assert told.splitlines() == [
        "/dev/zero: cannot be read: it is a device, not a file",
        f"{tmp_path}: is a folder; name a file in it",
        f"{tmp_path}/absent.yaml: no such file",
    ]

"""
The program of training pods, `python -m atlas_trainer [RUN_FILE]`: execute one attempt.

Runs once for each process of the attempt, started by the pod or by torchrun. Whatever ends it, the pod reports it. Exit
codes are those of `atlas_api.errors`.
"""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from atlas_api import AtlasError, InvalidManifest, TrainingRun, parse_json
from atlas_api.inputs.budgets import RUN_FILE as RUN_BUDGET
from atlas_api.inputs.budgets import OverBudgetError, decode_json
from atlas_api.inputs.files import read_file
from atlas_api.pods.cluster_report import ACCOUNT
from atlas_api.pods.contract import ATTEMPT, RANK, RUN_FILE, TERMINATION_FILE, WORLD_SIZE
from atlas_api.text import visible
from atlas_trainer.distributed.interrupt import Interrupt
from atlas_trainer.distributed.process_group import ProcessGroup
from atlas_trainer.distributed.torch_errors import torch_errors
from atlas_trainer.reporting.pod_reporter import PodReporter
from atlas_trainer.storage.known import Known


def main(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    termination_file: Path = Path(TERMINATION_FILE),
    account: Path = ACCOUNT,
) -> int:
    """Execute the run in the file. Returns the exit code, 1 for an error that is no `AtlasError`."""
    interrupt = Interrupt()
    # Nothing stops the first process of a container that has no handler of its own: also what comes early must count.
    with interrupt.installed():
        pod_reporter = PodReporter(environment, environment.get(RANK, "0") == "0", termination_file, account)
        data = b""
        try:
            with interrupt.undisguised():
                data = _read(Path(arguments[0] if arguments else RUN_FILE))
                run = _numbered(parse_json(TrainingRun, data), environment)
                pod_reporter.redact_variables(each.name for each in run.spec.compute.env if each.secret_key_ref)
                _execute(run, ProcessGroup.of(environment), pod_reporter, Known.of(environment))
        except BaseException as error:
            with interrupt.deferred():
                pod_reporter.failed(*_numbers(data, environment), error)
                pod_reporter.close()
            return _show(error, pod_reporter)
    return 0


def _execute(run: TrainingRun, process_group: ProcessGroup, pod_reporter: PodReporter, known: Known) -> None:
    from atlas_trainer.train import run_worker, train

    if process_group.is_main:
        train(run, Console(), process_group, pod_reporter.send, known)
    else:
        run_worker(run, process_group)
    # A job counts as done when one worker is, and the others are then removed: every report must be out by then.
    with torch_errors():
        process_group.from_main(pod_reporter.close)


def _show(error: BaseException, pod_reporter: PodReporter) -> int:
    """Show what ended the attempt. Returns its exit code."""
    if isinstance(error, AtlasError):
        message = visible(pod_reporter.redact(f"{error.reason}: {error}"))
        Console(stderr=True, soft_wrap=True).print(message, style="red", markup=False, highlight=False)
        return error.exit_code
    sys.stderr.write(pod_reporter.redact("".join(traceback.format_exception(error))))
    return 1


def _read(file: Path) -> bytes:
    try:
        return read_file(file, RUN_BUDGET)
    except OverBudgetError as error:
        raise InvalidManifest([f"{file}: {error}; name the run.json of a run"]) from None
    except OSError as error:
        raise InvalidManifest([f"{file} cannot be read: {error.strerror}"]) from None


def _numbered(run: TrainingRun, environment: Mapping[str, str]) -> TrainingRun:
    """Give *run* the number of this attempt: the file is the same for all attempts."""
    if ATTEMPT not in environment:
        return run
    return run.model_copy(update={"attempt": int(environment[ATTEMPT])})


def _numbers(data: bytes, environment: Mapping[str, str]) -> tuple[int, int]:
    """Run and attempt that a report names, also where nothing else in the file can be believed."""
    try:
        document: Any = decode_json(data, RUN_BUDGET)
    except ValueError:
        document = None
    number = document.get("number") if isinstance(document, dict) else None
    attempt = environment.get(ATTEMPT, "")
    return number if type(number) is int and number > 0 else 1, int(attempt) if attempt.isdecimal() else 1


def _leave(code: int) -> None:
    """End the process now: a library that still waits for a peer that is gone must not hold the pod."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    ended_with = main(sys.argv[1:], os.environ)
    if os.environ.get(WORLD_SIZE, "1") != "1":
        _leave(ended_with)
    sys.exit(ended_with)

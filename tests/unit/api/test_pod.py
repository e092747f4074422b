"""How the processes of a run are started, for every shape of a run."""

from typing import Any

import pytest
from torch.distributed.run import get_args_parser

from atlas_api.pods.contract import (
    DISTRIBUTED_PORT,
    GRACE_SECONDS,
    LAUNCHER_GRACE_SECONDS,
    launch_command,
)
from atlas_api.training.compute import Compute

ALONE = ["python", "-m", "atlas_trainer"]


def compute(workers: int, gpus: int) -> Compute:
    return Compute(workers=workers, gpus_per_worker=gpus)


def as_torchrun_reads(command: list[str]) -> Any:
    assert command[:3] == ["python", "-m", "torch.distributed.run"]
    return get_args_parser().parse_args(command[3:])


@pytest.mark.parametrize("gpus", [0, 1])
def test_one_process_starts_as_it_is(gpus: int) -> None:
    assert launch_command(compute(1, gpus)) == ALONE


@pytest.mark.parametrize("gpus", [0, 1])
def test_one_process_in_each_of_several_pods_starts_as_it_is(gpus: int) -> None:
    assert launch_command(compute(3, gpus)) == ALONE


def test_torchrun_starts_the_processes_of_one_pod_and_waits_for_their_checkpoint() -> None:
    arguments = as_torchrun_reads(launch_command(compute(1, 4)))
    assert (arguments.nnodes, arguments.nproc_per_node, arguments.node_rank) == ("1", "4", 0)
    assert arguments.rdzv_endpoint == f"127.0.0.1:{DISTRIBUTED_PORT}"
    assert (arguments.module, arguments.training_script) == (True, "atlas_trainer")
    assert 30 < arguments.shutdown_timeout == LAUNCHER_GRACE_SECONDS < GRACE_SECONDS


def test_torchrun_of_several_pods_takes_number_and_meeting_place_from_variables() -> None:
    command = launch_command(compute(2, 8))
    assert {"--node-rank=$(ATLAS_WORKER)", "--master-addr=$(MASTER_ADDR)"} <= set(command)
    expanded = [part.replace("$(ATLAS_WORKER)", "1").replace("$(MASTER_ADDR)", "demo-1-1-worker-0") for part in command]
    arguments = as_torchrun_reads(expanded)
    assert (arguments.nnodes, arguments.nproc_per_node, arguments.node_rank) == ("2", "8", 1)
    assert arguments.rdzv_endpoint == f"demo-1-1-worker-0:{DISTRIBUTED_PORT}"

"""Who a process is among those that train together."""

import pytest

from atlas_api import InvalidManifest
from atlas_trainer.distributed.process_group import World


def test_without_variables_a_process_is_alone() -> None:
    world = World.of({})
    assert (world.rank, world.size, world.is_first) == (0, 1, True)


def test_torchrun_says_which_process_of_which_pod_this_is() -> None:
    world = World.of({"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"})
    assert (world.rank, world.size, world.is_first, world.host_rank) == (5, 8, False, 4)


def test_a_pod_with_one_process_has_no_local_rank() -> None:
    assert World.of({"RANK": "1", "WORLD_SIZE": "2"}).host_rank == 1


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"RANK": "two", "WORLD_SIZE": "2"}, id="no number"),
        pytest.param({"RANK": "2", "WORLD_SIZE": "2"}, id="past the last"),
        pytest.param({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}, id="more in the pod than before it"),
    ],
)
def test_variables_that_make_no_sense_are_refused(variables: dict[str, str]) -> None:
    with pytest.raises(InvalidManifest, match="WORLD_SIZE"):
        World.of(variables)


def test_a_process_alone_agrees_with_itself() -> None:
    world = World()
    world.join()
    assert world.gather("a") == ["a"]
    assert (world.any(True), world.any(False)) == (True, False)
    assert world.from_first(lambda: 42) == 42
    with pytest.raises(KeyError, match="loss"):
        world.from_first(lambda: {"reward": 1.0}["loss"])

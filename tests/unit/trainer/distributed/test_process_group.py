"""The process group as one of its processes sees it."""

import pytest

from atlas_api import InvalidManifest
from atlas_trainer.distributed.process_group import ProcessGroup


def test_without_variables_a_process_is_alone() -> None:
    process_group = ProcessGroup.of({})
    assert (process_group.rank, process_group.size, process_group.is_main) == (0, 1, True)


def test_torchrun_says_which_process_of_which_pod_this_is() -> None:
    process_group = ProcessGroup.of({"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"})
    assert (process_group.rank, process_group.size, process_group.is_main, process_group.host_rank) == (5, 8, False, 4)


def test_a_pod_with_one_process_has_no_local_rank() -> None:
    assert ProcessGroup.of({"RANK": "1", "WORLD_SIZE": "2"}).host_rank == 1


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
        ProcessGroup.of(variables)


def test_a_process_alone_agrees_with_itself() -> None:
    process_group = ProcessGroup()
    process_group.join()
    assert process_group.gather("a") == ["a"]
    assert (process_group.any(True), process_group.any(False)) == (True, False)
    assert process_group.from_main(lambda: 42) == process_group.in_main(lambda: 42) == 42
    with pytest.raises(KeyError, match="loss"):
        process_group.from_main(lambda: {"reward": 1.0}["loss"])

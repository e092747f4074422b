"""What a cluster tells a pod of its run."""

import pytest

from atlas_api import InvalidManifest
from atlas_trainer.storage.known import Known

A, B = "a" * 64, "b" * 64


def test_without_a_cluster_nothing_is_known() -> None:
    assert Known.of({}) == Known(None, None)


def test_checkpoints_and_dataset_are_read() -> None:
    variables = {"ATLAS_KNOWN_CHECKPOINTS": f"100:{A},50:{B}", "ATLAS_KNOWN_DATASET": B}
    assert Known.of(variables) == Known({100: A, 50: B}, B)


def test_no_checkpoints_are_something_else_than_nothing_known() -> None:
    assert Known.of({"ATLAS_KNOWN_CHECKPOINTS": "", "ATLAS_KNOWN_DATASET": ""}) == Known({}, None)


ODD = (
    *("50", f":{A}", f"50:{A[:63]}", f"50:{A.upper()}", f"-1:{A}"),
    *(f"50:{A} ", f"\u0665:{A}", f"{'9' * 13}:{A}", f"50:{A};"),
)


@pytest.mark.parametrize("listed", ODD)
def test_what_no_operator_writes_is_refused(listed: str) -> None:
    with pytest.raises(InvalidManifest, match="ATLAS_KNOWN_CHECKPOINTS must be STEP:SHA256"):
        Known.of({"ATLAS_KNOWN_CHECKPOINTS": listed})
    with pytest.raises(InvalidManifest, match="ATLAS_KNOWN_DATASET must be a SHA-256"):
        Known.of({"ATLAS_KNOWN_DATASET": listed})

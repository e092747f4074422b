"""What the manager counts of reward services."""

import pytest

from atlas_operator.rewardservice.controller import state_in


@pytest.mark.parametrize(
    ("conditions", "state"),
    [
        ({}, "Reconciling"),
        ({"Ready": "True", "Stalled": "False"}, "Ready"),
        ({"Ready": "False", "Stalled": "True"}, "Stalled"),
        ({"Ready": "False", "Stalled": "False"}, "Reconciling"),
    ],
)
def test_a_reward_service_counts_in_the_state_that_its_conditions_show(conditions: dict[str, str], state: str) -> None:
    listed = [{"type": kind, "status": status} for kind, status in conditions.items()]
    assert state_in({"status": {"conditions": listed}}) == state

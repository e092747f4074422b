"""Generated histories of a training: what always holds is checked at every look, see `support/world_operator.py`."""

from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from support.world_actions import CLUSTER, OFTEN, OTHERS, act, begin
from support.world_user import USER

from atlas_operator.refusal import read_spec

PICKS = st.integers(0, 7)


class Histories(RuleBasedStateMachine):
    """One training, everybody who has to do with it, and in the end rest."""

    def __init__(self) -> None:
        super().__init__()
        self.story = begin()

    @rule(name=st.sampled_from(OFTEN), pick=PICKS)
    def _something_usual_happens(self, name: str, pick: int) -> None:
        act(self.story, name, pick)

    @rule(name=st.sampled_from(sorted(CLUSTER)), pick=PICKS)
    def _the_cluster_acts(self, name: str, pick: int) -> None:
        act(self.story, name, pick)

    @rule(name=st.sampled_from(sorted(OTHERS)), pick=PICKS)
    def _time_the_trainer_or_the_operator_act(self, name: str, pick: int) -> None:
        act(self.story, name, pick)

    @rule(name=st.sampled_from(sorted(USER)), pick=PICKS)
    def _the_user_acts(self, name: str, pick: int) -> None:
        act(self.story, name, pick)

    def teardown(self) -> None:
        self.story.operator.come_to_rest()


def test_every_history_keeps_the_rules_and_comes_to_rest() -> None:
    # Reading an invalid spec raises Python's recursion limit, which must not happen while hypothesis watches it.
    read_spec({"spec": {}})
    checks: Any = list(HealthCheck)
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=150,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=checks,
            phases=(Phase.generate, Phase.shrink),
        ),
    )

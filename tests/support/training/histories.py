"""Generated histories of a training: everybody who has to do with it acts, and in the end all comes to rest.

What always holds is checked at every look, see `world_operator`. Used by the unit tests and by `make bench-plan`.
"""

from collections import Counter
from dataclasses import dataclass, field

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from support.training.world_actions import CLUSTER, OFTEN, OTHERS, act, begin
from support.training.world_user import USER

PICKS = st.integers(0, 7)


@dataclass
class Tally:
    """What some histories came to."""

    histories: int = 0
    actions: int = 0
    looks: int = 0
    reached: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Count another part."""
        self.histories += other.histories
        self.actions += other.actions
        self.looks += other.looks
        self.reached += other.reached


class Histories(RuleBasedStateMachine):
    """One training at a time."""

    tally = Tally()

    def __init__(self) -> None:
        super().__init__()
        self.story = begin()
        self.actions = 0

    @rule(name=st.sampled_from(OFTEN), pick=PICKS)
    def _something_usual_happens(self, name: str, pick: int) -> None:
        self._act(name, pick)

    @rule(name=st.sampled_from(OFTEN), pick=PICKS)
    def _and_happens_often(self, name: str, pick: int) -> None:
        self._act(name, pick)

    @rule(name=st.sampled_from(sorted(CLUSTER)), pick=PICKS)
    def _the_cluster_acts(self, name: str, pick: int) -> None:
        self._act(name, pick)

    @rule(name=st.sampled_from(sorted(OTHERS)), pick=PICKS)
    def _time_the_trainer_or_the_operator_act(self, name: str, pick: int) -> None:
        self._act(name, pick)

    @rule(name=st.sampled_from(sorted(USER)), pick=PICKS)
    def _the_user_acts(self, name: str, pick: int) -> None:
        self._act(name, pick)

    def teardown(self) -> None:
        """Rest, and count."""
        self.story.operator.come_to_rest()
        own = Tally(1, self.actions, self.story.operator.looks, self.story.operator.reached)
        self.tally.add(own)

    def _act(self, name: str, pick: int) -> None:
        self.actions += 1
        act(self.story, name, pick)


def check_histories(count: int, seed: int, steps: int = 30) -> Tally:
    """Generate *count* histories of at most *steps* actions; the same *seed* gives the same ones.

    Raises what the first broken rule raises, with the shortest history that breaks it as a note.
    """
    tally = Tally()
    machine = hypothesis.seed(seed)(type("Counted", (Histories,), {"tally": tally}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=count,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        ),
    )
    return tally

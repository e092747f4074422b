"""Generated histories of a training: everybody who has to do with it acts, and in the end all comes to rest.

What always holds is checked at every look, see `plan_rules`. Used by the unit tests and by `make bench-plan`.
"""

from collections import Counter
from dataclasses import dataclass, field

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from support.training.coming_to_rest import come_to_rest
from support.training.history_actions import CLUSTER, OTHERS, USER, Action, apply
from support.training.simulated_cluster import SimulatedCluster
from support.training.watched_operator import WatchedOperator

PICKS = st.integers(0, 7)
ACTIONS: dict[str, Action] = {**USER, **CLUSTER, **OTHERS}
LOOKS = ("look", "look and crash")
"""What the operator does: it looks, whether it has a reason to or not, and may end in the middle of it."""

OFTEN = ("operate", "kubelet", "run", "look", "look")
"""What happens more often: without these nothing goes on."""


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
        cluster = SimulatedCluster()
        apply(cluster)
        self.operator = WatchedOperator(cluster)
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

    @rule(name=st.sampled_from(sorted([*OTHERS, *LOOKS])), pick=PICKS)
    def _time_the_trainer_or_the_operator_act(self, name: str, pick: int) -> None:
        self._act(name, pick)

    @rule(name=st.sampled_from(sorted(USER)), pick=PICKS)
    def _the_user_acts(self, name: str, pick: int) -> None:
        self._act(name, pick)

    def teardown(self) -> None:
        """Rest, and count."""
        come_to_rest(self.operator)
        self.tally.add(Tally(1, self.actions, self.operator.looks, self.operator.rules.reached))

    def _act(self, name: str, pick: int) -> None:
        self.actions += 1
        if name in LOOKS:
            self.operator.look(crash_after=pick if name == "look and crash" else None)
        else:
            ACTIONS[name](self.operator.cluster, pick)


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

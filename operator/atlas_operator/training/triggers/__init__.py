"""
Triggers: the causes of a run, one file a cause. Pure; they know the API types and nothing of the operator.

    base          what a trigger is asked (`Circumstances`) and answers (`Due`)
    first_run     there was no run yet
    annotation    somebody set `retrain-at`
    spec_change   the spec is another one

To add a trigger (a schedule, new sessions): its field in `atlas_api.training.retrain`, a file here with one function
from `Circumstances` to `Due`, one line in `TRIGGERS`, and its word in `atlas_api.training.status.Trigger`. What it
looks at beyond time, last run and spec is a field of `Circumstances`. A time that lies ahead needs nothing more: the
operator looks again then.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from atlas_api.training.status import RunStatus, Trigger
from atlas_operator.training.triggers.annotation import annotation
from atlas_operator.training.triggers.base import Circumstances, Due
from atlas_operator.training.triggers.first_run import first_run
from atlas_operator.training.triggers.spec_change import spec_change

__all__ = ["TRIGGERS", "Circumstances", "Due", "follower", "next_due"]

TRIGGERS: tuple[Callable[[Circumstances], Due | None], ...] = (
    first_run,
    annotation,
    spec_change,
)
"""Triggers in order: of several that are due, the first is the cause."""


def next_due(
    circumstances: Circumstances, triggers: Sequence[Callable[[Circumstances], Due | None]] = TRIGGERS
) -> Due | None:
    """The next run: the first of *triggers* that is due now, else the earliest that will be. None: no run follows."""
    found = [due for trigger in triggers if (due := trigger(circumstances))]
    now = next((due for due in found if due.at <= circumstances.now), None)
    return now or min(found, key=lambda due: due.at, default=None)


def follower(circumstances: Circumstances, live: RunStatus) -> Trigger | None:
    """The cause of another run that waits for the end of *live*, None when there is none."""
    ended = live.model_copy(update={"outcome": "Succeeded", "finished_at": circumstances.now})
    due = next_due(replace(circumstances, last=ended))
    return due.cause if due and due.at <= circumstances.now else None

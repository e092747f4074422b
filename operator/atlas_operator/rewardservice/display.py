"""Columns that `kubectl get` shows of a RewardService, ready to print. Pure."""

from collections.abc import Sequence

from atlas_api.condition import Condition
from atlas_api.rewardservice.status import JudgeStatus, RewardServiceDisplay
from atlas_operator.rewardservice.rollout import Rollout

_SECOND = 1000


def display(rollout: Rollout, judges: Sequence[JudgeStatus], conditions: Sequence[Condition]) -> RewardServiceDisplay:
    """The columns of a RewardService. What is not known is absent."""
    known = [judge for judge in judges if judge.state != "Unknown"]
    answering = sum(judge.state == "Answering" for judge in judges)
    slowest = max((judge.p99_ms for judge in judges if judge.p99_ms is not None), default=None)
    return RewardServiceDisplay(
        replicas=f"{rollout.ready}/{rollout.wanted}",
        judges=f"{answering}/{len(judges)}" if known else None,
        p99=_duration(slowest) if slowest is not None else None,
        reason=next((each.reason for each in conditions if each.type == "Ready" and each.status == "False"), None),
    )


def _duration(milliseconds: int) -> str:
    """Short text of a duration, like `840ms`, `1.2s`, `31s`."""
    return f"{milliseconds}ms" if milliseconds < _SECOND else f"{milliseconds / _SECOND:.3g}s"

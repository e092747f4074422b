"""What the pods of a RewardService say of their judges, believed only as far as it can be checked. Pure.

Called by `rewards_plan` with the text of the ConfigMap that they report to. A pod that lies changes nothing but the
figures of its own judges, within bounds: judges that the spec does not name are left out.
"""

from collections.abc import Sequence

from atlas_api.rewardservice_status import JudgeState, JudgeStatus
from atlas_operator import untrusted
from atlas_operator.fields import items, text
from atlas_operator.observed import Document
from atlas_operator.report import parsed

LONGEST_MS = 86_400_000
_REASON = 64

_STATES: dict[str, JudgeState] = {"Answering": "Answering", "Failing": "Failing", "Unknown": "Unknown"}


def read_judges(told: str | None, names: Sequence[str]) -> tuple[JudgeStatus, ...]:
    """One entry for each of *names*, in this order, from *told*, the JSON of a `JudgesReport`."""
    said = {text(each, "name"): each for each in items(parsed(told), "judges")}
    return tuple(_judge(name, said.get(name, {})) for name in names)


def failing(judges: Sequence[JudgeStatus]) -> list[JudgeStatus]:
    """Those that do not answer."""
    return [judge for judge in judges if judge.state == "Failing"]


def _judge(name: str, said: Document) -> JudgeStatus:
    rate = untrusted.number(said.get("errorRate"))
    reason = untrusted.line(said.get("reason"))
    return JudgeStatus(
        name=name,
        state=_STATES.get(text(said, "state"), "Unknown"),
        p50_ms=_milliseconds(said.get("p50Ms")),
        p99_ms=_milliseconds(said.get("p99Ms")),
        error_rate=round(rate, 2) if rate is not None and 0 <= rate <= 1 else None,
        reason=reason[:_REASON] if reason else None,
    )


def _milliseconds(said: object) -> int | None:
    """With two digits: a figure that trembles is not news."""
    found = untrusted.number(said)
    return int(float(f"{found:.2g}")) if found is not None and 0 <= found <= LONGEST_MS else None

"""Reports of the pods of a RewardService about their judges, believed only as far as they can be checked. Pure.

They lie in a ConfigMap: each pod has an entry there, under its name. A pod that
lies changes nothing but the figures of its service's judges, within bounds, and the revision that they report:
judges that the spec does not name are left out, and a revision is 16 hex digits.
"""

import re
from collections.abc import Collection, Sequence

from atlas_api.rewardservice.status import JudgeReport, JudgeState, JudgeStatus
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import items, mapping, name_of, string
from atlas_operator.reports import values
from atlas_operator.reports.run import parsed
from atlas_operator.rewardservice.rollout import is_going, is_ready

LONGEST_MS = 86_400_000
_REASON = 64
_REVISION = re.compile(r"[0-9a-f]{16}")

_UNKNOWN: JudgeState = "Unknown"
_WORST_FIRST: tuple[JudgeState, ...] = ("Failing", "Answering", _UNKNOWN)


def read_judges(report_map: Document, pods: Collection[Document], names: Sequence[str]) -> tuple[JudgeStatus, ...]:
    """One entry for each of *names*, in this order, from *report_map*: what those of *pods* that stay report."""
    staying = sorted(name_of(pod) for pod in pods if not is_going(pod))
    reports = [
        {string(each, "name"): each for each in items(parsed(string(report_map, "data", pod)), "judges")}
        for pod in staying
    ]
    return tuple(_judge(name, [_report(name, data[name]) for data in reports if name in data]) for name in names)


def read_revision(report_map: Document, pods: Collection[Document]) -> str | None:
    """Revision that those of *pods* that answer score with; None where none reports it, or not all the same."""
    revisions = {
        string(parsed(string(report_map, "data", name_of(pod))), "revision") for pod in pods if is_ready(pod)
    } - {""}
    return next((each for each in revisions if len(revisions) == 1 and _REVISION.fullmatch(each)), None)


def outlived(report_map: Document, pods: Collection[Document]) -> list[str]:
    """Entries of *report_map* that no pod of *pods* writes any more."""
    return sorted(set(mapping(report_map, "data")) - {name_of(pod) for pod in pods})


def failing(judges: Sequence[JudgeStatus]) -> list[JudgeStatus]:
    """Judges that do not answer."""
    return [judge for judge in judges if judge.state == "Failing"]


def _judge(name: str, reports: Sequence[JudgeReport]) -> JudgeStatus:
    """The worst state, the slowest times; percentiles cannot be added up."""
    state = next((state for state in _WORST_FIRST if any(each.state == state for each in reports)), _UNKNOWN)
    rate = _error_rate(reports)
    return JudgeStatus(
        name=name,
        state=state,
        p50_ms=max((each.p50_ms for each in reports if each.p50_ms is not None), default=None),
        p99_ms=max((each.p99_ms for each in reports if each.p99_ms is not None), default=None),
        error_rate=round(rate, 2) if rate is not None else None,
        reason=next((each.reason for each in reports if each.state == state and each.reason), None),
    )


def _error_rate(reports: Sequence[JudgeReport]) -> float | None:
    """Error rate of all questions together. A pod that does not say how many it asked counts as one that asked once."""
    shares = [(each.error_rate, max(1, each.questions)) for each in reports if each.error_rate is not None]
    asked = sum(questions for _, questions in shares)
    return sum(rate * questions for rate, questions in shares) / asked if asked else None


def _report(name: str, data: Document) -> JudgeReport:
    rate = values.number(data.get("errorRate"))
    reason = values.line(data.get("reason"))
    state = next((each for each in _WORST_FIRST if each == data.get("state")), _UNKNOWN)
    return JudgeReport(
        name=name,
        state=state,
        p50_ms=_milliseconds(data.get("p50Ms")),
        p99_ms=_milliseconds(data.get("p99Ms")),
        error_rate=rate if rate is not None and 0 <= rate <= 1 else None,
        reason=reason[:_REASON] if reason else None,
        questions=values.count(data.get("questions")) or 0,
    )


def _milliseconds(value: object) -> int | None:
    """Milliseconds with two digits: a figure that trembles is not news."""
    number = values.number(value)
    return int(float(f"{number:.2g}")) if number is not None and 0 <= number <= LONGEST_MS else None

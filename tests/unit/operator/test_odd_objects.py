"""Objects with any field missing, or of any other type, are survived by everything that reads them."""

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.kubernetes.kube_objects import (
    ended_pod,
    make_condition,
    make_event,
    make_job,
    make_pod,
    terminated,
    waiting,
)

from atlas_api.text import escaped
from atlas_operator.backends.pytorchjob import job_state, running_since
from atlas_operator.cluster.document import Document
from atlas_operator.failures.attempt import Failure, classify_attempt
from atlas_operator.pending.attempt import pods_scheduled_at, why_not_running
from atlas_operator.reports.run import termination_report

JOB = make_job(make_condition("Created"), make_condition("Running"), queue="team-a", active=1, deleted_at=9)
POD = ended_pod(
    143,
    conditions=[
        make_condition("DisruptionTarget", reason="PreemptionByScheduler"),
        make_condition("PodScheduled", "False", reason="Unschedulable", message="1 Insufficient cpu."),
    ],
    init_containers=[terminated(1, name="get")],
    reason="Evicted",
    deleted_at=30,
)
WAITING = make_pod(node="node-1", containers=[waiting("ErrImagePull", "no route")], init_containers=[waiting("", "")])
EVENTS = [make_event("FailedCreatePod", "exceeded quota: a", JOB), make_event("FailedMount", "no", WAITING)]

ODD_VALUES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([[], {}, [None], [{}], {"": None}, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"])
)


def places(document: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in *document*."""
    if isinstance(document, dict):
        inner: list[tuple[Any, object]] = list(document.items())
    else:
        inner = list(enumerate(document)) if isinstance(document, list) else []
    found = [place for key, value in inner for place in places(value, (*path, key))]
    return [path, *found] if path else found


@st.composite
def spoilt(draw: st.DrawFn, document: Document) -> Document:
    """*document* with up to four of its values replaced."""
    result = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 4))):
        *folders, last = draw(st.sampled_from(places(result)))
        parent: Any = result
        for key in folders:
            parent = parent[key]
        parent[last] = copy.deepcopy(draw(ODD_VALUES))
    return result


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spoilt(JOB), spoilt(POD), spoilt(WAITING), spoilt(EVENTS[0]), spoilt(EVENTS[1]))
def test_nothing_raises_on_odd_objects(
    job: Document, ended: Document, pending: Document, refused: Document, unmounted: Document
) -> None:
    pods = [ended, pending]
    job_state(job)
    running_since(job)
    pods_scheduled_at(pods)
    termination_report(pods, 1, 1)
    result = classify_attempt(job, pods, None, None)
    assert isinstance(result, Failure)
    diagnosis = why_not_running(job, pods, [refused, unmounted])
    for reason, message in ((result.reason, result.message), (diagnosis.reason, diagnosis.message)):
        assert reason.isalnum()
        assert escaped(message) == message
        assert len(message) <= 500

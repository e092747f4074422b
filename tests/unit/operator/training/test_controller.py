"""What the manager counts of trainings, read the way Prometheus reads it."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from atlas_operator.cluster.document import Document
from atlas_operator.training.controller import AttemptMetrics, new_failures, phase_in


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, {}),
        ({}, {"run": {"number": 1, "failures": {"Preempted": 1}}}, {"Preempted": 1}),
        (
            {"run": {"number": 1, "failures": {"Preempted": 1}}},
            {"run": {"number": 1, "failures": {"Preempted": 3, "OutOfMemory": 1}}},
            {"Preempted": 2, "OutOfMemory": 1},
        ),
        (
            {"run": {"number": 1, "failures": {"Preempted": 5}}},
            {"run": {"number": 2, "failures": {"Preempted": 1}}},
            {"Preempted": 1},
        ),
        ({"run": {"number": 1, "failures": {"Preempted": 5}}}, {"run": {"number": 2}}, {}),
    ],
)
def test_failures_are_those_that_the_new_status_adds(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, int]
) -> None:
    assert new_failures(old, new) == expected


def test_only_jobs_are_attempts() -> None:
    registry = CollectorRegistry()
    metrics = AttemptMetrics(registry)
    metrics.created({"kind": "ConfigMap"})
    metrics.created({"kind": "PyTorchJob"})
    assert registry.get_sample_value("atlas_attempts_started_total") == 1


@pytest.mark.parametrize(
    ("training", "phase"), [({}, "Pending"), ({"status": {}}, "Pending"), ({"status": {"phase": "Running"}}, "Running")]
)
def test_a_training_counts_as_pending_until_its_status_says_more(training: Document, phase: str) -> None:
    assert phase_in(training) == phase

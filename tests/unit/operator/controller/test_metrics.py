"""What the operator counts, read the way Prometheus reads it."""

import asyncio

import aiohttp

from atlas_operator.cluster.document import Key
from atlas_operator.controller.health import serving
from atlas_operator.controller.metrics import Metrics, StateGauge


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def _gauge() -> tuple[Metrics, StateGauge]:
    metrics = Metrics()
    return metrics, StateGauge(metrics.registry, "atlas_trainings", "Objects by phase", "phase")


def test_objects_are_counted_once_in_the_state_they_are_in() -> None:
    metrics, gauge = _gauge()
    one, two = Key("a", "one"), Key("a", "two")
    for key, phase in ((one, "Pending"), (two, "Pending"), (one, "Running"), (one, "Running"), (two, None)):
        gauge.set(key, phase)
    assert _value(metrics, "atlas_trainings", phase="Pending") == 0
    assert _value(metrics, "atlas_trainings", phase="Running") == 1


def test_objects_that_were_deleted_unseen_are_dropped() -> None:
    metrics, gauge = _gauge()
    gauge.set(Key("a", "one"), "Running")
    gauge.set(Key("a", "two"), "Running")
    gauge.keep([Key("a", "two"), Key("a", "judges", "RewardService")])
    assert _value(metrics, "atlas_trainings", phase="Running") == 1


async def _get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


def test_the_probes_tell_alive_from_ready_and_say_why() -> None:
    problems = {"live": "", "ready": "the watches have not begun"}

    async def story() -> None:
        probes = serving(0, live=lambda: problems["live"], ready=lambda: problems["ready"], registry=Metrics().registry)
        async with probes as port:
            assert await _get(port, "/healthz") == (200, "ok\n")
            assert await _get(port, "/readyz") == (503, "the watches have not begun\n")
            problems.update(live="no watch was opened", ready="")
            assert await _get(port, "/healthz") == (503, "no watch was opened\n")
            assert await _get(port, "/readyz") == (200, "ok\n")

    asyncio.run(story())


def test_metrics_are_served_in_the_text_format() -> None:
    metrics = Metrics()
    metrics.queue(lambda: 3, lambda: 1.5)
    metrics.request("apply", "409")
    metrics.reconciled("ok", 0.2)

    async def story() -> str:
        async with serving(0, live=str, ready=str, registry=metrics.registry) as port:
            return (await _get(port, "/metrics"))[1]

    lines = asyncio.run(story()).splitlines()
    assert "atlas_queue_depth 3.0" in lines
    assert "atlas_queue_age_seconds 1.5" in lines
    assert 'atlas_api_requests_total{code="409",verb="apply"} 1.0' in lines
    assert 'atlas_reconciliation_seconds_bucket{le="0.25"} 1.0' in lines
    assert all(line.removeprefix("# HELP ").removeprefix("# TYPE ").startswith("atlas_") for line in lines)

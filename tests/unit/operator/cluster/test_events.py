"""Events about trainings: repetitions are counted, and nothing that goes wrong reaches the reconciliation."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from support.kubernetes.scripted_answers import Answer, Server, refusal, server_giving

from atlas_operator.cluster.events import WINDOW, EventRecorder, Posted, Recent, event
from atlas_operator.cluster.rest.api import Api

START = datetime(2026, 1, 1, tzinfo=UTC)
TRAINING: dict[str, Any] = {
    "apiVersion": "atlas.arc.computer/v1alpha1",
    "kind": "AtlasTraining",
    "metadata": {"name": "desk", "namespace": "agents", "uid": "u1"},
}


def _post(*answers: Answer, times: list[datetime], messages: list[str] | None = None) -> list[tuple[str, Any]]:
    """What the server is sent when an event is posted at each of the times."""
    left = list(times)

    async def story() -> Server:
        async with server_giving(*answers) as server:
            api = Api(server.configuration, sleep=_at_once)
            recorder = EventRecorder(api, clock=lambda: left.pop(0))
            for message in messages or ["no GPU"] * len(times):
                await recorder.post(TRAINING, "Warning", "Unschedulable", message)
            await api.close()
            return server

    server = asyncio.run(story())
    return [(request.method, body) for request, body in zip(server.requests, server.bodies, strict=True)]


async def _at_once(_: float) -> None:
    """No waiting between tries."""


def test_an_event_says_what_happened_to_which_object() -> None:
    document = event(TRAINING, "Warning", "Unschedulable", "no GPU", START)
    assert document["involvedObject"] | {"name": "desk", "uid": "u1"} == document["involvedObject"]
    assert (document["reason"], document["message"], document["count"]) == ("Unschedulable", "no GPU", 1)
    assert document["firstTimestamp"] == document["lastTimestamp"] == "2026-01-01T00:00:00Z"
    assert document["metadata"]["name"].startswith("desk.")


def test_a_repetition_raises_the_count() -> None:
    sent = _post(Answer(), times=[START, START + timedelta(minutes=4), START + timedelta(minutes=8)])
    assert [method for method, _ in sent] == ["POST", "PATCH", "PATCH"]
    assert sent[2][1] == {"count": 3, "lastTimestamp": "2026-01-01T00:08:00Z"}


def test_after_five_quiet_minutes_it_is_a_new_event() -> None:
    assert [method for method, _ in _post(Answer(), times=[START, START + WINDOW])] == ["POST", "POST"]


def test_another_message_is_another_event() -> None:
    sent = _post(Answer(), times=[START, START], messages=["no GPU", "no memory"])
    assert [method for method, _ in sent] == ["POST", "POST"]


def test_an_event_that_the_server_forgot_is_written_anew() -> None:
    answers = (Answer(), refusal(404, "NotFound", "gone"), Answer())
    assert [method for method, _ in _post(*answers, times=[START, START])] == ["POST", "PATCH", "POST"]


def test_an_event_that_cannot_be_written_is_forgotten() -> None:
    assert [method for method, _ in _post(refusal(403, "Forbidden", "no"), times=[START, START])] == ["POST", "POST"]


def test_long_messages_are_cut_to_what_the_server_takes() -> None:
    assert len(_post(Answer(), times=[START], messages=["x" * 5000])[0][1]["message"]) == 1024


def test_the_memory_for_events_is_bounded() -> None:
    recent = Recent()
    for number in range(5000):
        recent.remember((str(number), "r", "m"), Posted("e", 1, START))
    assert recent.find(("0", "r", "m"), START) is None
    assert recent.find(("4999", "r", "m"), START) is not None
    assert sum(recent.find((str(number), "r", "m"), START) is not None for number in range(5000)) == 2000

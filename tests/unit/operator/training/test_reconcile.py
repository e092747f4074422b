"""What one look writes, and in which order. The API server is a fake one that keeps objects."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from support.kubernetes.kube_objects import BEGIN
from support.kubernetes.object_server import ObjectServer, object_server
from support.training.training_documents import IMAGE, training_document

from atlas_operator.cluster.client import ClusterClient, Stale
from atlas_operator.cluster.document import Document, Key
from atlas_operator.cluster.kinds import KINDS, object_path
from atlas_operator.cluster.rest.api import Api
from atlas_operator.settings import Settings
from atlas_operator.training.reconcile import reconcile

DEMO = Key("agents", "demo")
JUDGED = {"serviceRef": {"name": "judges"}}
CHILDREN = ["ConfigMap", "ConfigMap", "Role", "RoleBinding", "ServiceAccount"]
"""What a run consists of beside its jobs."""


@dataclass
class Place:
    """An API server, and an operator that looks at the training in it."""

    server: ObjectServer
    client: ClusterClient
    looks: int = 0

    async def look(self) -> None:
        """One look, 10 seconds after the one before."""
        self.looks += 1
        now = BEGIN + timedelta(seconds=10 * self.looks)
        await reconcile(self.client, Settings(trainer_image=IMAGE), DEMO, now)

    async def settle(self) -> None:
        """Look until nothing is written."""
        writes = -1
        while writes != len(self.server.writes):
            writes = len(self.server.writes)
            await self.look()

    @property
    def training(self) -> Document:
        """As it is now."""
        return self.server.objects[object_path("AtlasTraining", "agents", "demo")]

    @property
    def run(self) -> Document:
        """`status.run`."""
        found: Document = self.training["status"]["run"]
        return found

    def children(self, run: int) -> list[str]:
        """Kinds of the children of a run, but for its jobs."""
        of_run = [each for each in self.server.objects.values() if each["metadata"]["name"].startswith(f"demo-{run}")]
        return sorted(each["kind"] for each in of_run if each["kind"] != "PyTorchJob")

    def edit(self, **spec: Any) -> None:
        """Somebody changes parts of the spec."""
        found = self.training
        metadata = {**found["metadata"], "generation": found["metadata"]["generation"] + 1}
        self.server.keep({**found, "metadata": metadata, "spec": {**found["spec"], **spec}})


def tell(story: Callable[[Place], Awaitable[None]], *others: Document, **spec: Any) -> None:
    """A training and *others* exist, and nobody has looked yet."""

    async def told() -> None:
        async with object_server(training_document(**spec), *others) as server:
            api = Api(server.configuration)
            try:
                await story(Place(server, ClusterClient(api)))
            finally:
                await api.close()

    asyncio.run(told())


def of_a_reward_service(kind: str, name: str = "demo-1") -> Document:
    """A child of a RewardService of that name."""
    owner = {"kind": "RewardService", "name": name, "uid": "uid-of-rewards", "controller": True}
    metadata = {"name": name, "namespace": "agents", "ownerReferences": [owner]}
    return {"apiVersion": KINDS[kind][0], "kind": kind, "metadata": metadata}


def of_a_user(kind: str, name: str = "demo-1") -> Document:
    """An object that nothing controls."""
    return {"apiVersion": KINDS[kind][0], "kind": kind, "metadata": {"name": name, "namespace": "agents"}}


@pytest.mark.parametrize("made", [of_a_reward_service, of_a_user])
def test_the_sweep_leaves_objects_of_others_that_have_the_names_of_children(made: Callable[[str], Document]) -> None:
    async def story(here: Place) -> None:
        await here.look()
        assert here.run["number"] == 1
        here.edit(optimization={"maxSteps": 8, "batchSize": 8})
        await here.look()
        assert here.run["number"] == 2
        assert here.server.named("demo-1") == ["Role", "RoleBinding", "ServiceAccount"]
        assert here.server.named("demo-1-progress") == []

    tell(story, *(made(kind) for kind in ("ServiceAccount", "Role", "RoleBinding")))


def test_the_sweep_takes_all_children_of_an_earlier_run_and_looks_for_them_no_more() -> None:
    async def story(here: Place) -> None:
        await here.look()
        assert here.children(1) == CHILDREN
        here.edit(optimization={"maxSteps": 8, "batchSize": 8})
        await here.settle()
        assert here.run["number"] == 2
        assert (here.children(1), here.children(2)) == ([], CHILDREN)
        here.server.reads.clear()
        await here.look()
        assert [path for path in here.server.reads if "demo-1" in path] == []

    tell(story)


def test_a_config_map_that_lost_its_owner_is_not_swept_and_not_looked_up_at_every_look() -> None:
    async def story(here: Place) -> None:
        await here.look()
        for each in here.server.objects.values():
            if each["kind"] == "ConfigMap":
                del each["metadata"]["ownerReferences"]
        here.edit(optimization={"maxSteps": 8, "batchSize": 8})
        await here.settle()
        assert here.run["number"] == 2
        assert "ConfigMap" in here.children(1)
        here.server.reads.clear()
        await here.look()
        assert [path for path in here.server.reads if "configmaps/demo-1" in path] == []

    tell(story)


def test_nothing_is_made_or_told_of_a_run_that_waits_before_the_status_names_it() -> None:
    async def story(here: Place) -> None:
        here.server.stale_writes = 1
        with pytest.raises(Stale):
            await here.look()
        assert (here.server.writes, here.server.events()) == ([], [])
        await here.look()
        assert here.server.writes[0] == ("PATCH", object_path("AtlasTraining", "agents", "demo"))
        assert here.children(1) == ["ConfigMap"]
        assert here.server.events() == ["run 1 starts (Created)"]

    tell(story, reward=JUDGED)


@pytest.mark.parametrize("spec", [{}, {"reward": JUDGED}], ids=["with a job", "that waits for judges"])
def test_a_run_whose_children_are_refused_has_one_status_and_not_two_in_turn(spec: Document) -> None:
    async def story(here: Place) -> None:
        here.server.refusals["ConfigMap"] = (403, "exceeded quota: team-a")
        await here.look()
        told = here.training["status"]
        assert "Refused" in [each.get("reason") for each in told["conditions"]]
        here.server.writes.clear()
        await here.look()
        assert (here.training["status"], here.server.writes) == (told, [])

    tell(story, **spec)


REFUSALS = {
    "a quota": (403, "exceeded quota: team-a", "Refused", "exceeded quota: team-a"),
    "a webhook that is away": (
        500,
        'Internal error occurred: failed calling webhook "validator.example": connection refused',
        "WebhookUnavailable",
        "validator.example",
    ),
}


@pytest.mark.parametrize(("code", "said", "reason", "word"), REFUSALS.values(), ids=REFUSALS)
def test_a_job_that_the_api_server_does_not_take_shows_in_the_status_until_it_does(
    code: int, said: str, reason: str, word: str
) -> None:
    async def story(here: Place) -> None:
        here.server.refusals["PyTorchJob"] = (code, said)
        await here.look()
        told = {each["type"]: each for each in here.training["status"]["conditions"]}
        assert [told[kind]["status"] for kind in ("Ready", "Accepted", "Reconciling")] == ["False", "False", "True"]
        assert told["Accepted"]["reason"] == reason
        assert word in told["Accepted"]["message"]
        await here.look()
        here.server.refusals.clear()
        await here.look()
        assert here.server.named("demo-1-1") == ["PyTorchJob"]
        assert here.server.events() == ["run 1 starts (Created)", told["Accepted"]["message"]]

    tell(story)

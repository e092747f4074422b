"""RewardServices and those who use them on a control plane: trainings that name one, and readers of the how-to."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster.kubectl import Document, Kubectl
from support.kubernetes import argocd, kstatus
from support.rewardservice.reward_service_story import NAME, reason_is, seen, start
from support.rewardservice.reward_services import IMAGE, reward_service
from support.training.cluster_trainings import cluster_training, condition

from atlas_api.manifest.yaml_document import read_documents
from atlas_operator.cluster.labels import REWARDS

pytestmark = pytest.mark.cluster


def test_code_is_refused_at_once_by_an_operator_that_does_not_allow_it(watched: Kubectl) -> None:
    verifiers = [{"name": "tests", "code": {}}]
    watched.create(reward_service(NAME, verifiers=verifiers))
    watched.create(cluster_training("refunds", reward={"verifiers": verifiers}))
    service = seen(watched, reason_is("CodeNotAllowed"), "the refusal")
    assert "started without --allow-code" in condition(service, "Stalled")["message"]
    watched.run("wait", "atl/refunds", "--for=jsonpath={.status.phase}=Invalid", "--timeout=300s")
    assert condition(watched.get("atl", "refunds"), "Accepted")["reason"] == "CodeNotAllowed"
    assert (watched.items("pytorchjobs"), watched.items("deployments", REWARDS)) == ([], [])


def test_a_training_waits_for_the_service_that_it_names_and_records_its_revision(watched: Kubectl) -> None:
    watched.create(cluster_training("refunds", reward={"serviceRef": {"name": NAME}}))

    def training(holds: Callable[[Document], bool], what: str) -> Document:
        found = watched.wait_for("atl", "refunds", lambda one: one is not None and holds(one), what)
        assert found is not None
        return found

    waiting = training(lambda one: condition(one, "Running").get("reason") == "Waiting", "the wait")
    assert "RewardService judges, which does not exist" in condition(waiting, "Running")["message"]
    assert watched.items("pytorchjobs") == []
    revision = start(watched)["status"]["revision"]
    # A training that waits looks every 30 seconds by itself: here the service wakes it.
    watched.run("wait", "atl/refunds", f"--for=jsonpath={{.status.run.rewardRevision}}={revision}", "--timeout=15s")
    found = training(lambda one: one["status"].get("phase") == "Running", "the run")
    assert found["status"]["run"]["rewardRevision"] == revision


def test_a_training_whose_patience_ends_fails_and_names_the_service(watched: Kubectl) -> None:
    judged = {"serviceRef": {"name": NAME}, "waitSeconds": 2}
    watched.create(cluster_training("refunds", reward=judged))
    watched.run("wait", "atl/refunds", "--for=jsonpath={.status.phase}=Failed", "--timeout=300s")
    found = watched.get("atl", "refunds")
    said = "not Ready within reward.waitSeconds (2 s): RewardService judges, which does not exist in this namespace"
    assert (condition(found, "Ready")["reason"], found["status"]["run"]["number"]) == ("RewardServiceTimeout", 1)
    assert found["status"]["message"].startswith(said)
    assert watched.items("pytorchjobs") == []
    assert kstatus.verdict(found).status == "Failed"
    assert argocd.health(found).status == "Degraded"


def test_every_command_of_the_page_on_rewards_ends_well(watched: Kubectl, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "rewards.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (reference,) = re.findall(r"`(apiKeyFrom: \{secretKeyRef: .*?\})`", page)
    (document,) = read_documents(block)
    for model in document["spec"]["models"].values():
        model.update(read_documents(reference)[0])
    del document["spec"]["cache"]
    (tmp_path / "rewardservice.yaml").write_text(json.dumps(document | {"spec": document["spec"] | {"image": IMAGE}}))
    commands = [shlex.split(line) for line in re.findall(r"^\$ kubectl (.*)", page, re.MULTILINE)]
    assert len(commands) == 5
    said = ""
    for command in commands:
        words = [str(tmp_path / word) if word.endswith(".yaml") else word for word in command]
        said = watched.run(*(re.sub(r"^--timeout=.*", "--timeout=300s", word) for word in words))
    assert [judge["name"] for judge in json.loads(said)] == ["accuracy", "helpfulness", "politeness"]

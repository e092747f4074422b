"""Every state of a training's life as GitOps tools find it, made by the real `plan`. Keywords go into the spec."""

from collections.abc import Callable
from typing import Any

from support.kubernetes.kube_objects import after, make_condition, waiting
from support.training.cluster_trainings import report
from support.training.scenario import Scenario

from atlas_operator.status.preconditions import FailedPrecondition

State = Callable[..., Scenario]


def just_applied(**spec: Any) -> Scenario:
    """The operator has not looked yet."""
    return Scenario(**spec)


def accepted(**spec: Any) -> Scenario:
    """The first attempt's job was made; nothing has looked at it, and mistakes may still show."""
    return Scenario(**spec).look_until_quiet()


def invalid(**spec: Any) -> Scenario:
    """The spec was stored before a rule of the CRD refused it."""
    return Scenario(grpo={"groupSize": -1}, **spec).look_until_quiet()


def local_checkpoints(**spec: Any) -> Scenario:
    """Valid on a laptop only."""
    return Scenario(checkpoints={"local": {"path": "/tmp/x"}}, **spec).look_until_quiet()


def image_missing(**spec: Any) -> Scenario:
    """Neither the training nor the operator names an image."""
    return Scenario(**spec).where(default_image=None).look_until_quiet()


def backend_missing(**spec: Any) -> Scenario:
    """The training-operator is not installed."""
    return Scenario(**spec).where(backend_served=False).look_until_quiet()


def child_refused(**spec: Any) -> Scenario:
    """The API server did not take what the run needs."""
    refused = FailedPrecondition("Refused", "the API server refuses a child of the run: quota", final=False)
    return Scenario(**spec).look(apply_error=refused)


def secret_missing(**spec: Any) -> Scenario:
    """The kubelet cannot make the container."""
    missing = waiting("CreateContainerConfigError", 'secret "atlas-db" not found')
    return accepted(**spec).pod_is(containers=[missing]).look_until_quiet()


def queued(**spec: Any) -> Scenario:
    """Kueue holds the job."""
    return accepted(**spec).kueue(suspend=True).look_until_quiet()


def unschedulable(**spec: Any) -> Scenario:
    """No node has room."""
    unplaced = make_condition("PodScheduled", "False", reason="Unschedulable", message="0/1 nodes: Insufficient cpu.")
    return accepted(**spec).pod_is(unplaced, node=None).at(15).look_until_quiet()


def pulling(**spec: Any) -> Scenario:
    """The image is on its way."""
    return accepted(**spec).pod_is(containers=[waiting("ContainerCreating")]).at(15).look_until_quiet()


def image_not_there(**spec: Any) -> Scenario:
    """The registry has no such image, which is found out when the training was Ready already."""
    return pulling(**spec).pod_is(containers=[waiting("ErrImagePull", "not found")]).look_until_quiet()


def running(**spec: Any) -> Scenario:
    """The trainer has not reported yet."""
    return accepted(**spec).running().look_until_quiet()


def progressing(**spec: Any) -> Scenario:
    """The trainer reports steps."""
    return running(**spec).reports(**report(1, 1)).look_until_quiet()


def stopping(**spec: Any) -> Scenario:
    """The training was told to rest; its pod saves a checkpoint."""
    return running(**spec).edit(suspend=True).look()


def node_lost(**spec: Any) -> Scenario:
    """The attempt has failed, and nobody hears from the node of its pod."""
    lost = running(**spec).pod_is(phase="Running", deleted_at=0).at(600)
    return lost.job_is(make_condition("Failed", at=600)).look_until_quiet()


def suspended(**spec: Any) -> Scenario:
    """The pods of a suspended training are gone."""
    return stopping(**spec).pods_end().look_until_quiet()


def never_started(**spec: Any) -> Scenario:
    """The training was applied at rest."""
    return Scenario(suspend=True, **spec).look_until_quiet()


def resumed(**spec: Any) -> Scenario:
    """The next attempt has a job after a rest."""
    return suspended(**spec).edit(suspend=False).look_until_quiet()


def waiting_for_judges(**spec: Any) -> Scenario:
    """The RewardService that it names is not Ready."""
    return Scenario(reward={"serviceRef": {"name": "judges"}}, **spec).look_until_quiet()


def judges_never_ready(**spec: Any) -> Scenario:
    """The RewardService was waited for as long as the spec allows."""
    waits = Scenario(reward={"serviceRef": {"name": "judges"}, "waitSeconds": 60}, **spec).look_until_quiet()
    return waits.at(61).look_until_quiet()


def preempted(**spec: Any) -> Scenario:
    """The pod made room for a more important one; the next attempt waits."""
    return running(**spec).ends(evicted="PreemptionByScheduler").look_until_quiet()


def retried(**spec: Any) -> Scenario:
    """The next attempt has a job."""
    return preempted(**spec).at(600).look_until_quiet()


def succeeded(**spec: Any) -> Scenario:
    """A model is there."""
    return running(**spec).trained().look_until_quiet()


def failed(**spec: Any) -> Scenario:
    """The code is at fault, which is not tried again."""
    return running(**spec).ends(1).look_until_quiet()


def failed_and_suspended(**spec: Any) -> Scenario:
    """Somebody puts a failed training to rest."""
    return failed(**spec).edit(suspend=True).look_until_quiet()


def failed_without_backend(**spec: Any) -> Scenario:
    """Nothing will run again, with or without the training-operator."""
    return failed(**spec).where(backend_served=False).look_until_quiet()


def succeeded_without_backend(**spec: Any) -> Scenario:
    """The model stays, and nothing more is wanted."""
    return succeeded(**spec).where(backend_served=False).look_until_quiet()


def suspended_without_backend(**spec: Any) -> Scenario:
    """The training rests, and needs nothing."""
    return suspended(**spec).where(backend_served=False).look_until_quiet()


def edited(**spec: Any) -> Scenario:
    """The operator has not seen the new recipe."""
    return succeeded(**spec).edit(optimization={"maxSteps": 500, "batchSize": 8})


def replacing(**spec: Any) -> Scenario:
    """The live run is stopped for a new recipe."""
    return running(**spec).edit(optimization={"maxSteps": 500, "batchSize": 8}).look()


def second_run(**spec: Any) -> Scenario:
    """A run of the new recipe has begun; the first run's model is there."""
    return edited(**spec).look_until_quiet()


def second_run_waits_for_backend(**spec: Any) -> Scenario:
    """A new recipe, and nothing to run it with."""
    return edited(**spec).where(backend_served=False).look_until_quiet()


def second_run_failed(**spec: Any) -> Scenario:
    """The first run's model is still there."""
    return second_run(**spec).running(at=70).ends(1).look_until_quiet()


def retrying_and_made_invalid(**spec: Any) -> Scenario:
    """While the next attempt waits, somebody makes a mistake in the spec."""
    return preempted(**spec).edit(grpo={"groupSize": -1}).look()


def stopping_and_made_invalid(**spec: Any) -> Scenario:
    """While the attempt ends, somebody makes a mistake in the spec."""
    return stopping(**spec).edit(grpo={"groupSize": -1}).look()


def deleting(**spec: Any) -> Scenario:
    """The training was asked to go away; its children are being collected."""
    trains = running(**spec)
    metadata = {**trains.training["metadata"], "deletionTimestamp": after(300)}
    return trains.put({**trains.training, "metadata": metadata}).look_until_quiet()

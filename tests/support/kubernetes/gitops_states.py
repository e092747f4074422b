"""Every state of a training's life as GitOps tools find it, made by the real `plan`. Keywords go into the spec."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from support.kubernetes.kube_objects import make_condition, make_pod, waiting
from support.training.cluster_trainings import report
from support.training.training_life import Life

from atlas_operator.status.preconditions import FailedPrecondition

State = Callable[..., Life]


def just_applied(**spec: Any) -> Life:
    """The operator has not looked yet."""
    return Life(**spec)


def accepted(**spec: Any) -> Life:
    """The first attempt's job was made; nothing has looked at it."""
    return Life(**spec).settle()


def invalid(**spec: Any) -> Life:
    """Stored before a rule of the CRD refused it."""
    return Life(grpo={"groupSize": -1}, **spec).settle()


def local_checkpoints(**spec: Any) -> Life:
    """Valid on a laptop only."""
    return Life(checkpoints={"local": {"path": "/tmp/x"}}, **spec).settle()


def image_missing(**spec: Any) -> Life:
    """Neither the training nor the operator names an image."""
    life = Life(compute={}, **spec)
    life.image = None
    return life.settle()


def backend_missing(**spec: Any) -> Life:
    """The training-operator is not installed."""
    life = Life(**spec)
    life.backend_served = False
    return life.settle()


def child_refused(**spec: Any) -> Life:
    """The API server did not take what the run needs."""
    life = Life(**spec)
    life.look(FailedPrecondition("Refused", "the API server refuses a child of the run: quota", final=False))
    return life


def secret_missing(**spec: Any) -> Life:
    """The kubelet cannot make the container."""
    life = accepted(**spec).job_is("Created")
    cause = waiting("CreateContainerConfigError", 'secret "atlas-db" not found')
    return life.pod_is(make_pod(node="node-1", containers=[cause])).settle()


def queued(**spec: Any) -> Life:
    """Kueue holds the job."""
    return accepted(**spec).job_is("Created", "Suspended", suspend=True).settle()


def unschedulable(**spec: Any) -> Life:
    """No node has room."""
    unplaced = make_condition("PodScheduled", "False", reason="Unschedulable", message="0/1 nodes: Insufficient cpu.")
    return accepted(**spec).job_is("Created").pod_is(make_pod(unplaced)).settle()


def pulling(**spec: Any) -> Life:
    """The image is on its way."""
    life = accepted(**spec).job_is("Created")
    return life.pod_is(make_pod(node="node-1", containers=[waiting("ContainerCreating")])).settle()


def running(**spec: Any) -> Life:
    """The trainer has not reported yet."""
    return accepted(**spec).trains()


def progressing(**spec: Any) -> Life:
    """The trainer reports steps."""
    return running(**spec).says(report(1, 1)).settle()


def stopping(**spec: Any) -> Life:
    """Told to rest; its pod saves a checkpoint."""
    life = running(**spec).edit(suspend=True)
    life.look()
    return life


def node_lost(**spec: Any) -> Life:
    """The attempt has failed, and nobody hears from the node of its pod."""
    life = running(**spec).pod_is(make_pod(phase="Running", node="node-1", deleted_at=0))
    life.now += timedelta(minutes=10)
    return life.job_is("Created", "Failed").settle()


def suspended(**spec: Any) -> Life:
    """Its pods are gone."""
    return stopping(**spec).settle()


def never_started(**spec: Any) -> Life:
    """Applied at rest."""
    return Life(suspend=True, **spec).settle()


def resumed(**spec: Any) -> Life:
    """Its next attempt has a job."""
    return suspended(**spec).edit(suspend=False).settle()


def waiting_for_judges(**spec: Any) -> Life:
    """The RewardService that it names is not Ready."""
    return Life(reward={"serviceRef": {"name": "judges"}}, **spec).settle()


def judges_never_ready(**spec: Any) -> Life:
    """The RewardService was waited for as long as the spec allows."""
    life = Life(reward={"serviceRef": {"name": "judges"}, "waitSeconds": 60}, **spec).settle()
    life.now += timedelta(seconds=61)
    return life.settle()


def preempted(**spec: Any) -> Life:
    """Its pod made room for a more important one; the next attempt waits."""
    made_room = make_condition("DisruptionTarget", reason="PreemptionByScheduler", message="preempted")
    return running(**spec).ends(137, conditions=(made_room,))


def retried(**spec: Any) -> Life:
    """The next attempt has a job."""
    life = preempted(**spec)
    life.now += timedelta(minutes=10)
    life.pods = []
    return life.settle()


def succeeded(**spec: Any) -> Life:
    """A model is there."""
    return running(**spec).ends(0)


def failed(**spec: Any) -> Life:
    """The code is at fault, which is not tried again."""
    return running(**spec).ends(1)


def failed_and_suspended(**spec: Any) -> Life:
    """Somebody puts a failed training to rest."""
    return failed(**spec).edit(suspend=True).settle()


def failed_without_backend(**spec: Any) -> Life:
    """Nothing will run again, with or without the training-operator."""
    life = failed(**spec)
    life.backend_served = False
    return life.settle()


def succeeded_without_backend(**spec: Any) -> Life:
    """The model stays, and nothing more is wanted."""
    life = succeeded(**spec)
    life.backend_served = False
    return life.settle()


def suspended_without_backend(**spec: Any) -> Life:
    """It rests, and needs nothing."""
    life = suspended(**spec)
    life.backend_served = False
    return life.settle()


def edited(**spec: Any) -> Life:
    """The operator has not seen the new recipe."""
    return succeeded(**spec).edit(optimization={"maxSteps": 500, "batchSize": 8})


def replacing(**spec: Any) -> Life:
    """The live run is stopped for a new recipe."""
    life = running(**spec).edit(optimization={"maxSteps": 500, "batchSize": 8})
    life.look()
    return life


def second_run(**spec: Any) -> Life:
    """A run of the new recipe has begun; the first run's model is there."""
    return edited(**spec).settle()


def second_run_waits_for_backend(**spec: Any) -> Life:
    """A new recipe, and nothing to run it with."""
    life = edited(**spec)
    life.backend_served = False
    return life.settle()


def second_run_failed(**spec: Any) -> Life:
    """The first run's model is still there."""
    return second_run(**spec).trains().ends(1)


def retrying_and_made_invalid(**spec: Any) -> Life:
    """While the next attempt waits, somebody makes a mistake in the spec."""
    life = preempted(**spec).edit(grpo={"groupSize": -1})
    life.look()
    return life


def stopping_and_made_invalid(**spec: Any) -> Life:
    """While the attempt ends, somebody makes a mistake in the spec."""
    life = stopping(**spec).edit(grpo={"groupSize": -1})
    life.pod_is(make_pod(phase="Running", node="node-1", deleted_at=0))
    life.look()
    return life


def deleting(**spec: Any) -> Life:
    """Asked to go away; its children are being collected."""
    life = running(**spec)
    life.training["metadata"]["deletionTimestamp"] = "2026-11-23T09:05:00Z"
    return life.settle()

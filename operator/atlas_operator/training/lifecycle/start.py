"""Start of a run and of each of its attempts: the cause, what stands in the way, the children."""

from datetime import timedelta

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import AtlasTrainingStatus, RunStatus, Trigger
from atlas_operator.backends import BACKEND
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import name_of
from atlas_operator.cluster.labels import TRAINING
from atlas_operator.cluster.ownership import is_of_namesake
from atlas_operator.objects.names import job_name
from atlas_operator.objects.run import recipe_children, run_file
from atlas_operator.rewardservice.served import Served, needed_service
from atlas_operator.status.plan_types import RECHECK_AFTER
from atlas_operator.status.preconditions import operator_is_older
from atlas_operator.training.attempt import Attempt, attempt_of, next_attempt_number, others_at_work
from atlas_operator.training.context import PlanContext
from atlas_operator.training.deadlines import service_seconds
from atlas_operator.training.history import with_previous
from atlas_operator.training.lifecycle.finish import close_attempt, finish_run
from atlas_operator.training.recovery import attempt_spec, next_run_number, run_files
from atlas_operator.training.triggers import next_due

_STRANGE = f"carries the label {TRAINING} and belongs to something else; delete it, or take the label away"


def start_run_if_due(context: PlanContext) -> None:
    """Start the next run when there is a cause for one and nothing stands in the way."""
    if context.spec is None or context.spec.suspend:
        return
    due = next_due(context.circumstances(context.spec))
    if due is None:
        return
    if due.at > context.now:
        context.requeue_at.append(due.at)
    elif context.failed_precondition:
        context.is_blocked = True
        _await_precondition(context)
    elif context.unknown_fields:
        context.waits_for_upgrade = operator_is_older(context.unknown_fields)
    else:
        _start_run(context, due.cause, context.spec)


def start_next_attempt(context: PlanContext) -> None:
    """Go on with another attempt of the live run."""
    fresh = {"job": None, "job_uid": None, "running_at": None, "retry_at": None, "paused": False}
    context.set(
        attempt=next_attempt_number(context.observed, context.run), attempt_at=context.now, placement_hash=None, **fresh
    )
    context.attempt = attempt_of(context.observed, context.run)
    start_attempt(context)


def start_attempt(context: PlanContext) -> None:
    """Create what the attempt needs, once nothing of another one is at work."""
    other = next(others_at_work(context.observed, context.attempt), None)
    if other:
        context.wait(_end_of(context, other))
    elif context.spec is None or context.failed_precondition:
        _await_precondition(context)
    elif (spec := attempt_spec(context.observed, context.spec, context.run)) is None:
        close_attempt(context)
        finish_run(
            context, "Failed", "RunFileMissing", "the ConfigMap with run.json is gone, and the recipe has changed"
        )
    elif isinstance(service := needed_service(spec, context.observed.reward_services), str):
        _await_reward_service(context, service, spec, service_seconds(context.spec.reward, spec.reward))
    else:
        _create_children(context, spec, service)


def _start_run(context: PlanContext, cause: Trigger, spec: AtlasTrainingSpec) -> None:
    number = next_run_number(context.observed, context.newest)
    context.status = AtlasTrainingStatus(
        model=context.status.model,
        history=with_previous(context.status, context.newest, spec.history_limit),
        last_handled_retrain_at=context.retrain_at or context.status.last_handled_retrain_at,
    )
    context.newest = RunStatus(
        number=number, attempt=1, spec_hash=spec.hash(), trigger=cause, started_at=context.now, attempt_at=context.now
    )
    context.attempt = Attempt()
    context.event("Normal", "RunStarted", f"run {number} starts ({cause})")
    for job in context.observed.strangers:
        if not is_of_namesake(job, context.training):
            context.event("Warning", "NotOurs", f"{job['kind']} {name_of(job)} {_STRANGE}")
    start_attempt(context)


def _end_of(context: PlanContext, other: Document) -> str:
    name = name_of(other)
    if other not in context.observed.strangers or is_of_namesake(other, context.training):
        return f"{name}, of an earlier attempt, to end"
    return f"{other['kind']} {name} to end, which {_STRANGE}"


def _await_precondition(context: PlanContext) -> None:
    """Wait for the cure. An edit of the spec wakes the operator; nobody tells it of other changes."""
    if context.failed_precondition and not context.failed_precondition.final:
        context.requeue_at.append(context.now + RECHECK_AFTER)


def _await_reward_service(context: PlanContext, service: str, spec: AtlasTrainingSpec, seconds: int | None) -> None:
    """Wait for the service. That may take long: what the run trains is kept meanwhile, whatever happens to the spec."""
    since = context.run.waiting_since or context.now
    due = since + timedelta(seconds=seconds) if seconds is not None else None
    if due is not None and due <= context.now:
        _give_up_waiting(context, f"not Ready within reward.waitSeconds ({seconds} s): {service}", spec)
        return
    context.set(waiting_since=since)
    file = run_file(context.training, spec, context.run)
    if name_of(file) not in map(name_of, run_files(context.observed, context.run.number)):
        context.create.append(file)
        _drop_outdated(context, file)
    context.wait(service)
    context.requeue_at += [due] if due is not None else []


def _give_up_waiting(context: PlanContext, message: str, spec: AtlasTrainingSpec) -> None:
    """Fail the run. Its placement is noted although nothing was placed: another one is a cause for another run."""
    close_attempt(context)
    context.set(placement_hash=spec.placement_hash())
    finish_run(context, "Failed", "RewardServiceTimeout", message)


def _create_children(context: PlanContext, spec: AtlasTrainingSpec, service: Served | None) -> None:
    name = job_name(context.metadata["name"], context.run.number, context.run.attempt)
    revision = service.revision if service else None
    if context.run.waiting_since:  # the queue's deadline counts from here
        context.set(waiting_since=None, attempt_at=context.now)
    context.set(job=name, placement_hash=spec.placement_hash(), reward_revision=revision)
    image = spec.compute.image or context.default_image or ""
    children = recipe_children(context.training, spec, context.run)
    context.create += children
    _drop_outdated(context, children[0])
    known = context.status
    job = BACKEND.build_job(context.training, spec, image, context.run, context.allow_code, known=known)
    context.create.append(job)


def _drop_outdated(context: PlanContext, file: Document) -> None:
    """Delete what pods of earlier attempts were told, now that the run has the run.json in *file*."""
    files = run_files(context.observed, context.run.number)
    context.delete += [each for each in files if name_of(each) != name_of(file)]

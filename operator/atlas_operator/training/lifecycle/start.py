"""How a run and an attempt begin: the cause, what stands in the way, the children. Called by `plan` and `live_run`."""

from datetime import timedelta

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import AtlasTrainingStatus, RunStatus, Trigger
from atlas_operator.objects.labels import job_name, run_name
from atlas_operator.objects.run import attempt_children, recipe_children
from atlas_operator.rewardservice.served import Served, needed_service
from atlas_operator.status.plan_types import HINDRANCE_PATIENCE
from atlas_operator.training.attempt import Attempt, attempt_of, config_map, next_attempt, others_at_work
from atlas_operator.training.context import Look
from atlas_operator.training.deadlines import service_seconds
from atlas_operator.training.history import with_previous
from atlas_operator.training.lifecycle.finish import attempt_over, finish
from atlas_operator.training.recovery import attempt_spec, next_run, outdated_run_file
from atlas_operator.training.triggers import next_trigger


def begin_if_due(look: Look) -> None:
    """Begin the next run when there is a cause for one and nothing stands in the way."""
    if look.spec is None or look.spec.suspend:
        return
    trigger = next_trigger(look.spec, look.newest, look.retrain_at, look.status.last_handled_retrain_at)
    if trigger and look.refusal:
        look.due = True
        _hold(look)
    elif trigger:
        _begin(look, trigger, look.spec)


def begin_next_attempt(look: Look) -> None:
    """The live run goes on with another attempt."""
    fresh = {"job": None, "job_uid": None, "running_at": None, "retry_at": None, "paused": False}
    look.set(attempt=next_attempt(look.observed, look.run), attempt_at=look.now, placement_hash=None, **fresh)
    look.attempt = attempt_of(look.observed, look.run)
    make_attempt(look)


def make_attempt(look: Look) -> None:
    """Create what the attempt needs, once nothing of another one is at work."""
    other = next(others_at_work(look.observed, look.run), None)
    if other:
        look.wait(f"{other['metadata']['name']}, of an earlier attempt, to end")
    elif look.spec is None or look.refusal:
        _hold(look)
    elif (spec := attempt_spec(look.observed, look.spec, look.run)) is None:
        attempt_over(look)
        finish(look, "Failed", "RunFileMissing", "the ConfigMap with run.json is gone, and the recipe has changed")
    elif outdated := outdated_run_file(look.observed, look.run.number, spec):
        look.delete.append(outdated)
        look.wait("run.json to be made anew")
    elif isinstance(service := needed_service(spec, look.observed.reward_services), str):
        _await_service(look, service, spec, service_seconds(look.spec.reward, spec.reward))
    else:
        _create_attempt(look, spec, service)


def _begin(look: Look, trigger: Trigger, spec: AtlasTrainingSpec) -> None:
    number = next_run(look.observed, look.newest)
    look.status = AtlasTrainingStatus(
        model=look.status.model,
        history=with_previous(look.status, look.newest, spec.history_limit),
        last_handled_retrain_at=look.retrain_at or look.status.last_handled_retrain_at,
    )
    look.newest = RunStatus(
        number=number, attempt=1, spec_hash=spec.hash(), trigger=trigger, started_at=look.now, attempt_at=look.now
    )
    look.attempt = Attempt()
    look.note("Normal", "RunStarted", f"run {number} starts ({trigger})")
    make_attempt(look)


def _hold(look: Look) -> None:
    """Something stands in the way. An edit of the spec wakes the operator; nobody tells it of other changes."""
    if look.refusal and not look.refusal.final:
        look.looks.append(look.now + HINDRANCE_PATIENCE)


def _await_service(look: Look, service: str, spec: AtlasTrainingSpec, seconds: int | None) -> None:
    """The wait may be long: what the run trains is kept meanwhile, whatever happens to the spec."""
    since = look.run.waiting_since or look.now
    due = since + timedelta(seconds=seconds) if seconds is not None else None
    if due is not None and due <= look.now:
        _give_up(look, f"not Ready within reward.waitSeconds ({seconds} s): {service}", spec)
        return
    look.set(waiting_since=since)
    if config_map(look.observed, run_name(look.metadata["name"], look.run.number)) is None:
        look.create += recipe_children(look.training, spec, look.run)
    look.wait(service)
    look.looks += [due] if due is not None else []


def _give_up(look: Look, message: str, spec: AtlasTrainingSpec) -> None:
    """The placement is noted although nothing was placed: another one is a cause for another run."""
    attempt_over(look)
    look.set(placement_hash=spec.placement_hash())
    finish(look, "Failed", "RewardServiceTimeout", message)


def _create_attempt(look: Look, spec: AtlasTrainingSpec, service: Served | None) -> None:
    name = job_name(look.metadata["name"], look.run.number, look.run.attempt)
    revision = service.revision if service else None
    if look.run.waiting_since:  # the queue's deadline counts from here
        look.set(waiting_since=None, attempt_at=look.now)
    look.set(job=name, placement_hash=spec.placement_hash(), reward_revision=revision)
    image = spec.compute.image or look.default_image or ""
    look.create += attempt_children(look.training, spec, image, look.run, look.allow_code)

"""What the user of the simulated world does, by name."""

from typing import Any

from support.training.plans import spec_document, training_document
from support.training.world_operator import Ledger
from support.training.world_story import Action, Story, picked

from atlas_operator.cluster.document import Document


def apply(story: Story, pick: int) -> None:
    """Create the training, where there is none."""
    if story.world.training is None:
        story.trainings += 1
        limits = {"queueSeconds": 600, "startSeconds": 300, "runSeconds": 3000, "stallSeconds": 900}
        name = f"uid-of-demo-{story.trainings}"
        story.world.training = training_document(uid=name, limits=limits)
        story.operator.ledger = Ledger()
        story.world.changed = True
        if pick % 4 == 3:
            story.world.training["spec"]["suspend"] = True


def delete(story: Story, pick: int) -> None:
    """Delete the training."""
    if pick == 0 and story.world.training is not None:
        story.world.training = None
        story.operator.ledger = Ledger()
        story.world.changed = True


def edited(**spec: Any) -> Action:
    """An edit that sets parts of the spec."""

    def action(story: Story, _: int) -> None:
        training = story.world.training
        if training and any(training["spec"].get(key) != value for key, value in spec.items()):
            training["spec"] = {**training["spec"], **spec}
            training["metadata"]["generation"] += 1
            story.operator.ledger.edits += 1
            story.world.changed = True

    return action


def edit_recipe(story: Story, pick: int) -> None:
    """Another number of steps."""
    edited(optimization={"maxSteps": 4 + pick % 3, "batchSize": 8})(story, pick)


def edit_compute(story: Story, pick: int) -> None:
    """Another image, another number of workers."""
    edited(compute={"image": f"example.test/trainer:{pick % 2}", "workers": 1 + pick % 2})(story, pick)


def edit_address(story: Story, pick: int) -> None:
    """Another place for checkpoints."""
    address = {"s3": {"uri": f"s3://models/{pick % 2}"}}
    edited(checkpoints=address)(story, pick)


def edit_limits(story: Story, pick: int) -> None:
    """Other deadlines and budgets."""
    deadlines = {"queueSeconds": 300, "startSeconds": 200, "runSeconds": 1000, "stallSeconds": 400}
    retries = {"infrastructure": pick % 3, "user": pick % 2, "preempted": pick % 2 + 1, "data": pick % 2}
    chosen: Document = dict(list(deadlines.items())[: pick % 5])
    edited(limits={**chosen, "retries": retries})(story, pick)


def edit_reward(story: Story, pick: int) -> None:
    """Judges, with patience or without end; or verifiers alone."""
    judged: Document = {"serviceRef": {"name": "judges"}, **({"waitSeconds": 60 * pick} if pick % 4 else {})}
    edited(reward=judged if pick % 3 else spec_document()["reward"])(story, pick)


def edit_policy(story: Story, pick: int) -> None:
    """Another reaction to edits."""
    edited(retrain={"onSpecChange": ("Replace", "Wait", "Never")[pick % 3]})(story, pick)


def edit_history(story: Story, pick: int) -> None:
    """Another length of the history."""
    edited(historyLimit=(0, 1, 50)[pick % 3])(story, pick)


def edit_ready_when(story: Story, pick: int) -> None:
    """Another meaning of Ready."""
    edited(readyWhen=("Accepted", "Running", "Succeeded")[pick % 3])(story, pick)


def spoil(story: Story, pick: int) -> None:
    """A spec that cannot be started: odd, or with checkpoints on a laptop."""
    if pick == 7:
        edited(grpo={"groupSize": 0})(story, pick)
    else:
        edited(checkpoints={"local": {"path": "/tmp/runs"}})(story, pick)


def repair(story: Story, pick: int) -> None:
    """The spec as it was applied."""
    edited(**{key: value for key, value in spec_document().items() if key in ("grpo", "checkpoints")})(story, pick)


def retrain(story: Story, pick: int) -> None:
    """Ask for another run."""
    if story.world.training:
        value = f"2026-11-{pick % 8 + 10}" * (40 if pick == 7 else 1)
        annotations = story.world.training["metadata"].setdefault("annotations", {})
        if annotations.get("atlas.arc.computer/retrain-at") != value:
            annotations["atlas.arc.computer/retrain-at"] = value
            story.operator.ledger.edits += 1
            story.world.changed = True


def suspend(story: Story, pick: int) -> None:
    """Stop after a checkpoint."""
    edited(suspend=True)(story, pick)


def resume(story: Story, pick: int) -> None:
    """Go on."""
    edited(suspend=False)(story, pick)


def remove(story: Story, pick: int) -> None:
    """Delete a job, a pod or a ConfigMap."""
    shelf = (story.world.jobs, story.world.pods, story.world.config_maps)[pick % 3]
    if found := picked(list(shelf.values()), pick):
        story.world.remove(found)


USER: dict[str, Action] = {
    "apply": apply,
    "delete": delete,
    "edit recipe": edit_recipe,
    "edit compute": edit_compute,
    "edit address": edit_address,
    "edit limits": edit_limits,
    "edit reward": edit_reward,
    "edit policy": edit_policy,
    "edit history": edit_history,
    "edit readyWhen": edit_ready_when,
    "spoil": spoil,
    "repair": repair,
    "retrain": retrain,
    "suspend": suspend,
    "resume": resume,
    "remove": remove,
}

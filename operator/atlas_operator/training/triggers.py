"""Why a new run should start, and why a live one should go. Pure; called by `plan`."""

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import RunStatus, StopReason, Trigger


def next_trigger(
    spec: AtlasTrainingSpec, last: RunStatus | None, retrain_at: str | None, handled: str | None
) -> Trigger | None:
    """
    The cause of the next run, None when there is none.

    *last* is the newest run, which has ended; *retrain_at* the annotation's value, *handled* the one answered last.
    A run that failed is also followed by another when the pods or the limits change: that may be the cure.
    """
    if last is None:
        return "Created"
    if retrain_at and retrain_at != handled:
        return "RetrainAt"
    if last.outcome == "Replaced":
        return "SpecChange"
    if spec.retrain.on_spec_change == "Never":
        return None
    if spec.hash() != last.spec_hash:
        return "SpecChange"
    cured = (spec.placement_hash(), spec.limits_hash()) != (last.placement_hash, last.limits_hash)
    return "SpecChange" if last.outcome == "Failed" and cured else None


def follower(spec: AtlasTrainingSpec, live: RunStatus, retrain_at: str | None, handled: str | None) -> Trigger | None:
    """The cause of another run that waits for the end of *live*, None when there is none."""
    return next_trigger(spec, live.model_copy(update={"outcome": "Succeeded"}), retrain_at, handled)


def unwanted(spec: AtlasTrainingSpec, run: RunStatus) -> tuple[StopReason, str] | None:
    """Why the spec no longer wants the newest attempt of *run*, in a word and a sentence. None when it does."""
    if spec.suspend:
        return "Suspended", "spec.suspend is true"
    if spec.retrain.on_spec_change != "Replace":
        return None
    if spec.hash() != run.spec_hash:
        return "Replaced", "the recipe changed"
    if run.placement_hash not in (None, spec.placement_hash()):
        return "Moved", "spec.compute or an address changed"
    return None

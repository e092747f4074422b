"""Reasons of the spec to stop a live attempt. Pure; deadlines are others."""

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import RunStatus, StopReason


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

"""Trigger: the spec wants another model than the one that the last run was to make, or may cure its failure."""

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import RunStatus
from atlas_operator.training.triggers.base import Circumstances, Due


def spec_change(circumstances: Circumstances) -> Due | None:
    """A run of the newest spec, at once, where the last run is not what it asks for."""
    last = circumstances.last
    changed = last is not None and _is_outdated(last, circumstances.spec)
    return Due("SpecChange", circumstances.now) if changed else None


def _is_outdated(last: RunStatus, spec: AtlasTrainingSpec) -> bool:
    """A run that failed is also followed by another when the pods or the limits change: that may be the cure."""
    if last.outcome == "Replaced":
        return True
    if spec.retrain.on_spec_change == "Never":
        return False
    cured = (spec.placement_hash(), spec.limits_hash()) != (last.placement_hash, last.limits_hash)
    return spec.hash() != last.spec_hash or (last.outcome == "Failed" and cured)

"""When a new run starts."""

from typing import Literal

from atlas_api.base import ApiModel

RETRAIN_AT = "atlas.arc.computer/retrain-at"
"""Annotation: a new value starts a new run. `status.lastHandledRetrainAt` echoes it."""


class Retrain(ApiModel):
    """When a new run starts. The annotation `atlas.arc.computer/retrain-at` always starts one."""

    on_spec_change: Literal["Replace", "Wait", "Never"] = "Replace"
    """How a changed recipe starts a new run: after stopping the live one with a checkpoint (`Replace`), after the live
    one has ended (`Wait`), or not at all (`Never`)."""

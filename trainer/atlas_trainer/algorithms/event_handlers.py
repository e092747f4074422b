"""Handlers of the events of training, called in the main process alone while the others wait."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class EventHandlers:
    """Handlers for a step, an evaluation or a checkpoint that is due or done."""

    evaluate: Callable[["PreTrainedModel", int], None]
    """Evaluate the model at this step."""

    step_done: Callable[[int, dict[str, Any], tuple[str, ...]], None]
    """Take in the numbers of this step, and the revisions of the judges that scored it."""

    checkpoint_saved: Callable[[Path, int], None]
    """Publish the checkpoint of this step that TRL wrote into this folder."""

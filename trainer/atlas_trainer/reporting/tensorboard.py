"""
The numbers of a run as TensorBoard files, without the TensorBoard server.

Scalars are grouped under `train/` and `eval/`. A resumed run writes a further file, which
tells TensorBoard to forget the steps that are done again.
"""

import math
import shlex
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_trainer.reporting.metrics_log import Kind
from atlas_trainer.storage.put_aside import put_aside

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter


def view_command(folder: str) -> str:
    """The command that shows the files in *folder*; where TensorBoard is not installed, with how to install it."""
    installed = find_spec("tensorboard") is not None
    return f"tensorboard --logdir {shlex.quote(folder)}" + ("" if installed else "  # first: pip install tensorboard")


class TensorBoard:
    """Event files in one folder. Nothing is written before the first number."""

    def __init__(self, folder: Path, attempt: int) -> None:
        self.folder = folder
        self.attempt = attempt
        self._writer: SummaryWriter | None = None
        self._resumed_after = 0

    def resume(self, step: int) -> None:
        """Make readers forget what an earlier attempt wrote past *step*. To be called before the first number."""
        self._resumed_after = step

    def write(self, step: int, kind: Kind, numbers: Mapping[str, float | None]) -> None:
        """Add the finite numbers, flushed."""
        writer = self._opened()
        for name, number in numbers.items():
            if number is not None and math.isfinite(number):
                writer.add_scalar(f"{kind}/{name}", number, step)
        writer.flush()

    def files(self) -> list[Path]:
        """All event files, those of earlier attempts included."""
        return sorted(self.folder.glob("events.*"))

    def close(self) -> None:
        """End the writer's thread."""
        if self._writer is not None:
            self._writer.close()

    def _opened(self) -> "SummaryWriter":
        if self._writer is None:
            # The import takes seconds where torch is installed, so it waits until there is something to write.
            from tensorboardX import SummaryWriter

            if self.folder.is_symlink():  # others may write here too, and it would lead what we write elsewhere
                put_aside(self.folder)
            # The name holds seconds only: without the attempt, a quick restart would overwrite a file.
            name = f".attempt-{self.attempt}"
            self._writer = SummaryWriter(str(self.folder), purge_step=self._resumed_after + 1, filename_suffix=name)
        return self._writer

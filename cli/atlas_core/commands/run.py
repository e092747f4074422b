"""`atlas-core run`: the loop without a cluster. Decides which run is next, and executes it in this process."""

from datetime import UTC, datetime

from rich.console import Console

from atlas_api import AtlasTraining
from atlas_trainer.storage.runs import locked, newest_run, next_run, read_status, training_folder
from atlas_trainer.storage.store import open_store
from atlas_trainer.train import train


def run(training: AtlasTraining, fresh: bool, console: Console) -> None:
    """Start the next run of *training*, or continue the interrupted one. Raises `AtlasError`."""
    store = open_store(training.spec.checkpoints)
    with locked(training_folder(training.key, store)):
        status = read_status(store, training)
        upcoming = next_run(training, status, newest_run(store, training), fresh, datetime.now(UTC))
        if upcoming.attempt > 1:
            console.print(f"continuing run {upcoming.number} (attempt {upcoming.attempt}); --new starts another one")
        train(upcoming, console)

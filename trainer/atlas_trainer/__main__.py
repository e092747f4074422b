"""`python -m atlas_trainer run.json`: execute one attempt, as pods do. Exit codes are those of `atlas_api.errors`."""

import sys
from pathlib import Path

from rich.console import Console

from atlas_api import AtlasError, TrainingRun, parse_json


def main() -> int:
    """Train what the file says."""
    console = Console()
    try:
        run = parse_json(TrainingRun, Path(sys.argv[1]).read_bytes())
        from atlas_trainer.train import train

        train(run, console)
    except AtlasError as error:
        Console(stderr=True).print(f"{error.reason}: {error}", style="red", markup=False, highlight=False)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

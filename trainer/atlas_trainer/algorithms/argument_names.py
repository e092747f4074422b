"""`python -m atlas_trainer.algorithms.argument_names`: write down which arguments the installed TRL takes."""

import dataclasses
from importlib.resources import as_file, files
from pathlib import Path

from trl import GRPOConfig

from atlas_api.manifest import trainer_args


def argument_names() -> list[str]:
    """Names of the arguments of TRL's `GRPOConfig`, sorted."""
    return sorted(field.name for field in dataclasses.fields(GRPOConfig) if field.init)


def write(file: Path) -> None:
    """Write the names to *file*, one a line."""
    file.write_text("".join(f"{name}\n" for name in argument_names()), encoding="utf-8")


if __name__ == "__main__":
    with as_file(files(trainer_args.__package__).joinpath(trainer_args.NAMES_FILE)) as file:
        write(file)

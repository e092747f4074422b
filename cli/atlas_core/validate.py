"""`atlas-core validate`: everything that can be known about a manifest without reading traces or loading a model."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from atlas_api import InvalidManifest, load_manifest


def validate(files: Sequence[Path], console: Console) -> int:
    """Print one line a problem, or `ok`, for each file. Returns the exit code: 0 when all are good, else 2."""
    found = {file: _problems(file) for file in files}
    for file, problems in found.items():
        for problem in problems:
            console.print(f"{file}: {problem}", style="red", markup=False, highlight=False, soft_wrap=True)
        if not problems:
            console.print(f"{file}: ok", markup=False, highlight=False, soft_wrap=True)
    return InvalidManifest.exit_code if any(found.values()) else 0


def _problems(file: Path) -> list[str]:
    try:
        training = load_manifest(file)
        from atlas_rewards import build_scorer

        build_scorer(training.spec.reward)
    except InvalidManifest as error:
        return error.problems
    return []

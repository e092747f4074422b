"""The command `atlas-operator` where its packages may be missing: one sentence then, in place of a traceback."""

from collections.abc import Sequence

from atlas_api.extras import run_program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operator. The exit code; 2 where packages are missing, else that of `atlas_operator.main`."""
    return run_program("atlas-operator", "operator", "atlas_operator.main", arguments)

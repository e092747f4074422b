"""The command `atlas-rewards` where its packages may be missing: one sentence then, in place of a traceback."""

import sys
from collections.abc import Sequence

from atlas_api.extras import run_program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. The exit code; 2 where packages are missing, else that of `atlas_rewards.server.main`."""
    return run_program("atlas-rewards", "rewards", "atlas_rewards.server.main", arguments)


if __name__ == "__main__":
    sys.exit(main())

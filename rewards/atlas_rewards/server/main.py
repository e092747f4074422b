"""The command `atlas-rewards`: reads the command line; every mistake is a line and an exit code."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from atlas_api.errors import INTERRUPTED, AtlasError, InvalidManifest
from atlas_rewards.server import logs
from atlas_rewards.server.server import listen, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Serve until SIGTERM or SIGINT.

    The exit code: 0, 1 for an address that is taken or cannot be, 130 when Ctrl-C was pressed again while requests were
    finished, others in `atlas_api.errors`.
    """
    options = _parser().parse_args(arguments)
    logs.set_up()
    try:
        listening = listen(options.host, options.port)
    except (OSError, OverflowError, TypeError) as error:
        problem = getattr(error, "strerror", None) or error
        return _complain(1, f"--host {options.host} --port {options.port}: {problem}; choose another")
    try:
        with listening:
            asyncio.run(serve(options.config, listening, os.environ))
    except InvalidManifest as error:
        return _complain(error.exit_code, *(f"{options.config}: {problem}" for problem in error.problems))
    except AtlasError as error:
        return _complain(error.exit_code, f"{error.reason}: {error}")
    except asyncio.CancelledError:
        return 0  # asked to end before it began
    except KeyboardInterrupt:
        return INTERRUPTED  # asked again, while it finished what it had taken
    return 0


def _complain(code: int, *lines: str) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="atlas-rewards", description="Scores completions by judges and verifiers.")
    parser.add_argument("--version", action="version", version=version("atlas-core"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("serve", help="answer scoring requests over HTTP")
    command.add_argument("--config", type=Path, required=True, metavar="FILE", help="the RewardService manifest")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    command.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes a free one (8080)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

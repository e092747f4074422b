"""The command line: arguments in, exit code out. Every `AtlasError` ends here, as one line and its exit code."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from atlas_api import AtlasError, InvalidManifest, load_manifest


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 2 the manifest must change, others in `atlas_api.errors`."""
    arguments = _parser().parse_args(argv)
    console = Console()
    try:
        return int(arguments.command(arguments, console))
    except InvalidManifest as error:
        _complain([f"{arguments.file}: {problem}" for problem in error.problems])
        return error.exit_code
    except AtlasError as error:
        _complain([f"{error.reason}: {error}"])
        return error.exit_code


def _complain(lines: Sequence[str]) -> None:
    console = Console(stderr=True, soft_wrap=True)
    for line in lines:
        console.print(line, style="red", markup=False, highlight=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="atlas-core", description="Turn the traces that AI agents leave behind into better models."
    )
    parser.add_argument("--version", action="version", version=version("atlas-core"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    validate = commands.add_parser("validate", help="check manifests without running them")
    validate.add_argument("-f", "--file", dest="files", type=Path, nargs="+", required=True, metavar="FILE")
    validate.set_defaults(command=_validate)

    run = commands.add_parser("run", help="train what a manifest says; continues an interrupted run of the same recipe")
    _add_file(run)
    run.add_argument("--new", action="store_true", help="start a new run even if the last one can be continued")
    run.set_defaults(command=_run)

    data = commands.add_parser("data", help="look at what a manifest would train on").add_subparsers(
        required=True, metavar="COMMAND"
    )
    preview = data.add_parser("preview", help="counts by cause, token lengths, a few rows with trained tokens marked")
    _add_file(preview)
    preview.add_argument("--rows", type=int, default=3, help="rows to show (default 3)")
    preview.set_defaults(command=_preview)
    export = data.add_parser("export", help="write the rows as JSONL or Parquet")
    _add_file(export)
    export.add_argument("-o", "--output", type=Path, required=True, help="FILE.jsonl or FILE.parquet")
    export.set_defaults(command=_export)
    return parser


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--file", type=Path, required=True, metavar="FILE", help="the AtlasTraining manifest")


def _validate(arguments: argparse.Namespace, console: Console) -> int:
    from atlas_core.validate import validate

    return validate(arguments.files, console)


def _run(arguments: argparse.Namespace, console: Console) -> int:
    training = load_manifest(arguments.file)
    from atlas_core.run import run

    run(training, fresh=arguments.new, console=console)
    return 0


def _preview(arguments: argparse.Namespace, console: Console) -> int:
    training = load_manifest(arguments.file)
    from atlas_core.data import preview

    preview(training, arguments.rows, console)
    return 0


def _export(arguments: argparse.Namespace, console: Console) -> int:
    training = load_manifest(arguments.file)
    from atlas_core.data import export

    export(training, arguments.output, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The command line: arguments in, exit code out. Every `AtlasError` ends here, as one line and its exit code."""

import argparse
import errno
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from atlas_api import AtlasError, InvalidManifest, load_manifest
from atlas_api.errors import INTERRUPTED
from atlas_api.extras import MISSING, missing_package
from atlas_api.text import visible

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A disk, a user's share of it, or what a file may hold at most."""

_SCORE_EXIT_CODES = (
    "exit code: 0 done; 2 the configuration or an argument must change; 3 another process is writing the same output;"
    " 20 some items could not be judged, run the same command again to retry them;"
    " 22 the items file, a key or a secret is missing; 25 an endpoint refuses the judges;"
    " 45 no item has a score; 130 interrupted"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 2 the manifest must change, 130 interrupted, others in
    `atlas_api.errors`.
    """
    arguments = _parser().parse_args(argv)
    console = Console()
    try:
        return int(arguments.command(arguments, console))
    except InvalidManifest as error:
        _complain([_placed(problem, arguments.file) for problem in error.problems])
        return error.exit_code
    except AtlasError as error:
        _complain([f"{error.reason}: {error}"])
        return error.exit_code
    except KeyboardInterrupt:
        _complain(["interrupted"])
        return INTERRUPTED
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _complain(["no space left for a file; free some, then run the same command again"])
        return 1
    except ModuleNotFoundError as missing:
        _complain([missing_package(missing, "this command", arguments.extra)])
        return MISSING


def _placed(problem: str, file: Path) -> str:
    """What is wrong with an argument says so itself; all else is about the manifest."""
    return problem if problem.startswith("--") else f"{file}: {problem}"


def _complain(lines: Sequence[str]) -> None:
    console = Console(stderr=True, soft_wrap=True)
    for line in lines:
        console.print(visible(line), style="red", markup=False, highlight=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="atlas-core", description="Turn the traces that AI agents leave behind into better models."
    )
    parser.set_defaults(extra="trainer")
    parser.add_argument("--version", action="version", version=version("atlas-core"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_validate(commands.add_parser("validate", help="check manifests; runs, writes and asks nothing"))

    run = commands.add_parser("run", help="train what a manifest says; continues an interrupted run of the same recipe")
    _add_file(run)
    run.add_argument("--new", action="store_true", help="start a new run even if the last one can be continued")
    run.add_argument(
        "--check",
        action="store_true",
        help="train nothing: say what this machine lacks for the manifest, as `validate --here` does",
    )
    run.set_defaults(command=_run)

    _add_data(commands.add_parser("data", help="look at recorded sessions, and at what a manifest would train on"))
    _add_score(
        commands.add_parser("score", help="what judges and verifiers say of completions", epilog=_SCORE_EXIT_CODES)
    )
    rewards = commands.add_parser("rewards", help="measure judges").add_subparsers(required=True, metavar="COMMAND")
    _add_bench(rewards.add_parser("bench", help="combinations of judges over recorded sessions"))
    return parser


def _add_validate(validate: argparse.ArgumentParser) -> None:
    validate.add_argument("-f", "--file", dest="files", type=Path, nargs="+", required=True, metavar="FILE")
    validate.add_argument(
        "--here",
        action="store_true",
        help="look at this machine too: files, folders, environment variables, keys and packages that are named",
    )
    validate.add_argument(
        "--import",
        dest="importing",
        action="store_true",
        help="import your own verifiers, which runs their code; else their files are only looked at",
    )
    validate.set_defaults(command=_validate)


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_subparsers(required=True, metavar="COMMAND")
    preview = data.add_parser("preview", help="counts by cause, token lengths, a few rows with trained tokens marked")
    _add_file(preview)
    preview.add_argument("--rows", type=int, default=3, help="rows to show (default 3)")
    preview.set_defaults(command=_preview)
    export = data.add_parser("export", help="write the rows as JSONL or Parquet")
    _add_file(export)
    export.add_argument("-o", "--output", type=Path, required=True, help="FILE.jsonl or FILE.parquet")
    export.set_defaults(command=_export)
    sessions = data.add_parser("sessions", help="list sessions, newest first, and what becomes of each")
    _add_file(sessions)
    sessions.add_argument("--limit", type=int, default=20, metavar="N", help="sessions to list (default 20)")
    sessions.add_argument("--offset", type=int, default=0, metavar="N", help="newer sessions to skip (default 0)")
    sessions.set_defaults(command=_sessions)
    show = data.add_parser("show", help="print one session as it happened, with its prompts")
    show.add_argument("id", metavar="ID", help="id of the session, as `data sessions` lists it")
    _add_file(show)
    show.set_defaults(command=_show)
    steps = data.add_parser("steps", help="write the flat table of steps, one line an attempt")
    _add_file(steps)
    steps.add_argument("-o", "--output", type=Path, required=True, help="FILE.jsonl, FILE.parquet or FILE.csv")
    steps.set_defaults(command=_steps)


def _add_score(score: argparse.ArgumentParser) -> None:
    _add_file(score, "the RewardService manifest")
    what = score.add_mutually_exclusive_group(required=True)
    what.add_argument("--response", metavar="TEXT", help="the completion")
    what.add_argument("--items", type=Path, metavar="FILE", help="JSONL: prompt, response, reference, ... on each line")
    score.add_argument("--prompt", metavar="TEXT", help="what the completion answers")
    score.add_argument("--reference", metavar="TEXT", help="the right answer, where one is known")
    score.add_argument("-o", "--output", type=Path, metavar="FILE", help="results of --items; continued if it exists")
    score.add_argument("--json", action="store_true", help="print JSON")
    score.set_defaults(command=_score, extra="rewards", refuse=score.error)


def _add_bench(bench: argparse.ArgumentParser) -> None:
    _add_file(bench, "the RewardService manifest")
    bench.add_argument(
        "--traces", type=Path, required=True, metavar="FILE", help="AtlasTraining manifest, or an export"
    )
    bench.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="report, plots, every score")
    bench.add_argument(
        "--combination",
        action="append",
        default=[],
        metavar="A+B",
        help="also compare this combination of judges and verifiers; may be repeated",
    )
    bench.add_argument("--seed", type=int, default=0, help="decides the order of the sessions (default 0)")
    bench.set_defaults(command=_bench, extra="rewards")


def _add_file(parser: argparse.ArgumentParser, what: str = "the AtlasTraining manifest") -> None:
    parser.add_argument("-f", "--file", type=Path, required=True, metavar="FILE", help=what)


def _validate(arguments: argparse.Namespace, console: Console) -> int:
    from atlas_core.commands.validate import validate

    return validate(arguments.files, console, here=arguments.here, importing=arguments.importing)


def _run(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.check:
        from atlas_core.commands.validate import check_run

        return check_run(arguments.file, console)
    training = load_manifest(arguments.file)
    from atlas_core.commands.run import run

    run(training, fresh=arguments.new, console=console)
    return 0


def _preview(arguments: argparse.Namespace, console: Console) -> int:
    training = load_manifest(arguments.file)
    from atlas_core.commands.data import preview

    preview(training, arguments.rows, console)
    return 0


def _export(arguments: argparse.Namespace, console: Console) -> int:
    training = load_manifest(arguments.file)
    from atlas_core.commands.data import export

    export(training, arguments.output, console)
    return 0


def _sessions(arguments: argparse.Namespace, console: Console) -> int:
    training = load_manifest(arguments.file)
    from atlas_core.commands.sessions import list_sessions

    list_sessions(training, arguments.limit, arguments.offset, console)
    return 0


def _show(arguments: argparse.Namespace, console: Console) -> int:
    training = load_manifest(arguments.file)
    from atlas_core.commands.sessions import show

    show(training, arguments.id, console)
    return 0


def _steps(arguments: argparse.Namespace, console: Console) -> int:
    training = load_manifest(arguments.file)
    from atlas_core.commands.sessions import steps

    steps(training, arguments.output, console)
    return 0


def _score(arguments: argparse.Namespace, console: Console) -> int:
    one = arguments.items is None
    if one and arguments.prompt is None:
        arguments.refuse("--response needs --prompt")
    if one != (arguments.output is None):
        arguments.refuse("--items and --output must be given together")
    if not one and (arguments.prompt is not None or arguments.reference is not None):
        arguments.refuse("--prompt and --reference belong to --response; with --items they stand in the file")
    from atlas_core.commands.score import score_file, score_one
    from atlas_rewards import Item, RewardScorer

    service = RewardScorer.from_file(arguments.file)
    if one:
        prompt = ({"role": "user", "content": arguments.prompt},)
        score_one(service, Item(arguments.response, arguments.reference, prompt), arguments.json, console)
    else:
        score_file(service, arguments.items, arguments.output, arguments.json, console)
    return 0


def _bench(arguments: argparse.Namespace, console: Console) -> int:
    from atlas_core.commands.rewards_bench import bench

    wanted, seed = arguments.combination, arguments.seed
    bench(arguments.file, arguments.traces, arguments.output, console, wanted=wanted, seed=seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())

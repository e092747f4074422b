"""
Which extra of atlas-core brings which package, and what a program says where one is missing.

One map for `atlas-core`, `atlas-rewards` and `atlas-operator`, in the words of Python: names of modules.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

DISTRIBUTION = "atlas-core"
MISSING = 2
"""Exit code of a program that lacks packages: what must change is no code, and nothing was begun."""

_REWARDS = frozenset({"aiohttp", "httptools", "httpx", "prometheus_client", "starlette", "uvicorn"})
_OPERATOR = frozenset({"aiohttp", "kopf", "kubernetes", "prometheus_client", "urllib3"})
_TRAINER = _REWARDS | {
    *("accelerate", "bitsandbytes", "boto3", "botocore", "datasets", "huggingface_hub", "jinja2", "numpy", "peft"),
    *("psycopg", "pyarrow", "s3transfer", "safetensors", "tensorboardX", "torch", "transformers", "trl"),
    *("urllib3", "zstandard"),
}
EXTRAS: Mapping[str, frozenset[str]] = {"rewards": _REWARDS, "operator": _OPERATOR, "trainer": _TRAINER}
"""Extra -> the modules that it brings and that atlas-core uses. The smallest extra comes first."""


def missing_package(error: ModuleNotFoundError, what: str, wanted: str | None) -> str:
    """The sentence for a user about *error*, which ended *what*. Raises it again where a module of ours is missing.

    *wanted* is the extra with all that *what* needs; where it does not bring the module, the smallest that does counts.
    """
    module = (error.name or "").partition(".")[0]
    if not module or module.startswith("atlas_"):
        raise error
    return needs(what, [module], wanted)


def missing_modules(extra: str) -> list[str]:
    """Modules of *extra* that are not installed, sorted. Imports none."""
    return sorted(module for module in EXTRAS[extra] if not _is_installed(module))


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def needs(what: str, modules: Sequence[str], wanted: str | None) -> str:
    """Say that *what* needs *modules*, and which extra brings them: *wanted*, or the smallest that does."""
    candidates = [extra for extra, brought in EXTRAS.items() if brought.issuperset(modules)]
    extra = wanted if wanted in candidates else next(iter(candidates), None)
    cure = f'install {DISTRIBUTION} with the extra "{extra}"' if extra else "install it beside atlas-core"
    return f"{what} needs {', '.join(modules)}; {cure}"


def run_program(program: str, extra: str, module: str, arguments: Sequence[str] | None) -> int:
    """Do `main` of *module*, the command line of *program*, which *extra* brings all packages for.

    Where some are missing it is one sentence and `MISSING`, and `--version` is answered all the same.
    """
    parser = argparse.ArgumentParser(prog=program, add_help=False, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=version(DISTRIBUTION))
    parser.parse_known_args(arguments)
    try:
        return int(import_module(module).main(arguments))
    except ModuleNotFoundError as error:
        print(missing_package(error, f"`{program}`", extra), file=sys.stderr)
        return MISSING

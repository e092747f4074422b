"""One map says which extra brings which package; a program that lacks some says so in one sentence."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from support.server.installed import brought_by

from atlas_api.extras import EXTRAS, missing_package, needs

ROOT = Path(__file__).parents[3]
OURS = {
    "RIM",
    "desk",
    "mypy_boto3_s3",
    *(f"atlas_{part}" for part in ("api", "core", "operator", "rewards", "trainer")),
}
PACKAGES = ("crds/atlas_api", "operator/atlas_operator", "trainer/atlas_trainer", "rewards", "cli/atlas_core")


def imported() -> set[str]:
    """Modules of other makers that our packages import."""
    found = set()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - OURS - set(sys.stdlib_module_names)


def brings(extra: str, module: str) -> bool:
    owners = packages_distributions().get(module, ())
    return not {canonicalize_name(one) for one in owners}.isdisjoint(brought_by(extra))


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_map_says_what_each_extra_brings(extra: str) -> None:
    assert {module for module in EXTRAS[extra] if not brings(extra, module)} == set()
    known = {module for modules in EXTRAS.values() for module in modules}
    assert {module for module in known & imported() if brings(extra, module)} <= EXTRAS[extra]


def test_the_map_knows_every_package_that_comes_by_an_extra() -> None:
    core = {module for module in imported() if brings("", module)}
    assert imported() - core - {module for modules in EXTRAS.values() for module in modules} == set()


def test_the_smallest_extra_comes_first() -> None:
    assert list(EXTRAS) == sorted(EXTRAS, key=lambda extra: len(brought_by(extra)))


@pytest.mark.parametrize(
    ("modules", "wanted", "cure"),
    [
        (["aiohttp"], "rewards", 'install atlas-core with the extra "rewards"'),
        (["aiohttp"], "operator", 'install atlas-core with the extra "operator"'),
        (["aiohttp"], "trainer", 'install atlas-core with the extra "trainer"'),
        (["aiohttp"], None, 'install atlas-core with the extra "rewards"'),
        (["psycopg"], "rewards", 'install atlas-core with the extra "trainer"'),
        (["kopf"], "trainer", 'install atlas-core with the extra "operator"'),
        (["aiohttp", "torch"], "rewards", 'install atlas-core with the extra "trainer"'),
        (["liger_kernel"], "trainer", "install it beside atlas-core"),
    ],
)
def test_the_extra_of_the_command_counts_and_else_the_smallest(
    modules: list[str], wanted: str | None, cure: str
) -> None:
    assert needs("this command", modules, wanted) == f"this command needs {', '.join(modules)}; {cure}"


@pytest.mark.parametrize("name", ["atlas_trainer.train", "atlas_core", None, ""])
def test_a_module_of_ours_that_is_missing_is_a_fault_and_no_extra(name: str | None) -> None:
    error = ModuleNotFoundError("gone", name=name)
    with pytest.raises(ModuleNotFoundError) as raised:
        missing_package(error, "this command", "trainer")
    assert raised.value is error

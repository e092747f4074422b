"""
The image of a RewardService on a real node: interpreter, packages of the extra `rewards`, sources. It mounts nothing.

Called by the fixtures of the end-to-end tests. Everything lies at the paths of this machine, so that the virtual
environment's own commands work. It is made from the sources as they are now.
"""

import re
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from cluster import containerd
from cluster.archive import Content, Link, write_archive
from cluster.images import extension_modules, python_image
from cluster.mounts import PROJECT
from packaging.requirements import Requirement

REWARDS = "local.test/rewards:1"

_SOURCES = ("crds", "rewards")
_NOT_NEEDED = {"__pycache__", "site-packages", "test", "idlelib", "lib-dynload", "ensurepip", "config"}


def import_rewards_image(folder: Path) -> str:
    """Make the image in *folder*, give it to the node, return its reference."""
    archive = folder / "rewards.tar"
    write_archive(python_image(REWARDS, _interpreter() | _packages() | _sources()), archive)
    containerd.import_image(archive)
    archive.unlink()
    return REWARDS


def packages_of(name: str, *extras: str) -> set[str]:
    """Names of a package with these extras and of all that it needs, in their normal form."""
    found: set[tuple[str, str]] = set()
    todo = [(_normal(name), extra) for extra in ("", *extras)]
    while todo:
        wanted = todo.pop()
        if wanted not in found:
            found.add(wanted)
            todo += _needed_by(*wanted)
    return {package for package, _ in found}


def _needed_by(name: str, extra: str) -> Iterator[tuple[str, str]]:
    for requirement in map(Requirement, distribution(name).requires or []):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield from ((_normal(requirement.name), further) for further in ("", *requirement.extras))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _interpreter() -> dict[str, Content]:
    program, library = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    environment = Path(sys.prefix)
    shared = Path(sys.base_prefix).glob("lib/libpython*.so.*")
    return {
        **_files(library),
        **{str(path): path for path in (program, *shared, *extension_modules(), environment / "pyvenv.cfg")},
        str(environment / "bin/python"): Link(str(program)),
    }


def _packages() -> dict[str, Content]:
    listed = [file for name in packages_of("atlas-core", "rewards") for file in distribution(name).files or []]
    paths = [Path(str(file.locate())).resolve() for file in listed if "__pycache__" not in file.parts]
    return {str(path): path for path in paths if path.is_file()}


def _sources() -> dict[str, Content]:
    return {path: file for name in _SOURCES for path, file in _files(PROJECT / name).items()}


def _files(folder: Path) -> dict[str, Content]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path for path in found if _NOT_NEEDED.isdisjoint(_words(path.parent.relative_to(folder)))}


def _words(folder: Path) -> Iterator[str]:
    """Its parts up to a dash: `config-3.11-x86_64-linux-gnu` is `config`."""
    return (part.partition("-")[0] for part in folder.parts)

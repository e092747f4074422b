"""
Programs as they run where one extra of atlas-core is installed, and nothing else.

    subprocess.run([sys.executable, "-m", "support.server.installed", "rewards", "atlas_core", "score", "--help"])

imports nothing that the extra does not bring, whatever the environment holds.
"""

import runpy
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from types import ModuleType

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = "atlas-core"


def brought_by(extra: str) -> set[str]:
    """Names of the packages that come with *extra*, atlas-core included."""
    found: set[str] = set()
    waiting = [(OURS, frozenset({extra}))]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            required = distribution(name).requires or []
        except PackageNotFoundError:  # for another platform
            continue
        found.add(name)
        for requirement in map(Requirement, required):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": one}) for one in extras | {""}):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return found


class _Absent(MetaPathFinder):
    """Finds nothing for modules that are not installed, and stops others from looking."""

    def __init__(self, modules: set[str]) -> None:
        self._modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname.partition(".")[0] in self._modules:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def main() -> None:
    """Run the module that the second argument names."""
    _, extra, module, *arguments = sys.argv
    brought = brought_by(extra)
    owners = {name: {canonicalize_name(one) for one in owned} for name, owned in packages_distributions().items()}
    absent = {name for name, owned in owners.items() if not owned & brought}
    for name in [name for name in sys.modules if name.partition(".")[0] in absent]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Absent(absent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main()

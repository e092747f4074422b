"""The Go programs of a test cluster: found in a cache outside the tree, or built from modules/.

Every component asks here for its program. A build is pinned by its module's go.mod and go.sum, and named by their hash.
It starts nothing.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cluster.programs.processes import ClusterError

_MODULES = Path(__file__).parents[1] / "modules"
_FLAGS = ["-mod=readonly", "-buildvcs=false", "-trimpath"]
_LINK = "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4"


@dataclass(frozen=True)
class Tool:
    """A program: the folder in modules/ that pins it, its Go package, and files of its module that go with it."""

    module: str
    package: str
    files: tuple[str, ...] = ()

    @property
    def revision(self) -> str:
        """Hash of all that decides what a build gives, but for the compiler."""
        folder = _MODULES / self.module
        parts = [(folder / name).read_bytes() for name in ("go.mod", "go.sum")]
        parts += [file.read_bytes() for file in sorted(folder.glob("*.go"))]
        return hashlib.sha256(b"\0".join([*parts, *map(str.encode, [*_FLAGS, _LINK, *self.files])])).hexdigest()[:12]


_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kubelet", "kube-proxy")
_TRAINING_OPERATOR_FILES = (
    "manifests/base/crds/kubeflow.org_pytorchjobs.yaml",
    "manifests/base/rbac/role.yaml",
    "manifests/base/rbac/service-account.yaml",
)
TOOLS = {
    "etcd": Tool("etcd", "go.etcd.io/etcd/server/v3"),
    **{name: Tool("kubernetes", f"k8s.io/kubernetes/cmd/{name}") for name in _KUBERNETES},
    "training-operator": Tool(
        "training-operator",
        "github.com/kubeflow/training-operator/cmd/training-operator.v1",
        _TRAINING_OPERATOR_FILES,
    ),
    "kstatus": Tool("kstatus", "."),
    "kwok": Tool("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    "coredns": Tool("coredns", "github.com/coredns/coredns"),
    "versitygw": Tool("versitygw", "github.com/versity/versitygw/cmd/versitygw"),
}


@cache
def path(name: str) -> Path:
    """The program, built first when the cache lacks it (minutes).

    Raises:
        ClusterError: there is no Go compiler, or the build fails.
    """
    program = _cached(name)
    if not program.exists():
        build([name])
    return program


def file(name: str, relative: str) -> Path:
    """A file of the module that `name` is built from, such as a CRD; one of the tool's `files`."""
    path(name)
    return _files(name) / relative


def build(names: Iterable[str]) -> None:
    """Build what the cache lacks of `names`, one after another, saying which and how long it took."""
    lacking = _lacking(names)
    for number, name in enumerate(lacking, start=1):
        with _alone(name):
            if not _cached(name).exists():  # another process may have built it meanwhile
                _build(name, f"{name} ({number} of {len(lacking)})")


def require(names: Iterable[str]) -> None:
    """For tests, whose time is limited: do not build, but say how.

    Raises:
        ClusterError: the cache lacks some of `names`.
    """
    if lacking := _lacking(names):
        cure = "build them (up to half an hour): PYTHONPATH=tests python -m cluster build"
        raise ClusterError(f"programs not built yet: {', '.join(lacking)}; {cure}")


def _cache_folder() -> Path:
    given = os.environ.get("ATLAS_TEST_BIN")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else home / "atlas-core" / "bin"


def _lacking(names: Iterable[str]) -> list[str]:
    return [name for name in names if not _cached(name).exists()]


def _cached(name: str) -> Path:
    if name not in TOOLS:
        raise ClusterError(f"no program {name}; there are {', '.join(sorted(TOOLS))}")
    return _cache_folder() / f"{name}-{TOOLS[name].revision}"


def _files(name: str) -> Path:
    return _cached(name).with_suffix(".files")


@contextmanager
def _alone(name: str) -> Iterator[None]:
    _cache_folder().mkdir(parents=True, exist_ok=True)
    with (_cache_folder() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(name: str, title: str) -> None:
    if shutil.which("go") is None:
        raise ClusterError(
            f"{name} must be built and there is no Go compiler: install Go 1.26 or later (https://go.dev/dl)"
        )
    tool, program = TOOLS[name], _cached(name)
    print(f"building {title} ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    new = program.with_name(f".{program.name}.{os.getpid()}")
    _go(tool, "build", *_FLAGS, "-ldflags", _LINK, "-o", str(new), tool.package)
    _keep_files(name, tool)
    new.rename(program)
    print(f"built {title} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _keep_files(name: str, tool: Tool) -> None:
    source = Path(_go(tool, "list", "-m", "-f", "{{.Dir}}", _module_of(tool))) if tool.files else Path()
    for relative in tool.files:
        target = _files(name) / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / relative, target)


def _module_of(tool: Tool) -> str:
    return tool.package.partition("/cmd/")[0]


def _go(tool: Tool, *arguments: str) -> str:
    proxy = subprocess.run(["go", "env", "GOPROXY"], capture_output=True, text=True, check=True).stdout.strip()
    # Without the fall-back a module that the proxy lacks fails at once; with it, its Git host is asked.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOPROXY": proxy.removesuffix(",direct")}
    done = subprocess.run(
        ["go", *arguments], cwd=_MODULES / tool.module, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise ClusterError(f"go {arguments[0]} of {tool.package} failed; what it said is above")
    return done.stdout.strip()

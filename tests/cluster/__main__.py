"""`python -m cluster COMMAND`, with tests/ and examples/ on PYTHONPATH: a test cluster for a person."""

import argparse
import sys

from cluster import cluster
from cluster.cluster import SIMULATED
from cluster.programs import binaries, packages
from cluster.programs.processes import ClusterError


def main() -> None:
    """Do what the command line says; errors are one text, without a traceback."""
    arguments = _parser().parse_args()
    try:
        _COMMANDS[arguments.command](arguments)
    except ClusterError as error:
        sys.exit(f"error: {error}")


def _up(arguments: argparse.Namespace) -> None:
    binaries.build(binaries.TOOLS if arguments.node else SIMULATED)
    place = cluster.up(arguments.name, node=arguments.node)
    print(f"the cluster is up; use it: export KUBECONFIG={place.kubeconfig}")
    print(f"kubectl is {binaries.path('kubectl')}")


def _down(arguments: argparse.Namespace) -> None:
    cluster.down_by_name(arguments.name)


def _status(arguments: argparse.Namespace) -> None:
    for line in cluster.status():
        print(line)


def _build(arguments: argparse.Namespace) -> None:
    binaries.build(arguments.tools or binaries.TOOLS)


def _packages(arguments: argparse.Namespace) -> None:
    packages.install()


def _demo(arguments: argparse.Namespace) -> None:
    from cluster.demo import demo  # it loads torch

    demo(arguments.name)


_COMMANDS = {
    "up": _up,
    "down": _down,
    "status": _status,
    "build": _build,
    "packages": _packages,
    "demo": _demo,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster", description="A real Kubernetes on this machine, for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a cluster; it stays until down")
    up.add_argument("--node", action="store_true", help="with one real node (root needed) instead of simulated ones")
    down = commands.add_parser("down", help="stop it, and remove what killed runs left behind")
    demonstration = commands.add_parser("demo", help="start one with a real node and watch a training on it")
    for command in (up, down, demonstration):
        command.add_argument("--name", default="default", help="several clusters can run side by side")
    commands.add_parser("status", help="clusters of this machine, their processes and memory")
    build = commands.add_parser("build", help="build the programs that the cache lacks")
    build.add_argument("tools", nargs="*", metavar="TOOL", help="only these")
    commands.add_parser("packages", help="install Debian's packages that a real node needs (root)")
    return parser


if __name__ == "__main__":
    main()

"""The command `atlas-operator`: reads the command line, connects the parts, and ends them in order on SIGTERM."""

import argparse
import asyncio
import logging
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.rest.api import connected
from atlas_operator.cluster.rest.connection import NoCluster
from atlas_operator.controller import logs
from atlas_operator.controller.controller import Controller
from atlas_operator.controller.health import serving
from atlas_operator.controller.leader import Leadership
from atlas_operator.controller.manager import Manager
from atlas_operator.controller.metrics import Metrics
from atlas_operator.rewardservice.controller import rewardservice_controller
from atlas_operator.rewardservice.dependents import Dependents
from atlas_operator.settings import Settings
from atlas_operator.training.controller import AttemptMetrics, training_controller

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operator until SIGTERM or SIGINT. The exit code; 1 when it cannot begin."""
    settings = settings_of(arguments)
    logs.set_up(settings.log_format)
    try:
        asyncio.run(_run(settings))
    except (NoCluster, OSError) as error:
        _log.critical("%s", error)
        return 1
    return 0


def settings_of(arguments: Sequence[str] | None) -> Settings:
    """What the command line says; None: that of this process. Exits with the usage when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="atlas-operator",
        description="Serves AtlasTrainings and RewardServices.",
    )
    options = _options(parser).parse_args(arguments)
    if options.lease is not None and options.lease.count("/") != 1:
        parser.error(f"--lease must be NAMESPACE/NAME, not {options.lease}")
    if options.workers < 1:
        parser.error("--workers must be at least 1")
    return Settings(**{**vars(options), "namespaces": tuple(options.namespaces)})


def _options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--version", action="version", version=version("atlas-core"))
    parser.add_argument(
        "--namespace", dest="namespaces", action="append", default=[], metavar="NS",
        help="serve this namespace; may be repeated; without it the whole cluster is served",
    )  # fmt: skip
    parser.add_argument("--trainer-image", metavar="IMAGE", help="image of training pods where spec names none")
    parser.add_argument("--rewards-image", metavar="IMAGE", help="image of reward services where spec names none")
    parser.add_argument(
        "--allow-code", action="store_true",
        help="let verifiers of kind `code` run what models write, sandboxed in the pods; else such specs are refused",
    )  # fmt: skip
    parser.add_argument("--health-port", type=int, default=8081, metavar="PORT", help="port of probes and metrics")
    parser.add_argument(
        "--workers", type=int, default=8, metavar="N", help="objects reconciled at the same time (default 8)"
    )
    parser.add_argument("--log-format", choices=("json", "plain"), default="json", help="format of log lines")
    parser.add_argument(
        "--lease",
        metavar="NAMESPACE/NAME",
        help="leader election: of several replicas only the holder of this Lease works",
    )
    return parser


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        leadership = await stack.enter_async_context(_leadership(settings.lease))
        may_write = leadership.holds if leadership else lambda: True
        api = await stack.enter_async_context(connected(count=metrics.request, may_write=may_write))
        attempts = AttemptMetrics(metrics.registry)
        client = ClusterClient(api, on_create=attempts.created, on_status=attempts.status_changed)
        manager = Manager(client, _controllers(client, settings, metrics), settings, metrics, leadership)
        probes = serving(settings.health_port, live=manager.deaf, ready=manager.problem, registry=metrics.registry)
        port = await stack.enter_async_context(probes)
        _log.info("the operator begins; probes and metrics on port %d", port)
        await manager.run(stop)
    _log.info("the operator has ended")


def _controllers(client: ClusterClient, settings: Settings, metrics: Metrics) -> tuple[Controller, ...]:
    """Controllers of all kinds. To add a kind: a room of its own, and its controller here."""
    dependents = Dependents()
    return (
        training_controller(client, settings, metrics.registry, dependents),
        rewardservice_controller(client, settings, metrics.registry, dependents),
    )


@asynccontextmanager
async def _leadership(lease: str | None) -> AsyncIterator[Leadership | None]:
    if lease is None:
        yield None
        return
    identity = f"{socket.gethostname()}_{secrets.token_hex(4)}"
    # Requests of its own: they must neither wait behind others, nor for the lease that they are about.
    async with connected() as api:
        yield Leadership(api, lease, identity, asyncio.get_running_loop().time)

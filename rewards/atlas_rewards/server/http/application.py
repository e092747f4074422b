"""The service as an ASGI application: addresses, and who answers them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas_api.rewardservice.status import JudgesReport
from atlas_api.scoring import JudgesAnswer
from atlas_rewards.server.generation import Generations
from atlas_rewards.server.http.auth import authenticate
from atlas_rewards.server.http.draining import Draining
from atlas_rewards.server.http.openapi import openapi
from atlas_rewards.server.http.public_configuration import public_configuration
from atlas_rewards.server.http.request_error import RequestError, error_body
from atlas_rewards.server.http.scoring_endpoint import ScoringEndpoint
from atlas_rewards.server.metrics import Metrics
from atlas_rewards.server.probe import Probe
from atlas_rewards.server.reload import Reload

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Service:
    """The parts that answer."""

    generations: Generations
    reload: Reload
    probe: Probe
    scoring_endpoint: ScoringEndpoint
    metrics: Metrics
    draining: Draining


def application(service: Service) -> ASGIApp:
    """The application that *service* answers."""
    score, config, judges = service.scoring_endpoint, _guarded(service, _config), _guarded(service, _judges)
    routes = [
        Route("/v1/score", _endpoint(score), methods=["POST"]),
        Route("/v1/config", _endpoint(config)),
        Route("/v1/judges", _endpoint(judges)),
        Route("/healthz", _endpoint(_healthz)),
        Route("/readyz", _endpoint(_with(service, _readyz))),
        Route("/metrics", _endpoint(_with(service, _metrics))),
        Route("/openapi.json", _endpoint(_with(service, _openapi))),
        Route("/", _endpoint(_page)),
        Route("/docs", _endpoint(_page)),
    ]
    app = Starlette(routes=routes, exception_handlers=_ON_ERRORS)
    return service.draining.wrap(_Counted(app, service.metrics, {route.path for route in routes}))


def judges_report(generations: Generations) -> JudgesReport:
    """How the judges of the newest generation answered lately."""
    newest = generations.newest
    return JudgesReport(revision=newest.source.revision, judges=newest.judges.reports())


async def _config(service: Service) -> Response:
    newest, reload = service.generations.newest, service.reload
    refused = {"at": _time(reload.refused_at), "problems": list(reload.refused)} if reload.refused else None
    return JSONResponse(
        {
            "revision": newest.source.revision,
            "generation": newest.number,
            "since": _time(newest.since),
            "configuration": public_configuration(newest.spec),
            "refused": refused,
        }
    )


async def _judges(service: Service) -> Response:
    report = judges_report(service.generations)
    answer = JudgesAnswer(revision=report.revision, judges=report.judges, problem=service.probe.details or None)
    return JSONResponse(answer.model_dump(mode="json", by_alias=True))


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readyz(service: Service) -> Response:
    problem = "the process shuts down" if service.draining.begun else await service.probe.readiness()
    return PlainTextResponse(f"{problem or 'ok'}\n", 503 if problem else 200)


async def _metrics(service: Service) -> Response:
    newest = service.generations.newest
    service.metrics.model_calls(newest.number, newest.source.statistics())
    return Response(generate_latest(service.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _openapi(service: Service) -> Response:
    return JSONResponse(openapi(service.generations.newest.token is not None))


async def _page(_: Request) -> Response:
    return HTMLResponse(_html(), headers={"Content-Security-Policy": _POLICY})


@cache
def _html() -> str:
    return Path(__file__).with_name("page.html").read_text(encoding="utf-8")


def _with(service: Service, answer: Callable[[Service], Awaitable[Response]]) -> Handler:
    async def handle(_: Request) -> Response:
        return await answer(service)

    return handle


def _guarded(service: Service, answer: Callable[[Service], Awaitable[Response]]) -> Handler:
    async def handle(request: Request) -> Response:
        authenticate(request, service.generations.newest.token)
        return await answer(service)

    return handle


def _endpoint(handler: Handler) -> Handler:
    """*handler* as a function: Starlette takes a callable object for an application."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except RequestError as error:
            return error.response()

    return endpoint


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for nothing else
    words = error.detail.lower()
    return JSONResponse(error_body("notHere", words), error.status_code, error.headers)


async def _mistake(_: Request, __: Exception) -> Response:
    return JSONResponse(error_body("internal", "internal error; see the service's log"), 500)


_ON_ERRORS: Mapping[Any, Any] = {HTTPException: _http_error, Exception: _mistake}


class _Counted:
    """Counts answers by path and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: set[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope.get("path") in self._paths else "other"

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.request(path, message["status"])
            await send(message)

        await self._app(scope, receive, counting)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")

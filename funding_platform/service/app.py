"""The service as an ASGI application, put together."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from funding_platform.core.errors import FundingError
from funding_platform.flows.queries.venues import collected_venues
from funding_platform.service.access.callers import caller_of
from funding_platform.service.access.front import Front
from funding_platform.service.access.keys import Keyring
from funding_platform.service.cache import Cache
from funding_platform.service.dashboard import dashboard
from funding_platform.service.desk import Desk
from funding_platform.service.problems import (
    ProblemError,
    problem_of,
    problem_of_request,
    problem_response,
)
from funding_platform.service.reader import Readers
from funding_platform.service.routes import (
    backtests,
    history,
    operations,
    rates,
    trading,
    venues,
)
from funding_platform.service.streams import routes as streams
from funding_platform.service.streams.hub import Hub
from funding_platform.service.versions import Versions
from funding_platform.settings import Settings
from funding_platform.telemetry import declared
from funding_platform.telemetry.metrics import Family

PREFIX: Final = "/api/v1"

DESCRIPTION: Final = """\
Funding rates of perpetual futures: what they are, were, and may earn.

Rates are fractions of notional, positive where longs pay shorts; the unit of every field is in its
description. Absent values are null, never 0. Every answer tells as of when it is, how old that is,
and the version of the lake that it was read from.
"""

KEYS_LOOKED_AT_EVERY_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Service:
    """The application, and what has to be told that it ends.

    Parameters
    ----------
    app
        What a server runs.
    hub
        What its streams follow.
    """

    app: ASGIApp
    hub: Hub


def create_service(settings: Settings, *, public: bool = False) -> Service:
    """Make the application.

    Parameters
    ----------
    settings
        Say where everything is, and the bounds of questions.
    public
        Whether everybody needs a key; else only this machine is served, without one.
    """
    readers = Readers(settings)
    versions = Versions(settings, readers)
    cache = Cache(settings.service_cache_mib * 2**20, versions.is_current)
    keyring = Keyring(settings.service_keys_file)
    keyring.refresh()
    hub = Hub(readers, versions)

    app = _Described(
        title="funding-platform",
        version=version("funding-platform"),
        description=DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        lifespan=_running(versions, keyring, hub, readers),
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.desk = Desk(
        settings, readers, versions, cache, secrets.token_hex(4), public, collected_venues(settings)
    )
    for routes in (rates, history, venues, backtests, trading, operations):
        app.include_router(routes.router, prefix=PREFIX)
    app.include_router(operations.at_root)
    app.include_router(streams.router)
    app.include_router(dashboard())
    app.state.keyring, app.state.hub = keyring, hub
    _explain_errors(app)
    front = Front(
        app, keyring=keyring, cache=cache, public=public, origins=settings.service_origins
    )
    app.state.figures = lambda: [*front.families(), *_of_cache(cache), *hub.families()]
    if not settings.service_origins:
        return Service(front, hub)
    wrapped = CORSMiddleware(
        front,
        allow_origins=[*settings.service_origins],
        allow_methods=["GET"],
        allow_headers=["Authorization", "X-API-Key", "If-None-Match"],
        expose_headers=["*"],
    )
    return Service(wrapped, hub)


def _running(
    versions: Versions, keyring: Keyring, hub: Hub, readers: Readers
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Have the newest versions, the keys and the streams looked after while the service runs."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await versions.refresh()
        kept = {"versions": versions.keep(), "keys": _keep(keyring), "streams": hub.keep()}
        tasks = [asyncio.create_task(work, name=name) for name, work in kept.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            readers.close()

    return running


class _Described(FastAPI):
    """FastAPI, whose description tells of keys, which the front asks for."""

    def openapi(self) -> dict[str, Any]:
        """Describe the routes, and how keys are sent."""
        told = super().openapi()
        schemes = told.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["bearer"] = {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of `funding keys create`; on loopback none is needed to read.",
        }
        schemes["header"] = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
        told["security"] = [{}, {"bearer": []}, {"header": []}]
        return told


async def _keep(keyring: Keyring) -> None:
    while True:
        await asyncio.sleep(KEYS_LOOKED_AT_EVERY_SECONDS)
        with suppress(FundingError):  # then no key counts, and every request says so
            keyring.refresh()


def _explain_errors(app: FastAPI) -> None:
    """Have every error answered as a problem."""

    async def of_platform(request: Request, error: Exception) -> Response:
        assert isinstance(error, FundingError)
        return problem_response(problem_of(error), _id_of(request))

    async def of_parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(problem_of_request(error, _known(request)), _id_of(request))

    async def of_routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        unread = status is HTTPStatus.BAD_REQUEST  # FastAPI could not decode the body
        told = ProblemError(
            status,
            f"{request.method} {request.url.path}: {status.phrase.lower()}",
            hint="the body has to be JSON in UTF-8"
            if unread
            else f"{PREFIX}/openapi.json lists what can be asked",
            headers=error.headers,
        )
        return problem_response(told, _id_of(request))

    async def of_bugs(request: Request, error: Exception) -> Response:
        told = ProblemError(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "this is a bug in funding-platform",
            hint="the log has it under this request's id; please report that",
        )
        return problem_response(told, _id_of(request))

    app.add_exception_handler(FundingError, of_platform)
    app.add_exception_handler(RequestValidationError, of_parameters)
    app.add_exception_handler(HTTPException, of_routing)
    app.add_exception_handler(Exception, of_bugs)


def _id_of(request: Request) -> str:
    return caller_of(request.scope).request_id


def _known(request: Request) -> list[str]:
    """Return the names of the parameters that the route of a request has."""
    route: Any = request.scope.get("route")
    dependant = getattr(route, "dependant", None)
    fields = [] if dependant is None else dependant.query_params
    models = [getattr(field.field_info, "annotation", None) for field in fields]
    return [name for model in models for name in getattr(model, "model_fields", {})]


def _of_cache(cache: Cache) -> list[Family]:
    asked = cache.hits + cache.misses
    told = [
        declared.SERVICE_CACHE_BYTES.single(float(cache.held_bytes)),
        declared.SERVICE_CACHE_ANSWERS.of(
            {("yes",): float(cache.hits), ("no",): float(cache.misses)}
        ),
    ]
    return [*told, declared.SERVICE_CACHE_HIT_RATIO.single(cache.hits / asked)] if asked else told

"""The service as an ASGI application, put together."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Final, Self, TypeAlias

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from funding_platform.flows.queries.venues import collected_venues
from funding_platform.service.access.front import Front
from funding_platform.service.access.keys import Keyring
from funding_platform.service.access.sessions import Sessions
from funding_platform.service.cache import Cache
from funding_platform.service.dashboard import dashboard
from funding_platform.service.desk import Desk
from funding_platform.service.protocol import AtOnce
from funding_platform.service.reader import Readers
from funding_platform.service.routes import (
    backtests,
    history,
    operations,
    rates,
    trading,
    venues,
    webhooks,
)
from funding_platform.service.routes import sessions as sessions_routes
from funding_platform.service.routes.refusals import explain_errors
from funding_platform.service.shared import SharedCache, cache_families, namespace_of
from funding_platform.service.streams import routes as streams
from funding_platform.service.streams.hub import Hub
from funding_platform.service.versions import Versions
from funding_platform.service.webhooks.keeper import Keeper
from funding_platform.settings import Settings
from funding_platform.telemetry.metrics import Family

_LOG = logging.getLogger(__name__)

PREFIX: Final = "/api/v1"

DESCRIPTION: Final = """\
Funding rates of perpetual futures: what they are, were, and may earn.

Rates are fractions of notional, positive where longs pay shorts; the unit of every field is in its
description. Absent values are null, never 0. Every answer tells as of when it is, how old that is,
and the version of the lake that it was read from.
"""

BEGUN_AGAIN_AFTER_SECONDS: Final = 1.0

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Service:
    """The application, and what has to be told that it ends.

    Parameters
    ----------
    app
        What a server runs.
    hub
        What its streams follow.
    at_once
        Tells an answer that is there already, without a task.
    """

    app: ASGIApp
    hub: Hub
    at_once: AtOnce


def create_service(settings: Settings, *, public: bool = False) -> Service:
    """Make the application.

    Parameters
    ----------
    settings
        Say where everything is, and the bounds of questions.
    public
        Whether everybody needs a key; else only this machine is served, without one.
    """
    parts, sessions = _Parts.of(settings, private=public), Sessions(settings.service_session_file)
    app = _Described(
        title="funding-platform",
        version=version("funding-platform"),
        description=DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        lifespan=_running(parts),
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for routes in (rates, history, venues, backtests, webhooks, trading, operations):
        app.include_router(routes.router, prefix=PREFIX)
    app.include_router(operations.at_root)
    app.include_router(streams.router)
    app.include_router(dashboard())
    app.include_router(sessions_routes.router)
    explain_errors(app)
    front = Front(
        app,
        keyring=parts.keyring,
        sessions=sessions,
        cache=parts.desk.cache,
        public=public,
        origins=settings.service_origins,
    )
    app.state.desk, app.state.keyring, app.state.sessions = parts.desk, parts.keyring, sessions
    app.state.hub, app.state.webhooks = parts.hub, parts.webhooks
    app.state.figures = lambda: [*front.families(), *parts.families()]
    return Service(_for_origins(front, settings.service_origins), parts.hub, front.at_once)


@dataclass(frozen=True)
class _Parts:
    """What answers are made with, and what is looked after while the service runs."""

    readers: Readers
    versions: Versions
    keyring: Keyring
    desk: Desk
    hub: Hub
    webhooks: Keeper

    @classmethod
    def of(cls, settings: Settings, *, private: bool) -> Self:
        readers = Readers(settings)
        versions = Versions(settings, readers)
        cache = Cache(settings.service_cache_mib * 2**20, versions.is_current)
        keyring = Keyring(settings.service_keys_file)
        keyring.refresh()
        salt, shared = secrets.token_hex(4), None
        if settings.redis_url is not None:
            salt = namespace_of(settings, private=private)
            url = settings.redis_url.get_secret_value()
            shared = SharedCache(url, salt, versions.is_current)
            versions.on_change = shared.publish
        venues = collected_venues(settings)
        desk = Desk(settings, readers, versions, cache, salt, private, venues, shared)
        keeper = Keeper(settings, readers, keyring.counts)
        return cls(readers, versions, keyring, desk, Hub(readers, versions), keeper)

    def work(self) -> dict[str, Work]:
        """Return what goes on while the service runs, by name."""
        shared = self.desk.shared
        return {
            "versions": self.versions.keep,
            "keys": self.keyring.keep,
            "streams": self.hub.keep,
            "webhooks": self.webhooks.keep,
            **({} if shared is None else {"shared": partial(shared.keep, self.versions.heard)}),
        }

    def families(self) -> list[Family]:
        """Return what all of them have counted."""
        return [
            *cache_families(self.desk.cache, self.desk.shared),
            *self.hub.families(),
            *self.webhooks.families(),
        ]


def _for_origins(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Have pages of some origins read what is answered, if any may."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=[*origins],
        allow_methods=["GET"],
        allow_headers=["Authorization", "X-API-Key", "If-None-Match"],
        expose_headers=["*"],
    )


def _running(parts: _Parts) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Have the newest versions, the keys, streams and webhooks looked after meanwhile."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await parts.versions.refresh()
        tasks = [
            asyncio.create_task(_unceasing(name, work), name=name)
            for name, work in parts.work().items()
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            parts.readers.close()

    return running


async def _unceasing(name: str, work: Work) -> None:
    """Do what has no end, and begin it again where a bug has ended it: else answers grow stale."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - whatever it is, the log has it, and others are served
            _LOG.exception("%s broke off and begins again", name)
        await asyncio.sleep(BEGUN_AGAIN_AFTER_SECONDS)


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

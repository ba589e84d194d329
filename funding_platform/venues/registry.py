"""Which venues there are, and how one is opened.

Ours are imported only when they are asked for. Other packages add venues by the entry point
``funding_platform.venues`` (see ``core.system.plugins``); none can take the name of one of ours.
"""

import importlib
import math
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from funding_platform.core.system.clock import utc_now
from funding_platform.core.system.plugins import VENUES, load_plugin, loadable, only, plugins
from funding_platform.core.tables.schema import Table
from funding_platform.settings import Settings
from funding_platform.venues.adapters.ccxt.exchange import PREFIX, bridged_exchanges
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import UnknownVenueError
from funding_platform.venues.rest.breaker import Breaker
from funding_platform.venues.rest.breaker_state import BreakerRecord
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.limits import Limiter
from funding_platform.venues.rest.memory import Share
from funding_platform.venues.rest.recording import Exchange, Recorder, ReplayTransport
from funding_platform.venues.rest.state.opening import look_at_state, open_state
from funding_platform.venues.specification import VenueSpec

_ADAPTERS: Final = {
    "binance": "binance.rest:Binance",
    "bybit": "bybit.rest:Bybit",
    "okx": "okx.rest:Okx",
    "hyperliquid": "hyperliquid.rest:Hyperliquid",
    "lighter": "lighter.rest:Lighter",
    "extended": "extended.rest:Extended",
    "backpack": "backpack.rest:Backpack",
    "grvt": "grvt.rest:Grvt",
    "edgex": "edgex.rest:Edgex",
    "aster": "aster.rest:Aster",
    "coingecko": "coingecko:CoinGecko",
    "deribit": "deribit.rest:Deribit",
    "paradex": "paradex.rest:Paradex",
    "drift": "drift.rest:Drift",
}
"""Module below ``venues.adapters`` and class of each venue."""


_REPLAYED: Final = "http://replayed.invalid"
"""A base URL without a path, which no request leaves the process for."""

_NO_WAIT_IS_TOO_LONG: Final = 3600.0


def built_in_names() -> tuple[str, ...]:
    """Return the names of the venues that come with the platform."""
    return tuple(_ADAPTERS)


def venue_names() -> tuple[str, ...]:
    """Return the names of all registered venues: ours, then those of plug-ins that load."""
    plugged = loadable(VENUES, Venue, _spec_name)
    return (*_ADAPTERS, *(name for name in plugged if name not in _ADAPTERS))


def bridged_names() -> list[str]:
    """List the names under which exchanges behind ccxt open, of those with settled rates.

    Raises
    ------
    MissingExtraError
        If ccxt is not installed.
    """
    return [PREFIX + exchange for exchange in bridged_exchanges()]


def venue_spec(name: str) -> VenueSpec:
    """Return the facts about one venue.

    Raises
    ------
    UnknownVenueError
        If nothing of that name is registered.
    """
    return venue_class(name).spec


def offering(table: Table, venues: Iterable[str]) -> list[str]:
    """List those of the venues that have rows for a table."""
    return [venue for venue in venues if table in venue_spec(venue).collected]


def venue_class(name: str) -> type[Venue]:
    """Find the adapter of one venue, a registered one or ``ccxt:<exchange>``.

    Raises
    ------
    UnknownVenueError
        If nothing of that name is registered, or known to ccxt.
    MissingExtraError
        If it takes ccxt, which is not installed.
    PluginError
        If it is a plug-in that does not load or calls itself otherwise.
    """
    if name.startswith(PREFIX):
        from funding_platform.venues.adapters.ccxt.bridge import bridge_class

        return bridge_class(name.removeprefix(PREFIX))
    if name in _ADAPTERS:
        module, _, adapter = _ADAPTERS[name].partition(":")
        found: type[Venue] = getattr(
            importlib.import_module(f"funding_platform.venues.adapters.{module}"), adapter
        )
        return found
    if name in plugins(VENUES):
        plugged: type[Venue] = load_plugin(only(plugins(VENUES)[name]), Venue, _spec_name)
        return plugged
    raise UnknownVenueError(
        f"there is no venue {name!r}",
        venue=name,
        hint=f"registered are: {', '.join(venue_names())}",
    )


@asynccontextmanager
async def open_venue(
    name: str,
    base_url: str | None = None,
    *,
    settings: Settings | None = None,
    clock: Callable[[], datetime] = utc_now,
    present: datetime | None = None,
    record: Recorder | None = None,
    memory: Share | None = None,
) -> AsyncIterator[Venue]:
    """Open a venue, connected for as long as the context lasts.

    Parameters
    ----------
    name
        A registered venue, or ``ccxt:`` and an exchange that ccxt knows.
    base_url
        Where to find it; by default what the settings say, else the venue's own address.
    settings
        By default read from the environment.
    clock
        The present, in UTC; a replayed market has one of its own.
    present
        A moment that the venue takes for the present throughout, so that a replay can do the
        same; answers are stamped by ``clock`` nevertheless.
    record
        Given every complete answer, good or bad.
    memory
        What it may take of a collection's memory; all of it by default.

    Raises
    ------
    UnknownVenueError
        If nothing of that name is registered.
    """
    kind = venue_class(name)
    spec = kind.spec
    settings = settings or Settings()
    url = base_url or _address(spec, settings)
    state = open_state(settings, name, url)
    http = _client(
        spec,
        url,
        timeout_seconds=settings.request_timeout_seconds,
        limiter=Limiter(
            settings.rate_limit_scale, state=state, longest_seconds=settings.request_timeout_seconds
        ),
        headers=spec.credentials(settings, url),
        breaker=Breaker(name, state),
        clock=clock,
        record=record,
        memory=memory or Share(name, settings.collection_memory_bytes),
    )
    try:
        yield kind(http, clock if present is None else lambda: present)
    finally:
        await http.aclose()
        state.close()


@asynccontextmanager
async def replayed_venue(
    name: str, exchanges: Iterable[Exchange], present: datetime
) -> AsyncIterator[Venue]:
    """Open a venue that answers as it was recorded, at the present of then.

    Nothing is limited or waited for; the same failures fail again.

    Parameters
    ----------
    name
        A registered venue.
    exchanges
        What it answered, in order.
    present
        The present that was given to ``open_venue``.

    Raises
    ------
    UnknownVenueError
        If nothing of that name is registered.
    """
    kind = venue_class(name)
    http = _client(
        kind.spec,
        _REPLAYED,
        timeout_seconds=_NO_WAIT_IS_TOO_LONG,
        limiter=Limiter(math.inf),
        breaker=Breaker(name, open_after=math.inf),
        transport=ReplayTransport(name, exchanges),
        retry_seconds=0.0,
    )
    try:
        yield kind(http, lambda: present)
    finally:
        await http.aclose()


def breaker_record(name: str, settings: Settings | None = None) -> BreakerRecord:
    """Say how a venue stands with us: bans, failures in a row, its breaker's state.

    Raises
    ------
    UnknownVenueError
        If nothing of that name is registered.
    """
    settings = settings or Settings()
    state = look_at_state(settings, name, _address(venue_spec(name), settings))
    try:
        return Breaker(name, state).record
    finally:
        state.close()


def _spec_name(adapter: type[Venue]) -> str:
    return adapter.spec.name


def _client(spec: VenueSpec, url: str, **connection: Any) -> HttpClient:
    """Make a client that keeps to the venue's rules."""
    return HttpClient(
        spec.name,
        url,
        home_url=spec.base_url,
        budget=spec.budget,
        refusal=spec.refusal,
        used_weight_header=spec.used_weight_header,
        **connection,
    )


def _address(spec: VenueSpec, settings: Settings) -> str:
    return settings.venue_urls.get(spec.name) or spec.base_url

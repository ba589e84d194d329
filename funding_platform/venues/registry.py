"""Which venues there are, and how one is opened.

A venue's module is imported only when the venue is asked for.
"""

import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from funding_platform.settings import Settings
from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.errors import UnknownVenueError
from funding_platform.venues.http import HttpClient
from funding_platform.venues.limits import Limiter

_CLASSES: Final = {
    "binance": "Binance",
    "bybit": "Bybit",
    "okx": "Okx",
    "hyperliquid": "Hyperliquid",
}


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


def venue_names() -> tuple[str, ...]:
    """Names of all registered venues."""
    return tuple(_CLASSES)


def venue_spec(name: str) -> VenueSpec:
    """The facts about one venue.

    Raises
    ------
    UnknownVenueError
        If nothing of that name is registered.
    """
    return venue_class(name).spec


def venue_class(name: str) -> type[Venue]:
    """The adapter of one venue.

    Raises
    ------
    UnknownVenueError
        If nothing of that name is registered.
    """
    if name not in _CLASSES:
        raise UnknownVenueError(
            f"there is no venue {name!r}",
            venue=name,
            hint=f"registered are: {', '.join(venue_names())}",
        )
    module = importlib.import_module(f"funding_platform.venues.{name}")
    found: type[Venue] = getattr(module, _CLASSES[name])
    return found


@asynccontextmanager
async def open_venue(
    name: str,
    base_url: str | None = None,
    *,
    settings: Settings | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Venue]:
    """A venue, connected for as long as the context lasts.

    Parameters
    ----------
    name
        A registered venue.
    base_url
        Where to find it; by default what the settings say, else the venue's own address.
    settings
        By default read from the environment.
    clock
        The present, in UTC; a replayed market has one of its own.

    Raises
    ------
    UnknownVenueError
        If nothing of that name is registered.
    """
    kind = venue_class(name)
    spec = kind.spec
    settings = settings or Settings()
    http = HttpClient(
        spec.name,
        base_url or settings.venue_urls.get(name) or spec.base_url,
        budget=spec.budget,
        refusal=spec.refusal,
        used_weight_header=spec.used_weight_header,
        timeout_seconds=settings.request_timeout_seconds,
        limiter=Limiter(settings.rate_limit_scale),
    )
    try:
        yield kind(http, clock)
    finally:
        await http.aclose()

"""Asking a venue on a real socket for one of its datasets, at a stopped clock."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple

from funding_platform.core.time_grid import Window
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import VenueError
from funding_platform.venues.parsing.history import History
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.server import Router, Routes, serve

Row = dict[str, Any]


class Asked(NamedTuple):
    """What came back: the answer, its warnings, and the router with every request."""

    found: Any
    warnings: list[VenueError]
    router: Router


def ask(
    name: str,
    routes: Routes,
    settings: Settings,
    now: datetime,
    what: Callable[[Venue], Awaitable[Any]],
) -> Asked:
    """The answer of ``what`` by a venue that is served by ``routes``."""

    async def run() -> Asked:
        async with (
            serve(routes) as router,
            open_venue(name, router.url, settings=settings, clock=lambda: now) as venue,
        ):
            return Asked(await what(venue), venue.warnings, router)

    return asyncio.run(run())


def by_symbol(frame: Any) -> dict[str, Row]:
    """The rows of a snapshot or a list of instruments."""
    return {row["venue_symbol"]: row for row in frame.to_dicts()}


def history_of(symbol: str, window: Window) -> Callable[[Venue], Awaitable[History]]:
    """Asks for one symbol's settled rates."""
    return lambda venue: venue.funding_history([symbol], window)


def snapshot(venue: Venue) -> Awaitable[Any]:
    """Asks for the market as it stands."""
    return venue.market_snapshot()


def instruments(venue: Venue) -> Awaitable[Any]:
    """Asks for what is listed."""
    return venue.instruments()

"""Frames that a venue on a real socket gives, with its warnings, at one instant."""

import asyncio
from datetime import UTC, datetime

import polars as pl

from funding_platform.settings import Settings
from funding_platform.venues.errors import VenueError
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.server import Router, Routes, serve

NOW = datetime(2026, 9, 13, 22, 30, tzinfo=UTC)


def snapshot(
    venue: str, routes: Routes, settings: Settings, what: str = "market_snapshot"
) -> tuple[pl.DataFrame, list[VenueError], Router]:
    async def run() -> tuple[pl.DataFrame, list[VenueError], Router]:
        async with (
            serve(routes) as router,
            open_venue(venue, router.url, settings=settings, clock=lambda: NOW) as opened,
        ):
            return await getattr(opened, what)(), opened.warnings, router

    return asyncio.run(run())

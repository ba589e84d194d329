"""Asking the sandbox's Binance through ccxt, and the contracts that a test picks."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.sandbox.markets.market import Instrument, Market
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.registry import open_venue

T = TypeVar("T")
NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
YEAR = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
USDM = "ccxt:binanceusdm"


def unified(instrument: Instrument) -> str:
    contract = instrument.contract
    return f"{contract.base}/{contract.quote}:{contract.quote}"


def with_venue(
    sandbox: RunningSandbox,
    settings: Settings,
    work: Callable[[Venue], Awaitable[T]],
    name: str = USDM,
) -> tuple[T, Venue]:
    async def run() -> tuple[T, Venue]:
        url = sandbox.url_of("binance")
        async with open_venue(name, url, settings=settings, clock=lambda: NOW) as venue:
            return await work(venue), venue

    return asyncio.run(run())


def settling_every(market: Market, hours: int) -> list[Instrument]:
    """Contracts that always settled at that interval, and existed throughout the year."""
    return [
        instrument
        for instrument in market.instruments("binance")
        if {length for _, length in instrument.intervals} == {hours}
        and instrument.listed_ms < to_ms(YEAR.start)
        and instrument.trades_at(market.now_ms())
    ]

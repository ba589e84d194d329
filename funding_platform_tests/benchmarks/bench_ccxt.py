"""A year of one symbol through ccxt: our completeness rule against ccxt's own pagination.

Both read the sandbox's Binance through ccxt's Binance, without waiting for budgets: ours with our
client and pager, the peer with ccxt's client and ``paginate``. Rows are counted against the market.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from urllib.parse import urlsplit

import ccxt.async_support as ccxt

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.sandbox.markets.market import Instrument, Market
from funding_platform.sandbox.server import RunningSandbox, build_market
from funding_platform.settings import Settings
from funding_platform.venues.registry import open_venue
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.benchmarks.sandbox_process import RATE_LIMIT_SCALE, sandbox_process

NOW = datetime(2026, 3, 1, 1, tzinfo=UTC)
YEAR = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
SYMBOLS = 300
HISTORY_PATH = "/fapi/v1/fundingRate"
REPEATS = 5


@dataclass(frozen=True)
class Reading:
    """How many of the settlements came, in how many requests, and how long the best try took."""

    rows: int
    requests: int
    seconds: float


def run(quick: bool = False) -> list[Measurement]:
    """Rows lost, requests and time, beside those of ccxt."""
    market = build_market(symbols=SYMBOLS, now=NOW)
    repeats = 1 if quick else REPEATS
    rows = []
    with sandbox_process(SYMBOLS, NOW) as sandbox:
        for hours in (8, 4, 1):
            instrument = _settling_every(market, hours)
            made = _made(market, instrument)
            ours = asyncio.run(_ours(sandbox, instrument, repeats))
            peer = asyncio.run(_theirs(sandbox, instrument, repeats))
            assert ours.rows == made
            name = f"{made} settlements of a {hours} h symbol"
            rows += [
                Measurement(f"{name}: rows lost", made - ours.rows, "rows", made - peer.rows),
                Measurement(f"{name}: requests", ours.requests, "requests", peer.requests),
                Measurement(f"{name}: time", 1e3 * ours.seconds, "ms", 1e3 * peer.seconds),
            ]
    return rows


def _settling_every(market: Market, hours: int) -> Instrument:
    """A contract that always settled at that interval and existed throughout the year."""
    return next(
        instrument
        for instrument in market.instruments("binance")
        if {length for _, length in instrument.intervals} == {hours}
        and instrument.listed_ms < to_ms(YEAR.start)
        and instrument.trades_at(to_ms(YEAR.end))
    )


def _made(market: Market, instrument: Instrument) -> int:
    times = market.settlements("binance", instrument.venue_symbol).times_ms
    return int(((times >= to_ms(YEAR.start)) & (times < to_ms(YEAR.end))).sum())


def _unified(instrument: Instrument) -> str:
    contract = instrument.contract
    return f"{contract.base}/{contract.quote}:{contract.quote}"


def _asked(sandbox: RunningSandbox) -> int:
    counted = sandbox.stats().get("binance", {}).get(HISTORY_PATH, {})
    return counted.get("requests", 0)


async def _ours(sandbox: RunningSandbox, instrument: Instrument, repeats: int) -> Reading:
    settings = Settings(rate_limit_scale=RATE_LIMIT_SCALE)
    symbol, took = _unified(instrument), []
    url = sandbox.url_of("binance")
    async with open_venue("ccxt:binanceusdm", url, settings=settings, clock=lambda: NOW) as venue:
        await venue.listings()
        before = _asked(sandbox)
        for _ in range(repeats):
            begin = perf_counter()
            frame = await venue.funding_rates([symbol], YEAR.start, YEAR.end)
            took.append(perf_counter() - begin)
    return Reading(frame.height, (_asked(sandbox) - before) // repeats, min(took))


async def _theirs(sandbox: RunningSandbox, instrument: Instrument, repeats: int) -> Reading:
    exchange = ccxt.binanceusdm({"enableRateLimit": False})
    url = sandbox.url_of("binance")
    exchange.urls["api"] = {
        name: url + urlsplit(address).path for name, address in exchange.urls["api"].items()
    }
    symbol, took = _unified(instrument), []
    first, last = to_ms(YEAR.start), to_ms(YEAR.end) - 1
    try:
        await exchange.load_markets()
        before = _asked(sandbox)
        for _ in range(repeats):
            begin = perf_counter()
            found = await exchange.fetch_funding_rate_history(
                symbol, first, None, {"until": last, "paginate": True}
            )
            took.append(perf_counter() - begin)
    finally:
        await exchange.close()
    inside = {row["timestamp"] for row in found if first <= row["timestamp"] <= last}
    return Reading(len(inside), (_asked(sandbox) - before) // repeats, min(took))


if __name__ == "__main__":
    for line in run():
        print(line)

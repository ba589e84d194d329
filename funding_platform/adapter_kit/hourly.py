"""Does an adapter read back the bars, and the open interest, of the market behind the sandbox?"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import polars as pl

from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.time_grid import HOUR_MS, Window, to_ms
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.markets.series import Candles, PriceKind, Span
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.parsing.hourly import HourlyHistory
from funding_platform.venues.registry import open_venue, venue_spec

NOW: Final = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
WINDOW: Final = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 2, 20, 7, tzinfo=UTC))
"""More hours than any venue hands out at once, within what each of them keeps."""

HELD: Final = Window(datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC))
MARKETS: Final = 3
"""Markets whose rows are read: enough that a thin one is among them."""

TOLERANCE: Final = 1e-3
"""What a price may differ by: the market knows more decimals than a venue publishes."""


def check_hourly(name: str) -> None:
    """Check a venue's rows by the hour against the market behind the sandbox, as far as it has any.

    Parameters
    ----------
    name
        A registered venue with a wire in the sandbox.

    Raises
    ------
    AssertionError
        Naming the first market that differs, and how.
    """
    market = build_market(symbols=30, seed=5, now=NOW)
    with running_sandbox(market) as sandbox:
        check_hourly_served(name, market, sandbox)


def check_hourly_served(name: str, market: Market, sandbox: RunningSandbox) -> None:
    """Check the same of a market whose present is ``NOW``, and a sandbox that serves it."""
    asyncio.run(_compare(name, market, sandbox))


async def _compare(name: str, market: Market, sandbox: RunningSandbox) -> None:
    settings = Settings(rate_limit_scale=1_000)
    url, offers = sandbox.url_of(name), venue_spec(name).offers
    async with open_venue(name, url, settings=settings, clock=lambda: NOW) as venue:
        if PRICE_CANDLES in offers:
            await _compare_candles(venue, market)
        if SPOT_CANDLES in offers:
            await _compare_spot(venue, market)
        if OPEN_INTEREST in offers:
            await _compare_interest(venue, market)
        assert not venue.warnings, f"it warned: {venue.warnings}"


async def _compare_candles(venue: Venue, market: Market) -> None:
    """Compare every kind of bar of some contracts."""
    name, symbols = venue.spec.name, await _some(venue)
    for kind in venue.spec.candle_kinds:
        found = await venue.candle_history(symbols, WINDOW, kind)
        made = {
            symbol: market.candles(name, symbol, _price_kind(kind), _span(WINDOW), 8)
            for symbol in symbols
        }
        omits = venue.spec.candles_of(kind).empty_bars != "flat"
        _same_bars(f"{kind} candles", found, made, omits=omits)


async def _compare_spot(venue: Venue, market: Market) -> None:
    spec = venue.spec.spot_candles
    assert spec is not None, "it offers spot candles without saying how"
    symbols = list(await venue.spot_markets())[:MARKETS]
    assert symbols, "it lists no spot market"
    found = await venue.spot_candle_history(symbols, WINDOW)
    made = {
        symbol: market.spot_candles(venue.spec.name, symbol, _span(WINDOW), 8) for symbol in symbols
    }
    _same_bars("spot candles", found, made, omits=spec.empty_bars != "flat")


async def _compare_interest(venue: Venue, market: Market) -> None:
    symbols = await _some(venue)
    found = await venue.open_interest_history(symbols, HELD)
    _whole("open interest", found)
    for symbol in symbols:
        made = market.open_interest(venue.spec.name, symbol, HOUR_MS, _span(HELD))
        rows = found.frame.filter(venue_symbol=symbol)
        times = rows["time"].dt.epoch("ms").to_list()
        assert times == made.times_ms.tolist(), f"{symbol}: hours of open interest differ"
        for column, expected in (
            ("open_interest_base", made.base),
            ("open_interest_usd", made.value),
        ):
            _same(f"{symbol}: {column}", rows[column], expected.tolist())


async def _some(venue: Venue) -> list[str]:
    frame = await venue.instruments()
    listed = frame.filter(
        pl.col("status") == "trading",
        pl.col("listed_at").is_null() | (pl.col("listed_at") < HELD.start),
    )
    return listed["venue_symbol"].to_list()[:MARKETS]


def _same_bars(
    what: str, found: HourlyHistory, made: Mapping[str, Candles], *, omits: bool
) -> None:
    """Check that the hours are those of the market, but for those without a deal if omitted."""
    _whole(what, found)
    for symbol, bars in made.items():
        rows = found.frame.filter(venue_symbol=symbol)
        times = rows["open_time"].dt.epoch("ms").to_list()
        expected = pl.DataFrame(
            {"at": bars.opens_ms, "volume_base": bars.volumes, "open": bars.opens,
             "high": bars.highs, "low": bars.lows, "close": bars.closes}
        )  # fmt: skip
        if omits:
            dealt = expected.filter(pl.col("volume_base") > 0)["at"].to_list()
            assert set(dealt) <= set(times), f"{symbol}: {what} with deals are missing"
            expected = expected.filter(pl.col("at").is_in(times))
        assert times == expected["at"].to_list(), f"{symbol}: hours of {what} differ"
        for column in ("open", "high", "low", "close"):
            _same(f"{symbol}: {column} of {what}", rows[column], expected[column].to_list())


def _whole(what: str, found: HourlyHistory) -> None:
    assert not found.failures, f"{what} failed: {found.failures}"
    assert not found.left_out, f"{what} were left out: {found.left_out}"
    assert found.missing.is_empty(), f"{what} are missing: {found.missing}"
    for symbol, coverage in found.coverage.items():
        assert coverage.proven, f"{symbol}: its {what} are not proven to be whole"


def _same(what: str, found: pl.Series, expected: list[float]) -> None:
    """Check that values agree where the venue states them."""
    pairs = zip(found.to_list(), expected, strict=True)
    bad = [(a, b) for a, b in pairs if a is not None and abs(a - b) > TOLERANCE * abs(b)]
    assert not bad, f"{what} is {bad[0][0]}, the market has {bad[0][1]}"


def _span(window: Window) -> Span:
    return Span(to_ms(window.start), to_ms(window.end) - 1, 10**6)


def _price_kind(kind: str) -> PriceKind:
    kinds: dict[str, PriceKind] = {"mark": "mark", "index": "index", "trade": "trade"}
    return kinds[kind]

"""Real settlement histories behind each venue's contract: exact rows, few requests, any split."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.time_grid import Window, from_ms
from funding_platform.settings import Settings
from funding_platform.venues.errors import RequestError, UnavailableError, VenueError
from funding_platform.venues.paging.pager import Ended, round_to_second
from funding_platform.venues.parsing.history import History
from funding_platform.venues.reading import IN_FLIGHT
from funding_platform.venues.registry import open_venue
from funding_platform.venues.rest.concurrency import BREACH_AFTER
from funding_platform_tests.venues.histories import NOW, Row, history_route, read_series
from funding_platform_tests.venues.server import Answer, serve

SERIES = [
    ("binance", "BTCUSDT", "binance/BTCUSDT.csv"),
    ("binance", "RESOLVUSDT", "binance/RESOLVUSDT.csv"),
    ("binance", "SOLUSDT", "binance/SOLUSDT.csv"),
    ("bybit", "BTCUSD", "bybit/BTCUSD.csv"),
    ("bybit", "INJUSDT", "bybit/INJUSDT.csv"),
    ("okx", "SOL-USDT-SWAP", "okx/SOL-USDT-SWAP.csv"),
    ("hyperliquid", "BTC", "hyperliquid/BTC.csv.gz"),
    ("hyperliquid", "SOL", "hyperliquid/SOL.csv.gz"),
    ("lighter", "BTC", "lighter/BTC.csv"),
    ("lighter", "HYPE", "lighter/HYPE.csv"),
    ("lighter", "SOL", "lighter/SOL.csv"),
    ("extended", "BTC-USD", "hyperliquid/BTC.csv.gz"),
    ("backpack", "BTC_USDC_PERP", "hyperliquid/SOL.csv.gz"),
    ("grvt", "BTC_USDT_Perp", "bybit/BTCUSD.csv"),
    ("deribit", "BTC-PERPETUAL", "deribit/BTC-PERPETUAL.csv.gz"),
]
"""Venue, symbol, and a history: its own, or that of another venue where there is none."""


def fetch(
    venue: str, symbol: str, series: list[Row], windows: Iterable[Window], cap: int = 10**6
) -> list[History]:
    async def run() -> list[History]:
        async with (
            serve(history_route(venue, series, cap)) as router,
            open_venue(
                venue, router.url, settings=Settings(rate_limit_scale=1_000), clock=lambda: NOW
            ) as opened,
        ):
            return [await opened.funding_history([symbol], window) for window in windows]

    return asyncio.run(run())


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("venue", "symbol", "file"), SERIES)
def test_a_history_comes_whole_whether_read_at_once_or_month_by_month(
    shared_dir: Path, venue: str, symbol: str, file: str
) -> None:
    series = read_series(shared_dir / "data" / "funding" / file)[:3000]
    whole_window = Window(from_ms(series[40].time_ms), from_ms(series[-40].time_ms))
    months = list(whole_window.months())
    edges = [whole_window.start, *(month.start for month in months[1:]), whole_window.end]
    parts_windows = [Window(start, end) for start, end in pairwise(edges)]

    whole, *parts = fetch(venue, symbol, series, [whole_window, *parts_windows])

    inside = [row for row in series if from_ms(round_to_second(row.time_ms)) in whole_window]
    assert whole.frame["venue_time"].to_list() == [from_ms(row.time_ms) for row in inside]
    assert whole.frame["funding_rate"].to_list() == [float(row.rate) for row in inside]
    assert whole.frame["interval_hours"].null_count() == 0
    joined = pl.concat(part.frame for part in parts)
    assert joined.drop("observed_at").equals(whole.frame.drop("observed_at"))


@pytest.mark.parametrize(
    ("venue", "symbol", "month"),
    [
        ("binance", "BTCUSDT", datetime(2025, 3, 1, tzinfo=UTC)),
        ("bybit", "BTCUSDT", datetime(2025, 8, 1, tzinfo=UTC)),
        ("okx", "BTC-USDT-SWAP", datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_month_of_eight_hour_rates_costs_one_request(
    shared_dir: Path, venue: str, symbol: str, month: datetime
) -> None:
    series = read_series(shared_dir / "data" / "funding" / venue / f"{symbol}.csv")
    [history] = fetch(venue, symbol, series, [Window.of_month(month)])
    coverage = history.coverage[symbol]
    assert (coverage.rows, coverage.missing, coverage.requests) == (93, 0, 1)
    assert coverage.ended is Ended.ROW_BEYOND
    assert coverage.proven


def test_a_server_that_caps_lower_than_asked_costs_requests_but_no_rows(shared_dir: Path) -> None:
    series = read_series(shared_dir / "data" / "funding" / "binance" / "BTCUSDT.csv")
    [history] = fetch(
        "binance", "BTCUSDT", series, [Window.of_month(datetime(2025, 3, 1, tzinfo=UTC))], cap=20
    )
    assert (history.frame.height, history.coverage["BTCUSDT"].requests) == (93, 5)


def test_the_interval_change_of_hyperliquid_is_seen(shared_dir: Path) -> None:
    series = read_series(shared_dir / "data" / "funding" / "hyperliquid" / "SOL.csv.gz")
    window = Window(datetime(2023, 5, 20, tzinfo=UTC), datetime(2023, 6, 20, tzinfo=UTC))
    [history] = fetch("hyperliquid", "SOL", series, [window])
    intervals = history.frame["interval_hours"]
    assert (intervals.first(), intervals.last()) == (8.0, 1.0)


def test_what_okx_no_longer_keeps_is_not_taken_for_nothing() -> None:
    window = Window(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    [history] = fetch("okx", "BTC-USDT-SWAP", [], [window])
    coverage = history.coverage["BTC-USDT-SWAP"]
    assert (coverage.rows, coverage.ended, coverage.proven) == (0, Ended.NOT_KEPT, False)


MARCH = Window.of_month(datetime(2025, 3, 1, tzinfo=UTC))


def read_many(
    answers: dict[str, Answer], symbols: list[str], settings: Settings
) -> tuple[History | VenueError, list[str], int]:
    """Histories of binance symbols, each answered as given or with nothing."""
    done: list[str] = []

    async def run() -> tuple[History | VenueError, list[str], int]:
        route = {"/fapi/v1/fundingRate": lambda p: answers.get(p["symbol"], Answer([]))}
        async with (
            serve(dict(route)) as router,
            open_venue("binance", router.url, settings=settings) as venue,
        ):
            try:
                history = await venue.funding_history(symbols, MARCH, on_symbol=done.append)
            except VenueError as error:
                return error, done, len(router.requests)
            return history, done, len(router.requests)

    return asyncio.run(run())


def test_a_symbol_that_fails_costs_only_itself(settings: Settings) -> None:
    bad = Answer({"code": -1121, "msg": "Invalid symbol."}, 400)
    history, done, _ = read_many({"B": bad, "D": Answer(b"", 500)}, ["A", "B", "C", "D"], settings)
    assert isinstance(history, History)
    assert list(history.coverage) == ["A", "C"]
    assert {name: type(error).__name__ for name, error in history.failures.items()} == {
        "B": "UnknownSymbolError",
        "D": "ServerError",
    }
    assert sorted(done) == ["A", "B", "C", "D"]


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (Answer(b"", 418), "BannedError"),
        (Answer(b"", 429, {"Retry-After": "9999"}), "RateLimitedError"),
        (Answer([{"symbol": "B"}]), "ContractError"),
        (Answer(b"", 301, {"Location": "/"}), "RedirectError"),
    ],
)
def test_what_concerns_the_whole_venue_stops_at_once(
    settings: Settings, answer: Answer, name: str
) -> None:
    symbols = [f"S{i}" for i in range(200)]
    error, _, requests = read_many(dict.fromkeys(symbols, answer), symbols, settings)
    assert type(error).__name__ == name
    assert requests <= IN_FLIGHT + BREACH_AFTER


def test_an_outage_ends_the_asking(settings: Settings) -> None:
    symbols = [f"S{i}" for i in range(200)]
    error, _, requests = read_many(dict.fromkeys(symbols, Answer(b"", 503)), symbols, settings)
    assert isinstance(error, UnavailableError)
    assert requests < 150


def test_asked_for_strictly_one_failing_symbol_raises(settings: Settings) -> None:
    async def run() -> None:
        async with (
            serve({"/fapi/v1/fundingRate": Answer({"code": -1100, "msg": "no"}, 400)}) as router,
            open_venue("binance", router.url, settings=settings) as venue,
        ):
            await venue.funding_rates(["A"], MARCH.start, MARCH.end)

    with pytest.raises(RequestError, match="no"):
        asyncio.run(run())


def test_no_symbols_give_no_rows(settings: Settings) -> None:
    history, _, requests = read_many({}, [], settings)
    assert isinstance(history, History)
    assert (history.frame.height, requests) == (0, 0)

"""Aster: recorded answers, and where it differs from the Binance that it copied."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from funding_platform.settings import Settings
from funding_platform.venues.adapters.aster.rest import Aster
from funding_platform.venues.adapters.binance.rest import Binance
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import ServerError, UnknownSymbolError, VenueError
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.adapters.recorded_cases import (
    FIXTURES,
    Case,
    Row,
    assert_as_expected,
    body,
    every_case,
)
from funding_platform_tests.venues.server import Answer, Router, Routes, serve

NOW = datetime(2026, 9, 11, 17, 28, tzinfo=UTC)
PREMIUM = "/fapi/v1/premiumIndex"
INFO, INTERVALS = "/fapi/v1/exchangeInfo", "/fapi/v1/fundingInfo"
HISTORY, INTEREST = "/fapi/v1/fundingRate", "/fapi/v1/openInterest"
TICKERS = "/fapi/v1/ticker/24hr"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SUSHIUSDT", "INJUSDT", "ZORAUSDT")


def listed(symbol: str, status: str = "TRADING") -> Row:
    return {"symbol": symbol, "status": status, "contractType": "PERPETUAL",
            "baseAsset": symbol.removesuffix("USDT"), "quoteAsset": "USDT",
            "marginAsset": "USDT"}  # fmt: skip


def premium(symbol: str, rate: str = "0.0001") -> Row:
    return {"symbol": symbol, "lastFundingRate": rate, "nextFundingTime": 1_789_171_200_000,
            "markPrice": "100", "indexPrice": "99"}  # fmt: skip


def routes() -> Routes:
    return {
        INFO: Answer({"symbols": [listed(symbol) for symbol in SYMBOLS]}),
        PREMIUM: Answer([premium(symbol) for symbol in SYMBOLS]),
        INTERVALS: Answer([]),
        TICKERS: Answer([]),
        "/fapi/v1/ticker/bookTicker": Answer([]),
        INTEREST: lambda params: Answer({"symbol": params["symbol"], "openInterest": "7"}),
    }


def ask(
    changes: Routes, settings: Settings, what: Callable[[Venue], Any]
) -> tuple[dict[str, Row], list[VenueError], Router]:
    async def run() -> tuple[dict[str, Row], list[VenueError], Router]:
        async with (
            serve(routes() | changes) as router,
            open_venue("aster", router.url, settings=settings, clock=lambda: NOW) as venue,
        ):
            frame: pl.DataFrame = await what(venue)
            rows = {f"{r['venue_symbol']} {r.get('venue_time')}": r for r in frame.to_dicts()}
            return rows, venue.warnings, router

    return asyncio.run(run())


def snapshot(venue: Venue) -> Any:
    return venue.market_snapshot()


def history(venue: Venue) -> Any:
    return venue.funding_rates(["BTCUSDT"], NOW - timedelta(days=4), NOW)


def instruments(venue: Venue) -> Any:
    return venue.instruments()


WHAT: dict[str, Callable[[Venue], Any]] = {INFO: instruments, HISTORY: history}


@every_case("aster")
def test_recorded_answers_hold_the_expected_values(case: Case, settings: Settings) -> None:
    path = case["path"].replace("/v3/", "/v1/")
    recorded = Answer(body(case))
    answer = [recorded, Answer([])] if path == HISTORY else recorded
    eight = Answer([{"symbol": symbol, "fundingIntervalHours": 8} for symbol in SYMBOLS])
    found, _, _ = ask({INTERVALS: eight, path: answer}, settings, WHAT.get(path, snapshot))
    for expected in case["expected_normalised"]:
        at = datetime.fromtimestamp(expected["settled_ms"] / 1e3, UTC) if path == HISTORY else None
        key = f"{expected['native_symbol']} {at}"
        if expected["native_symbol"] == "GNSUSD":  # not listed, whatever else names it
            assert key not in found
        else:
            assert_as_expected(expected, found[key])
            assert found[key].get("status", "trading") == "trading"


def test_an_invalid_symbol_is_named_in_the_recorded_words(settings: Settings) -> None:
    error = FIXTURES / "aster" / "docs-error-invalid-symbol.json"
    if not error.exists():
        pytest.skip("needs the recordings")
    with pytest.raises(UnknownSymbolError, match=r"-1121: Invalid symbol\."):
        ask({HISTORY: Answer(error.read_bytes(), 400)}, settings, history)


def test_only_what_exchange_info_lists_as_trading_is_asked_for(settings: Settings) -> None:
    names = Answer([listed("BTCUSDT"), listed("OLDUSDT", "SETTLING")])
    changes: Routes = {
        INFO: Answer({"symbols": names.body}),
        INTERVALS: Answer([{"symbol": "BTCUSDT", "fundingIntervalHours": 8}]),
        PREMIUM: Answer([premium("BTCUSDT"), premium("OLDUSDT"), premium("GNSUSD", "0")]),
    }
    found, warnings, router = ask(changes, settings, snapshot)
    assert [row["venue_symbol"] for row in found.values()] == ["BTCUSDT"]
    asked = [r.params["symbol"] for r in router.requests if r.path == INTEREST]
    assert asked == ["BTCUSDT"]
    assert warnings == []
    assert sum(r.path == INFO for r in router.requests) == 1


def test_without_exchange_info_there_is_no_snapshot(settings: Settings) -> None:
    with pytest.raises(ServerError, match="exchangeInfo"):
        ask({INFO: Answer(b"", 500)}, settings, snapshot)


def test_an_interval_that_funding_info_leaves_out_is_unknown(settings: Settings) -> None:
    stated = Answer([{"symbol": "BTCUSDT", "fundingIntervalHours": hours} for hours in (1,)])
    found, _, _ = ask({INTERVALS: stated}, settings, snapshot)
    assert found["BTCUSDT None"]["interval_hours"] == 1.0
    assert found["ETHUSDT None"]["interval_hours"] is None


def test_funding_calls_count_against_the_one_budget() -> None:
    assert (Aster.history.budget, Aster.funding_info.budget) == (None, None)
    assert Binance.history.budget is not None
    assert Aster.spec.budget == Binance.spec.budget

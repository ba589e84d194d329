"""Backpack: the interval still open, times without a zone, and what is no perpetual."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from funding_platform.core.time_grid import Window
from funding_platform.settings import Settings
from funding_platform.venues.adapters.backpack.rest import HISTORY, TICKERS
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.paging.pager import Ended
from funding_platform.venues.parsing.history import History
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.frames import snapshot
from funding_platform_tests.venues.server import Answer, Params, serve

SYMBOL = "BTC_USDC_PERP"
START = datetime(2026, 3, 1, tzinfo=UTC)


def rows_until(newest: datetime, count: int) -> list[dict[str, str]]:
    """Hourly rows, newest first; each rate tells how old its row is."""
    return [
        {
            "symbol": SYMBOL,
            "fundingRate": f"{row * 1e-7:.9f}",
            "intervalEndTimestamp": f"{newest - timedelta(hours=row):%Y-%m-%dT%H:%M:%S}",
        }
        for row in range(count)
    ]


def read(rows: list[Any], window: Window, now: datetime, settings: Settings) -> History:
    def page(params: Params) -> Answer:
        first = int(params["offset"])
        return Answer(rows[first : first + int(params["limit"])])

    async def run() -> History:
        async with (
            serve({"/api/v1/fundingRates": page}) as router,
            open_venue("backpack", router.url, settings=settings, clock=lambda: now) as venue,
        ):
            return await venue.funding_history([SYMBOL], window)

    return asyncio.run(run())


@pytest.mark.parametrize("minutes", [0, 1, 59])
def test_the_open_interval_is_no_settlement(settings: Settings, minutes: int) -> None:
    now = START + timedelta(hours=30, minutes=minutes)
    rows = rows_until(START + timedelta(hours=31), 100)
    history = read(rows, Window(START, START + timedelta(days=2)), now, settings)
    assert history.frame["funding_time"].max() == START + timedelta(hours=30)
    assert history.frame.height == 31
    assert history.coverage[SYMBOL].ended is Ended.ROW_BEYOND


def test_a_history_that_holds_nothing_but_the_open_interval(settings: Settings) -> None:
    rows = rows_until(START + timedelta(hours=31), 1)
    now = START + timedelta(hours=30, minutes=5)
    history = read(rows, Window(START, START + timedelta(days=2)), now, settings)
    assert (history.frame.height, history.coverage[SYMBOL].ended) == (0, Ended.EXHAUSTED)


@pytest.mark.parametrize(
    "time", ["2026-09-13T22:00:00Z", "2026-09-13T22:00:00+02:00", 1_789_336_800, "yesterday"]
)
def test_a_time_with_a_zone_or_as_a_number_breaks_the_contract(time: Any) -> None:
    row = rows_until(START, 1)[0] | {"intervalEndTimestamp": time}
    with pytest.raises(msgspec.ValidationError, match="intervalEndTimestamp"):
        HISTORY.decode(msgspec.json.encode([row]))


def test_an_unknown_symbol(settings: Settings) -> None:
    refused = Answer({"code": "INVALID_SYMBOL", "message": "Invalid symbol"}, 400)

    async def run() -> History:
        async with (
            serve({"/api/v1/fundingRates": refused}) as router,
            open_venue("backpack", router.url, settings=settings) as venue,
        ):
            return await venue.funding_history(["NOPE"], Window.of_month(START))

    assert isinstance(asyncio.run(run()).failures["NOPE"], UnknownSymbolError)


def price(symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "fundingRate": "0.0000125",
        "markPrice": "2",
        "indexPrice": "2",
        "nextFundingTimestamp": 1_789_340_400_000,
    }


def test_a_snapshot_by_hand(settings: Settings) -> None:
    listed = {
        "symbol": "A_USDC_PERP",
        "baseSymbol": "A",
        "quoteSymbol": "USDC",
        "marketType": "PERP",
        "orderBookState": "Open",
        "fundingInterval": 4 * 3_600_000,
        "filters": {"price": {}, "quantity": {}},
    }
    interest = [
        {"symbol": "A_USDC_PERP", "openInterest": "5"},
        {"symbol": "X_USDC_PREDICTION", "openInterest": "6"},
    ]
    routes: dict[str, Any] = {
        "/api/v1/markPrices": Answer([price("A_USDC_PERP"), price("B_EUR_PERP")]),
        "/api/v1/markets": Answer([listed]),
        "/api/v1/openInterest": Answer(interest),
        "/api/v1/tickers": Answer([{"symbol": "B_EUR_PERP", "quoteVolume": "7"}]),
    }
    frame, warnings, _ = snapshot("backpack", routes, settings)
    a, b = frame.to_dicts()
    assert (a["interval_hours"], b["interval_hours"]) == (4.0, 1.0)
    assert (a["open_interest_base"], a["open_interest_usd"], a["volume_24h_usd"]) == (5, 10, None)
    assert (b["open_interest_base"], b["volume_24h_usd"]) == (None, None)
    assert warnings == []


def test_recorded_volumes(shared_dir: Path) -> None:
    """One of the tickers was recorded without the mark price that a snapshot needs."""
    fixtures = shared_dir / "venues" / "fixtures"
    cases = json.loads((fixtures / "INDEX.json").read_text())["cases"]
    [case] = [case for case in cases if case["file"] == "backpack/tickers.json"]
    rows = TICKERS.decode((fixtures / case["file"]).read_bytes())
    assert {row.venue_symbol: row.volume_24h_quote for row in rows} == {
        row["native_symbol"]: float(row["volume_24h_quote"]) for row in case["expected_normalised"]
    }

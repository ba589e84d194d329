"""Snapshots and listings: what is required, what degrades, units, and what is refused."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from funding_platform.settings import Settings
from funding_platform.venues.errors import (
    BannedError,
    ContractError,
    EmptyAnswerError,
    RateLimitedError,
    ServerError,
    VenueError,
)
from funding_platform.venues.registry import open_venue
from funding_platform.venues.rest.breaker_state import OPEN_AFTER
from funding_platform.venues.rest.calls import SINGLES_IN_FLIGHT
from funding_platform.venues.rest.retries import ATTEMPTS
from funding_platform_tests.venues.frames import NOW, snapshot
from funding_platform_tests.venues.server import Answer, Params, Route, Routes, serve


def premium(symbol: str, next_ms: int = 1_789_344_000_000, **changes: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "lastFundingRate": "0.0001",
        "nextFundingTime": next_ms,
        "markPrice": "100",
        "indexPrice": "99",
    } | changes


def listed(symbol: str, quote: str, status: str = "TRADING", kind: str = "PERPETUAL") -> Any:
    return {"symbol": symbol, "quoteAsset": quote, "status": status, "contractType": kind}


def binance(**changes: Route) -> Routes:
    routes: Routes = {
        "premiumIndex": Answer(
            [
                premium("BTCUSDT"),
                premium("ETHBTC"),
                premium("OLDUSDT"),
                premium("BTCUSDT_260925", 0, lastFundingRate=""),
            ]
        ),
        "exchangeInfo": Answer(
            {
                "symbols": [
                    listed("BTCUSDT", "USDT"),
                    listed("ETHBTC", "BTC"),
                    listed("OLDUSDT", "USDT", "SETTLING"),
                    listed("TSLAUSDT", "USDT", kind="TRADIFI_PERPETUAL"),
                    listed("BTCUSDT_260925", "USDT", kind="CURRENT_QUARTER"),
                ]
            }
        ),
        "fundingInfo": Answer([{"symbol": "BTCUSDT", "fundingIntervalHours": 4}]),
        "ticker/24hr": Answer(
            [{"symbol": s, "quoteVolume": "5000"} for s in ("BTCUSDT", "ETHBTC")]
        ),
        "ticker/bookTicker": Answer(
            [
                {"symbol": "BTCUSDT", "bidPrice": "99", "askPrice": "101"},
                {"symbol": "ETHBTC", "bidPrice": "0", "askPrice": "101"},
            ]
        ),
        "openInterest": lambda p: Answer({"symbol": p["symbol"], "openInterest": "7"}),
    }
    return {f"/fapi/v1/{path}": route for path, route in (routes | changes).items()}


def test_a_binance_snapshot_by_hand(settings: Settings) -> None:
    frame, warnings, _ = snapshot("binance", binance(), settings)
    rows = {row["venue_symbol"]: row for row in frame.to_dicts()}
    assert list(rows) == ["BTCUSDT", "ETHBTC"]
    btc, eth = rows["BTCUSDT"], rows["ETHBTC"]
    assert (btc["interval_hours"], eth["interval_hours"]) == (4.0, None)
    assert (btc["open_interest_base"], btc["open_interest_usd"]) == (7.0, 700.0)
    assert (eth["open_interest_base"], eth["open_interest_usd"]) == (7.0, None)
    assert (btc["volume_24h_usd"], eth["volume_24h_usd"]) == (5000.0, None)
    assert btc["spread_bps"] == pytest.approx(200.0)
    assert (eth["best_bid"], eth["spread_bps"]) == (0.0, None)
    assert btc["latency_ms"] == 0.0  # the clock of these tests stands still
    assert warnings == []


def test_latency_and_observation_are_those_of_the_answers(settings: Settings) -> None:
    """From the first request sent to the last answer complete, on a clock that ticks when read."""
    readings: list[datetime] = []

    def tick() -> datetime:
        readings.append(NOW + len(readings) * timedelta(milliseconds=1))
        return readings[-1]

    async def run() -> pl.DataFrame:
        async with (
            serve(binance()) as router,
            open_venue("binance", router.url, settings=settings, clock=tick) as venue,
        ):
            return await venue.market_snapshot()

    frame = asyncio.run(run())
    assert frame["observed_at"].unique().to_list() == readings[-1:]
    first_sent = readings[-1] - timedelta(milliseconds=frame["latency_ms"][0])
    assert readings[0] < first_sent < readings[5]


def test_binance_lists_perpetuals_of_either_kind(settings: Settings) -> None:
    frame, _, _ = snapshot("binance", binance(), settings, "instruments")
    assert dict(frame.select("venue_symbol", "status").iter_rows()) == {
        "BTCUSDT": "trading",
        "ETHBTC": "trading",
        "OLDUSDT": "delisted",
        "TSLAUSDT": "trading",
    }
    assert dict(frame.select("venue_symbol", "base").iter_rows())["ETHBTC"] == "ETH"


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("fundingInfo", ["interval_hours"]),
        ("ticker/24hr", ["volume_24h_usd"]),
        ("ticker/bookTicker", ["best_bid", "best_ask", "spread_bps"]),
        ("openInterest", ["open_interest_base", "open_interest_usd"]),
        ("exchangeInfo", ["volume_24h_usd", "open_interest_usd"]),
    ],
)
@pytest.mark.parametrize(
    "fault", [Answer(b"", 500), Answer([{"unexpected": 1}]), Answer(b"<html>")], ids=str
)
def test_an_auxiliary_endpoint_costs_its_columns_only(
    settings: Settings, path: str, columns: list[str], fault: Answer
) -> None:
    frame, warnings, _ = snapshot("binance", binance(**{path: fault}), settings)
    btc = frame.row(by_predicate=pl.col("venue_symbol") == "BTCUSDT", named=True)
    assert [btc[column] for column in columns] == [None] * len(columns)
    assert btc["predicted_rate"] == 0.0001
    assert warnings
    assert all(path in warning.endpoint for warning in warnings)


def test_a_mark_that_is_left_empty_is_unknown_with_a_warning(settings: Settings) -> None:
    answer = Answer([premium("BTCUSDT", markPrice="")])
    frame, warnings, _ = snapshot("binance", binance(premiumIndex=answer), settings)
    assert frame.select("mark_price", "predicted_rate").row(0) == (None, 0.0001)
    assert any("not one row has mark_price" in warning.message for warning in warnings)


@pytest.mark.parametrize(
    ("path", "answer", "kind"),
    [
        ("premiumIndex", Answer(b"", 500), ServerError),
        ("premiumIndex", Answer([]), EmptyAnswerError),
        ("premiumIndex", Answer([premium("BTCUSDT", lastFundingRate=None)]), ContractError),
        ("premiumIndex", Answer([premium("BTCUSDT", lastFundingRate="30")]), ContractError),
        (
            "premiumIndex",
            Answer([premium("BTCUSDT"), premium("BTCUSDT", lastFundingRate="0.9")]),
            ContractError,
        ),
        ("ticker/24hr", Answer(b"", 418), BannedError),
        ("openInterest", Answer(b"", 403), BannedError),
        ("ticker/bookTicker", Answer(b"", 429), RateLimitedError),
    ],
)
def test_what_a_snapshot_cannot_do_without(
    settings: Settings, path: str, answer: Answer, kind: type[VenueError]
) -> None:
    with pytest.raises(kind):
        snapshot("binance", binance(**{path: answer}), settings)


def test_an_outage_of_open_interest_is_not_asked_out_symbol_by_symbol(settings: Settings) -> None:
    many = Answer([premium(f"S{i}USDT") for i in range(300)])
    routes = binance(premiumIndex=many, openInterest=Answer(b"", 503))
    frame, _, router = snapshot("binance", routes, settings)
    assert frame["open_interest_base"].null_count() == 300
    asked = sum(request.path.endswith("openInterest") for request in router.requests)
    assert asked <= (SINGLES_IN_FLIGHT + OPEN_AFTER) * ATTEMPTS  # of 300 symbols


def test_single_symbol_calls_run_side_by_side(settings: Settings) -> None:
    """As many as ten rounds of 300 ms take 300 symbols, and not one more."""
    under_way: list[int] = [0]

    async def ask(symbol: int) -> int:
        under_way.append(under_way[-1] + 1)
        await asyncio.sleep(0)
        under_way.append(under_way[-1] - 1)
        return symbol

    async def run() -> dict[int, int]:
        async with open_venue("binance", "http://127.0.0.1:9", settings=settings) as venue:
            return await venue.attempt_each(range(300), ask)

    assert asyncio.run(run()) == {symbol: symbol for symbol in range(300)}
    assert max(under_way) == SINGLES_IN_FLIGHT >= 300 / 10


def test_open_interest_of_another_symbol_is_not_taken(settings: Settings) -> None:
    wrong = Answer({"symbol": "BTCUSDT", "openInterest": "7"})
    frame, warnings, _ = snapshot("binance", binance(openInterest=wrong), settings)
    assert dict(frame.select("venue_symbol", "open_interest_base").iter_rows()) == {
        "BTCUSDT": 7.0,
        "ETHBTC": None,
    }
    assert [type(warning) for warning in warnings] == [ContractError]


def test_a_new_status_is_unknown_with_a_warning(settings: Settings) -> None:
    info = Answer({"symbols": [listed("BTCUSDT", "USDT", "DREAMING")]})
    frame, warnings, _ = snapshot("binance", binance(exchangeInfo=info), settings, "instruments")
    assert frame["status"].to_list() == ["unknown"]
    assert "BTCUSDT 'DREAMING'" in str(warnings[0])


def test_hyperliquid_contexts_must_pair_with_the_universe(settings: Settings) -> None:
    context = dict.fromkeys(["funding", "openInterest", "markPx", "oraclePx", "dayNtlVlm"], "0.1")
    names = [{"name": name, "szDecimals": 2} for name in ("BTC", "ETH")]
    answer = Answer([{"universe": names}, [context]])
    with pytest.raises(ContractError, match="2 assets, but 1 contexts"):
        snapshot("hyperliquid", {"/info": answer}, settings)


def test_hyperliquid_pays_at_the_next_full_hour(settings: Settings) -> None:
    context = dict.fromkeys(["funding", "openInterest", "markPx", "oraclePx", "dayNtlVlm"], "0.1")
    answer = Answer([{"universe": [{"name": "kPEPE", "szDecimals": 0}]}, [context]])
    frame, _, _ = snapshot("hyperliquid", {"/info": answer}, settings)
    assert frame["next_funding_time"].to_list() == [datetime(2026, 9, 13, 23, tzinfo=UTC)]
    assert frame["interval_hours"].to_list() == [1.0]


def test_okx_swaps_get_their_index_from_bulk_tickers(settings: Settings) -> None:
    funding = {
        "instId": "BTC-USDC-SWAP",
        "instType": "SWAP",
        "fundingRate": "0.0001",
        "fundingTime": "1789344000000",
        "nextFundingTime": "1789351200000",
    }

    def index(params: Params) -> Answer:
        rows = [{"instId": f"BTC-{params['quoteCcy']}", "idxPx": "50000"}]
        return Answer({"code": "0", "data": rows})

    empty = Answer({"code": "0", "data": []})
    routes: Routes = {
        "/api/v5/public/funding-rate": Answer({"code": "0", "data": [funding]}),
        "/api/v5/public/mark-price": empty,
        "/api/v5/public/open-interest": empty,
        "/api/v5/market/tickers": empty,
        "/api/v5/market/index-tickers": index,
    }
    frame, warnings, _ = snapshot("okx", routes, settings)
    row = frame.row(0, named=True)
    assert (row["index_price"], row["interval_hours"], row["mark_price"]) == (50000.0, 2.0, None)
    assert row["next_funding_time"] == datetime(2026, 9, 14, tzinfo=UTC)
    assert ["not one row has mark_price" in str(warning) for warning in warnings] == [True]


def test_a_listing_is_asked_for_once_an_hour(settings: Settings) -> None:
    now = NOW

    async def run() -> list[int]:
        nonlocal now
        async with (
            serve(binance()) as router,
            open_venue("binance", router.url, settings=settings, clock=lambda: now) as venue,
        ):
            counts = []
            for _ in range(4):
                await venue.market_snapshot()
                counts.append(sum(r.path.endswith("exchangeInfo") for r in router.requests))
                now += timedelta(minutes=30)
            return counts

    assert asyncio.run(run()) == [1, 1, 2, 2]

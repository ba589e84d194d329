"""OKX's X-Perps: perpetuals that are listed among the futures."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.server import Answer, Params, Routes, serve

NOW = datetime(2026, 9, 12, 0, 30, tzinfo=UTC)
SWAP, GOLD, COIN = "BTC-USDT-SWAP", "XAU-USD_UM_XPERP-310502", "BTC-USD_UM_XPERP-310404"
DATED = "BTC-USD-261225"
KINDS = {SWAP: "SWAP", GOLD: "FUTURES", COIN: "FUTURES", DATED: "FUTURES"}
CATEGORIES = {SWAP: "1", GOLD: "4", COIN: "1", DATED: "1"}


def of_kind(make: Callable[[str], dict[str, Any]]) -> Callable[[Params], Answer]:
    """Rows of the kind that is asked for."""

    def answer(params: Params) -> Answer:
        rows = [make(symbol) for symbol, kind in KINDS.items() if kind == params["instType"]]
        return Answer({"code": "0", "data": rows, "msg": ""})

    return answer


def instrument(symbol: str) -> dict[str, Any]:
    quote = "USDT" if symbol == SWAP else "USD"
    return {"instId": symbol, "ctType": "linear", "ctVal": "0.01", "ctMult": "1",
            "settleCcy": quote, "tickSz": "0.1", "minSz": "1", "state": "live",
            "listTime": "1700000000000", "instCategory": CATEGORIES[symbol]}  # fmt: skip


def funding(params: Params) -> Answer:
    times = {"fundingTime": "1789171200000", "nextFundingTime": "1789200000000"}
    rows = [
        {"instId": symbol, "instType": KINDS[symbol], "fundingRate": "0.0003449666511615", **times}
        for symbol in (SWAP, GOLD, COIN)
    ]
    return Answer({"code": "0", "data": rows, "msg": ""})


def history(params: Params) -> Answer:
    settled = [NOW.replace(minute=0) - timedelta(hours=8 * k) for k in range(6)]
    rows = [
        {"instId": params["instId"], "fundingTime": str(to_ms(time)), "realizedRate": "0.0002"}
        for time in settled
        if to_ms(time) < int(params["after"])
    ]
    return Answer({"code": "0", "data": rows, "msg": ""})


def index(params: Params) -> Answer:
    quote = params["quoteCcy"]
    prices = {"BTC": "2651", "XAU": "2652"}
    rows = [{"instId": f"{base}-{quote}", "idxPx": price} for base, price in prices.items()]
    return Answer({"code": "0", "data": rows, "msg": ""})


def routes() -> Routes:
    public = "/api/v5/public"
    return {
        f"{public}/instruments": of_kind(instrument),
        f"{public}/funding-rate": funding,
        f"{public}/funding-rate-history": history,
        f"{public}/mark-price": of_kind(lambda symbol: {"instId": symbol, "markPx": "2650"}),
        f"{public}/open-interest": of_kind(
            lambda symbol: {"instId": symbol, "oiCcy": "10", "oiUsd": "26500"}
        ),
        "/api/v5/market/tickers": of_kind(
            lambda symbol: {"instId": symbol, "last": "2650", "bidPx": "2649", "askPx": "2651",
                            "volCcy24h": "4"}
        ),
        "/api/v5/market/index-tickers": index,
    }  # fmt: skip


def ask(settings: Settings, what: Callable[[Venue], Any]) -> tuple[Any, list[str]]:
    async def run() -> tuple[Any, list[str]]:
        async with (
            serve(routes()) as router,
            open_venue("okx", router.url, settings=settings, clock=lambda: NOW) as venue,
        ):
            return await what(venue), [str(warning) for warning in venue.warnings]

    return asyncio.run(run())


def test_x_perps_are_listed_and_dated_futures_are_not(settings: Settings) -> None:
    found, warnings = ask(settings, lambda venue: venue.instruments())
    columns = ("venue_symbol", "base", "quote", "settle", "contract_type", "asset_class")
    assert set(found.select(columns).rows()) == {
        (COIN, "BTC", "USD", "USD", "linear", "crypto"),
        (SWAP, "BTC", "USDT", "USDT", "linear", "crypto"),
        (GOLD, "XAU", "USD", "USD", "linear", "metal"),
    }
    assert warnings == []


def test_markets_of_x_perps_are_joined_as_those_of_swaps(settings: Settings) -> None:
    found, warnings = ask(settings, lambda venue: venue.market_snapshot())
    rows = {row["venue_symbol"]: row for row in found.iter_rows(named=True)}
    assert set(rows) == {SWAP, GOLD, COIN}
    for row in rows.values():
        assert (row["mark_price"], row["open_interest_usd"]) == (2650.0, 26500.0)
        assert (row["interval_hours"], row["volume_24h_usd"]) == (8.0, 4 * 2650.0)
    assert (rows[GOLD]["index_price"], rows[COIN]["index_price"]) == (2652.0, 2651.0)
    assert warnings == []


def test_history_of_an_x_perp(settings: Settings) -> None:
    window = Window(NOW - timedelta(hours=30), NOW)
    found, _ = ask(settings, lambda venue: venue.funding_history([GOLD], window))
    assert found.failures == {}
    assert found.frame["venue_symbol"].unique().to_list() == [GOLD]
    assert found.frame.height == 4

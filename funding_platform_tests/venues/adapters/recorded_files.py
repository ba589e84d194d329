"""Which recorded answers each venue is served, and the values that they stand for."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.errors import VenueError
from funding_platform_tests.venues.server import Answer, Params, serve

NOW = datetime(2026, 9, 13, 22, 30, tzinfo=UTC)

FILES: dict[str, dict[str, str | dict[str, str]]] = {
    "binance": {
        "/fapi/v1/exchangeInfo": "exchangeInfo-slim.json",
        "/fapi/v1/premiumIndex": "premiumIndex.json",
        "/fapi/v1/fundingInfo": "fundingInfo.json",
        "/fapi/v1/ticker/24hr": "ticker24hr-slim.json",
        "/fapi/v1/openInterest": "docs-openInterest.json",
        "/fapi/v1/fundingRate": "fundingRate-BTCUSDT.json",
    },
    "bybit": {
        "/v5/market/instruments-info": "instruments-info-linear.json",
        "/v5/market/tickers": "tickers-linear.json",
        "/v5/market/funding/history": "funding-history-BTCUSDT.json",
    },
    "okx": {
        "/api/v5/public/instruments": "instruments-SWAP.json",
        "/api/v5/public/funding-rate": "funding-rate-ANY.json",
        "/api/v5/public/mark-price": "mark-price-SWAP.json",
        "/api/v5/public/open-interest": "open-interest-SWAP.json",
        "/api/v5/market/tickers": "tickers-SWAP.json",
        "/api/v5/public/funding-rate-history": "funding-rate-history-BTC-USDT-SWAP.json",
    },
    "hyperliquid": {
        "/info": {
            "metaAndAssetCtxs": "metaAndAssetCtxs.json",
            "fundingHistory": "fundingHistory-BTC.json",
        }
    },
    "lighter": {
        "/api/v1/orderBookDetails": "orderBookDetails-slim.json",
        "/api/v1/funding-rates": "funding-rates.json",
        "/api/v1/fundings": "fundings-BTC.json",
    },
    "extended": {
        "/api/v1/info/markets": "info-markets.json",
        "/api/v1/info/BTC-USD/funding": "funding-BTC-USD.json",
    },
    "backpack": {
        "/api/v1/markets": "markets.json",
        "/api/v1/markPrices": "markPrices.json",
        "/api/v1/openInterest": "openInterest.json",
        "/api/v1/tickers": "tickers.json",
        "/api/v1/fundingRates": "fundingRates-BTC_USDC_PERP.json",
    },
    "grvt": {
        "/full/v1/all_instruments": "all_instruments.json",
        "/full/v1/ticker": {"BTC_USDT_Perp": "ticker-BTC_USDT_Perp.json"},
        "/full/v1/funding": "funding-BTC_USDT_Perp.json",
    },
}
"""The recording at each path, the history last; by the value of a parameter where that decides."""

HISTORY = {
    "binance": "BTCUSDT",
    "bybit": "BTCUSDT",
    "okx": "BTC-USDT-SWAP",
    "hyperliquid": "BTC",
    "lighter": "BTC",
    "extended": "BTC-USD",
    "backpack": "BTC_USDC_PERP",
    "grvt": "BTC_USDT_Perp",
}
LISTS = ("exchangeInfo", "instruments-info", "instruments", "/v1/markets", "all_instruments")
"""Paths whose answer describes instruments and nothing that moves."""


def expected(fixtures: Path, venue: str, file: str) -> list[dict[str, Any]]:
    cases = json.loads((fixtures / "INDEX.json").read_text())["cases"]
    rows: list[dict[str, Any]] = []
    for case in cases:
        if case["file"] == f"{venue}/{file}":
            rows.extend(case.get("expected_normalised", []))
    return rows


def collect(fixtures: Path, venue: str) -> tuple[dict[str, pl.DataFrame], list[VenueError]]:
    """All three datasets of a venue that serves its recorded answers."""
    seen: set[str] = set()

    def handler(file: str | dict[str, str]) -> Any:
        def handle(params: Params) -> Answer:
            name = file if isinstance(file, str) else _by_value(file, params)
            if name is None:
                return Answer({"code": 1004, "message": "Data Not Found"}, 404)
            body = (fixtures / venue / name).read_bytes()
            # A second page of a recorded history is empty.
            if name == history_file(venue) and name in seen:
                return Answer(_emptied(json.loads(body)))
            seen.add(name)
            return Answer(body)

        return handle

    async def run() -> tuple[dict[str, pl.DataFrame], list[VenueError]]:
        routes = {f"/{venue}{path}": handler(file) for path, file in FILES[venue].items()}
        async with (
            serve(routes) as router,
            open_venue(
                venue, f"{router.url}/{venue}", settings=Settings(), clock=lambda: NOW
            ) as opened,
        ):
            start = NOW - timedelta(days=4)
            frames = {
                "instruments": await opened.instruments(),
                "snapshot": await opened.market_snapshot(),
                "history": await opened.funding_rates([HISTORY[venue]], start, NOW),
            }
            return frames, opened.warnings

    return asyncio.run(run())


def history_file(venue: str) -> str:
    """The recording of a venue's history."""
    last = list(FILES[venue].values())[-1]
    return last if isinstance(last, str) else list(last.values())[-1]


def _by_value(files: dict[str, str], params: Params) -> str | None:
    return next((file for value, file in files.items() if value in params.values()), None)


def _emptied(node: Any) -> Any:
    """A page with the rows taken out of it."""
    if isinstance(node, list):
        return []
    if isinstance(node, dict):
        return {key: _emptied(value) for key, value in node.items()}
    return node

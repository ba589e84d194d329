"""Answers of Drift: markets, books and rates."""

from datetime import UTC, datetime, timedelta
from typing import Any

from funding_platform.core.time_grid import Window, to_ms
from funding_platform_tests.venues.asking import Row
from funding_platform_tests.venues.server import Answer

STATS, RATES, L2 = "/stats/markets", "/market/SOL-PERP/fundingRates", "/l2"
NOW = datetime(2026, 9, 13, 22, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def perpetual(symbol: str = "SOL-PERP", **changes: Any) -> Row:
    return {
        "symbol": symbol, "marketType": "perp", "status": "active", "uiStatus": "visible",
        "baseAsset": symbol.removesuffix("-PERP"), "quoteAsset": "USDT",
        "limits": {"amount": {"min": 0.01}}, "oraclePrice": "100", "markPrice": "101",
        "quoteVolume": "5", "openInterest": {"long": "20", "short": "-30"},
        "fundingRate": {"long": "-0.005209", "short": "0.005209"},
    } | changes  # fmt: skip


def book(**changes: object) -> Row:
    return {
        "marketName": "SOL-PERP", "bids": [{"price": "99000000"}], "asks": [{"price": "101000000"}],
        "markPrice": "100500000", "oracle": 100250000,
    } | changes  # fmt: skip


def stats(*rows: Row) -> Answer:
    return Answer({"success": True, "markets": list(rows)})


def record(time: datetime, **changes: object) -> Row:
    return {
        "ts": to_ms(time) // 1000, "symbol": "SOL-PERP", "fundingRate": "9",
        "fundingRateLong": "0.01", "oraclePriceTwap": "100.0",
    } | changes  # fmt: skip


def records(*rows: Row, following: str | int | None = None) -> Answer:
    return Answer({"success": True, "meta": {"nextPage": following}, "records": list(rows)})


def window(first: datetime, last: datetime) -> Window:
    return Window(first, last + HOUR)

"""Settlement histories behind each venue's own history endpoint, as its contract describes it."""

import csv
import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from funding_platform.core.time_grid import HOUR, from_ms, to_ms
from funding_platform_tests.venues.server import Answer, Params, Routes

NOW = datetime(2026, 11, 1, tzinfo=UTC)
"""When these histories are read."""


class Row(NamedTuple):
    time_ms: int
    rate: str


Series = Sequence[Row]
Style = Callable[[Series, Params, int], Any]


def read_series(path: Path) -> list[Row]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as lines:
        return [
            Row(int(row["funding_time_ms"]), row["funding_rate"]) for row in csv.DictReader(lines)
        ]


def binance(series: Series, params: Params, cap: int) -> Any:
    rows = _between(series, int(params["startTime"]), int(params["endTime"]))
    return [
        {"symbol": params["symbol"], "fundingTime": t, "fundingRate": rate, "markPrice": ""}
        for t, rate in rows[: min(cap, int(params["limit"]))]
    ]


def bybit(series: Series, params: Params, cap: int) -> Any:
    rows = _between(series, int(params["startTime"]), int(params["endTime"]))
    kept = rows[::-1][: min(cap, int(params["limit"]))]
    listed = [
        {"symbol": params["symbol"], "fundingRate": rate, "fundingRateTimestamp": str(t)}
        for t, rate in kept
    ]
    return {"retCode": 0, "retMsg": "OK", "result": {"list": listed}}


def okx(series: Series, params: Params, cap: int) -> Any:
    rows = [row for row in series if row.time_ms < int(params["after"])][::-1]
    data = [
        {
            "instId": params["instId"],
            "fundingTime": str(t),
            "realizedRate": rate,
            "fundingRate": "9",
        }
        for t, rate in rows[: min(cap, int(params["limit"]))]
    ]
    return {"code": "0", "msg": "", "data": data}


def hyperliquid(series: Series, params: Params, cap: int) -> Any:
    rows = _between(series, params["startTime"], params["endTime"])
    return [
        {"coin": params["coin"], "fundingRate": rate, "premium": "0", "time": t}
        for t, rate in rows[: min(cap, 500)]
    ]


def lighter(series: Series, params: Params, cap: int) -> Any:
    assert (params["market_id"], params["resolution"], params["count_back"]) == ("7", "1h", "0")
    edges = (1000 * int(params[f"{edge}_timestamp"]) for edge in ("start", "end"))
    rows = [
        {
            "timestamp": t // 1000,
            "value": "1.0",
            "rate": f"{abs(Decimal(rate)) * 100:f}",
            "direction": "short" if rate.startswith("-") else "long",
        }
        for t, rate in _between(series, *edges)
    ]
    return {"code": 200, "resolution": "1h", "fundings": rows[-min(cap, 750) :]}


def extended(series: Series, params: Params, cap: int) -> Any:
    rows = _between(series, int(params["startTime"]), int(params["endTime"]))[::-1]
    kept = rows[: min(cap, int(params["limit"]), 1000)]
    return {"status": "OK", "data": [{"m": "BTC-USD", "f": rate, "T": t} for t, rate in kept]}


def backpack(series: Series, params: Params, cap: int) -> Any:
    open_interval = Row(to_ms(NOW + HOUR), "9")
    first = int(params["offset"])
    return [
        {
            "symbol": params["symbol"],
            "fundingRate": rate,
            "intervalEndTimestamp": from_ms(t).replace(tzinfo=None).isoformat(),
        }
        for t, rate in [*series, open_interval][::-1][first:][: min(cap, int(params["limit"]))]
    ]


def grvt(series: Series, params: Params, cap: int) -> Any:
    rows = _between(series, *(int(params[f"{edge}_time"]) // 10**6 for edge in ("start", "end")))
    older = [row for row in rows if row.time_ms < int(params.get("cursor", 10**15))][::-1]
    kept = older[: min(cap, params["limit"])]
    result = [
        {
            "instrument": params["instrument"],
            "funding_rate": f"{Decimal(rate) * 100:f}",
            "funding_time": f"{t}000000",
            "mark_price": "",
            "funding_interval_hours": "0",
        }
        for t, rate in kept
    ]
    return {"result": result, "next": str(kept[-1].time_ms) if len(kept) < len(older) else ""}


def deribit(series: Series, params: Params, cap: int) -> Any:
    low, high = int(params["start_timestamp"]) + 1, int(params["end_timestamp"])
    rows = [
        {"timestamp": t, "index_price": 1.0, "interest_8h": 9.0, "interest_1h": float(rate)}
        for t, rate in _between(series, low, high)
    ]
    return {"jsonrpc": "2.0", "result": rows[-min(cap, 744) :]}


STYLES: dict[str, tuple[str, Style]] = {
    "binance": ("/fapi/v1/fundingRate", binance),
    "bybit": ("/v5/market/funding/history", bybit),
    "okx": ("/api/v5/public/funding-rate-history", okx),
    "hyperliquid": ("/info", hyperliquid),
    "lighter": ("/api/v1/fundings", lighter),
    "extended": ("/api/v1/info/BTC-USD/funding", extended),
    "backpack": ("/api/v1/fundingRates", backpack),
    "grvt": ("/full/v1/funding", grvt),
    "deribit": ("/api/v2/public/get_funding_rate_history", deribit),
}
LISTINGS: dict[str, dict[str, Any]] = {
    "lighter": {
        "/api/v1/orderBookDetails": {
            "code": 200,
            "order_book_details": [
                {"symbol": coin, "market_id": 7, "market_type": "perp", "status": "active"}
                for coin in ("BTC", "HYPE", "SOL")
            ],
        }
    },
    "grvt": {
        "/full/v1/all_instruments": {
            "result": [
                {
                    "instrument": "BTC_USDT_Perp",
                    "base": "BTC",
                    "quote": "USDT",
                    "kind": "PERPETUAL",
                    "funding_interval_hours": 8,
                }
            ]
        }
    },
}
"""Lists of instruments, for venues whose history cannot be read without."""


def history_route(venue: str, series: Series, cap: int = 10**6) -> Routes:
    """The venue's history endpoint over ``series``, answering at most ``cap`` rows at a time."""
    path, style = STYLES[venue]
    listings = LISTINGS.get(venue, {})
    return {
        path: lambda params: Answer(style(series, params, cap)),
        **{path: Answer(body) for path, body in listings.items()},
    }


def _between(series: Series, low_ms: int, high_ms: int) -> list[Row]:
    return [row for row in series if low_ms <= row.time_ms <= high_ms]

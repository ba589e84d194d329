"""Settlement histories behind each venue's own history endpoint, as its contract describes it."""

import csv
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from funding_platform_tests.venues.server import Answer, Params


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


STYLES: dict[str, tuple[str, Style]] = {
    "binance": ("/fapi/v1/fundingRate", binance),
    "bybit": ("/v5/market/funding/history", bybit),
    "okx": ("/api/v5/public/funding-rate-history", okx),
    "hyperliquid": ("/info", hyperliquid),
}


def history_route(
    venue: str, series: Series, cap: int = 10**6
) -> dict[str, Callable[[Params], Answer]]:
    """The venue's history endpoint over ``series``, answering at most ``cap`` rows at a time."""
    path, style = STYLES[venue]
    return {path: lambda params: Answer(style(series, params, cap))}


def _between(series: Series, low_ms: int, high_ms: int) -> list[Row]:
    return [row for row in series if low_ms <= row.time_ms <= high_ms]

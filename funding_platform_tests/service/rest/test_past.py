"""The past: whole over its pages, in buckets that multiply nothing, with its statistics."""

import msgspec
import polars as pl
import pytest

from funding_platform.flows.queries import (
    open_lake,
    settled_rates,
)
from funding_platform_tests.service.lake import CANDLES
from funding_platform_tests.service.rest.asking import PAST, SPAN, WINDOW, answered
from funding_platform_tests.service.server import Served


def test_pages_of_the_past_make_the_whole(service: Served) -> None:
    cursor, rows, pages = None, [], 0
    while True:
        page = answered(service, PAST, limit=50, **WINDOW, **_after(cursor))
        rows += page["data"]
        pages += 1
        if (cursor := page["next_cursor"]) is None:
            break
    with open_lake(service.settings) as lake:
        expected = settled_rates(lake, "hyperliquid", "BTC", *SPAN)
    assert pages > 2
    assert rows == msgspec.json.decode(msgspec.json.encode(expected.to_dicts()))


def _after(cursor: str | None) -> dict[str, str]:
    return {} if cursor is None else {"cursor": cursor}


def test_no_bucket_multiplies_funding(service: Served) -> None:
    paid = {}
    for interval in ("1h", "4h", "8h", "1d"):
        told = answered(
            service, "/history/funding-rates/binance/BTC", interval=interval, limit=10_000, **WINDOW
        )
        paid[interval] = sum(row["funding_rate"] for row in told["data"])
        assert {row["resolution_hours"] for row in told["data"]} == {
            {"1h": 1, "4h": 4, "8h": 8, "1d": 24}[interval]
        }
    assert paid["4h"] == pytest.approx(paid["1h"])
    assert paid["8h"] == pytest.approx(paid["1h"])
    assert paid["1d"] == pytest.approx(paid["1h"], rel=0.2)  # its last day has not ended


def test_statistics_of_a_window_are_those_of_its_settlements(service: Served) -> None:
    told = answered(service, PAST, statistics=True, limit=10_000, **WINDOW)
    rates = pl.Series([row["funding_rate"] for row in told["data"]])
    found = told["statistics"]
    assert found["settlements"] == len(rates)
    assert found["funding_paid"] == pytest.approx(rates.sum())
    assert found["share_positive"] == pytest.approx((rates > 0).mean())
    assert found["mean_apr"] == pytest.approx(rates.sum() / len(rates) * 8_760)  # it is hourly


def test_the_rest_of_the_past_is_told(service: Served) -> None:
    bars = answered(service, "/history/candles/binance/BTC", limit=CANDLES, **WINDOW)
    assert bars["rows"] == CANDLES
    pairs = answered(service, "/history/opportunities", base="BTC", **WINDOW)
    assert {row["base"] for row in pairs["data"]} == {"BTC"}
    first = answered(service, "/history/opportunities", base="BTC", limit=3, **WINDOW)
    rest = answered(
        service, "/history/opportunities", base="BTC", cursor=first["next_cursor"], **WINDOW
    )
    assert first["data"] + rest["data"] == pairs["data"]
    assert answered(service, "/stats/funding-rates/BTC", period="30d")["rows"] > 3
    assert answered(service, "/stats/correlations", base="BTC", limit=2)["rows"] == 2
    assert answered(service, "/curves/BTC")["rows"] > 3
    once = answered(service, "/curves/BTC", at="2025-03-05T04:00")
    assert once["source"] == "lake"
    days = {row["as_of"][:10] for row in once["data"]}
    assert days
    assert days <= {"2025-03-04", "2025-03-05"}

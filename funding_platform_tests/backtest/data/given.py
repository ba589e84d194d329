"""Sound frames of every table, for tests that change one thing in one of them."""

from typing import Any

import polars as pl

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform_tests.backtest.markets import (
    HOUR,
    START,
    funding_frame,
    price_frame,
    settlement,
)

PAIR = ("a", "BTC-PERP"), ("b", "BTC-PERP")
ROWS = [
    *(settlement("a", hour, 1e-4, 1.0, 100.0) for hour in range(49)),
    *(settlement("b", hour, 4e-4, 8.0, 100.0) for hour in range(0, 49, 8)),
]
FUNDING = funding_frame(ROWS)
FACTS = FUNDING.select("venue", "venue_symbol", "base").unique().sort("venue")
PRICES = price_frame([("a", 0.5, 100.0), ("a", 1.5, 101.0)])
SNAPSHOTS = FACTS.select(
    "venue",
    "venue_symbol",
    observed_at=pl.lit(START, UTC_TIME),
    mark_price=100.0,
    volume_24h_usd=1e7,
)
FEES = pl.DataFrame(
    {
        "venue": ["a", "b"],
        "tier": ["base", "base"],
        "effective_from": [START - HOUR, START - HOUR],
        "maker_bps": [1.0, 1.0],
        "taker_bps": [5.0, 5.0],
    }
)
FEATURES = FACTS.select(
    "venue", "venue_symbol", available_at=pl.lit(START, UTC_TIME), level=pl.lit(0.5)
)
FRAMES = {
    "funding_rates": FUNDING,
    "instruments": FACTS,
    "prices": PRICES,
    "snapshots": SNAPSHOTS,
    "fees": FEES,
    "features": FEATURES,
}
TIMES = [
    ("funding_rates", "funding_time"),
    ("prices", "time"),
    ("snapshots", "observed_at"),
    ("features", "available_at"),
    ("fees", "effective_from"),
]


def take(**changes: Any) -> FundingDataProvider:
    return FundingDataProvider.from_frames(**{**FRAMES, **changes})


def changed(table: str, **columns: Any) -> dict[str, pl.DataFrame]:
    return {table: FRAMES[table].with_columns(**columns)}


def but_for_row(row: int, column: str, value: Any) -> pl.Expr:
    """A column with another value in one row."""
    return pl.when(pl.int_range(pl.len()) == row).then(value).otherwise(column)

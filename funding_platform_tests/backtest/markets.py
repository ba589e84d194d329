"""Small markets for backtests, by hand or drawn, and a strategy that does as it is told."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.strategies.contract import Book, Close, MarketView, Open, Order

START = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

FUNDING_SCHEMA: dict[str, Any] = {
    "venue": pl.String,
    "venue_symbol": pl.String,
    "base": pl.String,
    "funding_time": UTC_TIME,
    "funding_rate": pl.Float64,
    "interval_hours": pl.Float64,
    "mark_price": pl.Float64,
}

FREE: dict[str, Any] = {"flat_fee_bps": 0.0, "slippage": {"half_spread_bps": 0.0}}
"""Costs of nothing."""


def settlement(
    venue: str,
    hour: float,
    rate: float,
    interval: float | None,
    mark: float | None = None,
    *,
    symbol: str = "BTC-PERP",
    base: str = "BTC",
) -> tuple[Any, ...]:
    """One settlement, so many hours after the start."""
    return (venue, symbol, base, START + hour * HOUR, rate, interval, mark)


def funding_frame(rows: Iterable[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=FUNDING_SCHEMA, orient="row")


def provider_of(*rows: tuple[Any, ...], **frames: Any) -> FundingDataProvider:
    return FundingDataProvider.from_frames(funding_frame(rows), **frames)


def price_frame(rows: Iterable[tuple[str, float, float]], symbol: str = "BTC-PERP") -> pl.DataFrame:
    """Closes of ``symbol``: venue, hours after the start, price."""
    return pl.DataFrame(
        [(venue, symbol, START + hour * HOUR, price) for venue, hour, price in rows],
        schema={
            "venue": pl.String,
            "venue_symbol": pl.String,
            "time": UTC_TIME,
            "price": pl.Float64,
        },
        orient="row",
    )


def config(hours: float, **changes: Any) -> BacktestConfig:
    """A configuration from the start on, without costs unless they are given."""
    fields: dict[str, Any] = {
        "start": START,
        "end": START + hours * HOUR,
        "costs": FREE,
        "strategy": None,
        **changes,
    }
    return BacktestConfig(**fields)


Key = tuple[str, str]
"""Venue and symbol of an instrument."""


@dataclass
class Told:
    """Opens and closes what it is told, at the hours it is told; notes when it was asked."""

    opens: Mapping[float, tuple[Key | None, Key | None]]
    closes: tuple[float, ...] = ()
    size_usd: float | None = None
    asked: list[datetime] = field(default_factory=list)

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        self.asked.append(market.time)
        hour = (market.time - START) / HOUR
        if hour in self.closes:
            for position in book:
                yield Close(position.position_id, "told to")
        if hour in self.opens:
            long, short = (None if key is None else market.index(*key) for key in self.opens[hour])
            yield Open(long, short, size_usd=self.size_usd)


def drawn_market(
    seed: int, hours: int = 240, bases: int = 3, *, intervals: tuple[int, ...] = (1, 4, 8)
) -> pl.DataFrame:
    """A market of several bases on venues with different clocks, from a seed.

    Rates are persistent, prices walk, and every series lacks some of its rows.
    """
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(bases):
        path = 100.0 * np.exp(np.cumsum(generator.normal(0, 0.01, hours + 1)))
        for place, interval in enumerate(intervals):
            level = 0.0
            for hour in range(0, hours + 1, interval):
                level = 0.9 * level + generator.normal(0, 4e-4)
                if generator.random() < 0.03:
                    continue
                mark = path[hour] * (1 + generator.normal(0, 5e-4))
                rows.append(
                    settlement(
                        f"venue{place}",
                        hour,
                        level * interval / 8,
                        float(interval),
                        float(mark),
                        symbol=f"B{number}-PERP",
                        base=f"B{number}",
                    )
                )
    return funding_frame(rows)

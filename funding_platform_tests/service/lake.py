"""A small lake with everything that the service answers about, built once and only read."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.core.tables import execution
from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import HOUR, Window, floor_hour, month_start, next_month
from funding_platform.flows.backtests.runs import run_and_store
from funding_platform.flows.features.tables import COMPUTED
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.opportunities.pairs_market import NOW, fill
from funding_platform_tests.dbt.runner import run_dbt

CANDLES: Final = 72
HISTORY: Final = timedelta(days=40)
END: Final = floor_hour(NOW)


def build(folder: Path) -> Settings:
    """Fill a lake: a market of eight venues, candles, curves, features, marts, a backtest."""
    settings = Settings(data_dir=folder / "data", live=False)
    fill(settings, seed=12)
    with Lake(settings) as lake, lake.commit("candles", "candles") as transaction:
        transaction.append(PRICE_CANDLES, candles())
        for table, rows in (
            (ORDER_BOOK_DEPTH, depth()),
            (execution.POSITIONS, positions()),
            (execution.PERFORMANCE, performance()),
            (execution.EVENTS, events()),
        ):
            transaction.append(table, made(table, rows))
    for month in Window(month_start(NOW - HISTORY), next_month(month_start(NOW))).months():
        for computed in COMPUTED:
            computed.rebuild(month, settings, "features")
    outcome = run_dbt(settings, "build", "--exclude-resource-type", "test", "unit_test")
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr
    run_and_store(
        settings,
        BacktestConfig(
            start=END - timedelta(days=10),
            end=END - timedelta(days=1),
            venues=("binance", "bybit", "okx"),
            bases=("BTC",),
        ),
        name="carry",
    )
    return settings


def made(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a table; what they do not name is null."""
    return table.conform(pl.DataFrame(rows, infer_schema_length=None)).cast(table.polars_schema)


def depth() -> list[dict[str, Any]]:
    """The book of one instrument, too thin for a million; no other was looked at."""
    costs = {f"{side}_{size}_bps": cost for side, factor in (("buy", 1.0), ("sell", 1.5))
             for size, cost in (("1k", 0.4), ("10k", factor), ("100k", 9.0 * factor))}  # fmt: skip
    seen = NOW - HOUR / 2
    return [
        {
            "venue": "binance",
            "venue_symbol": "BTC",
            "snapshot_hour": floor_hour(seen),
            "bid": 99.0,
            "ask": 101.0,
            "mid": 100.0,
            **costs,
            "bid_levels": 20,
            "ask_levels": 20,
            "observed_at": seen,
            "available_at": seen,
        }
    ]


def positions() -> list[dict[str, Any]]:
    """A pair that is held, and one that is over."""
    common = {"strategy": "cross_venue_carry", "size_usd": 10_000.0, "naked_seconds": 0.4}
    legs = {"long_venue": "binance", "short_venue": "okx"}
    held = {"pair_id": "p2", "state": "open", "base": "PEPE", "long_symbol": "PEPE",
            "short_symbol": "PEPE", "notional_usd": 20_000.0, "settlements": 5,
            "trading_usd": -3.0, "fees_usd": -8.5, "funding_usd": 31.25, "pnl_usd": 19.75,
            "decided_at": END - 30 * HOUR, "opened_at": END - 30 * HOUR,
            "updated_at": END}  # fmt: skip
    over = {"pair_id": "p1", "state": "closed", "base": "BTC", "long_symbol": "BTC",
            "short_symbol": "BTC", "notional_usd": 0.0, "settlements": 9, "trading_usd": -2.0,
            "fees_usd": -16.0, "funding_usd": 6.0, "pnl_usd": -12.0, "close_reason": "decayed",
            "decided_at": END - 99 * HOUR, "opened_at": END - 99 * HOUR,
            "closed_at": END - 40 * HOUR, "updated_at": END - 40 * HOUR}  # fmt: skip
    return [{**common, **legs, **held}, {**common, **legs, **over}]


def performance() -> list[dict[str, Any]]:
    """What a trader was worth, hour by hour for two days."""
    return [
        {
            "taken_at": END - number * HOUR,
            "trader": "paper",
            "pairs": 1,
            "notional_usd": 20_000.0,
            "equity_usd": 100_007.75 - number,
            "trading_usd": -5.0,
            "fees_usd": -24.5,
            "funding_usd": 37.25 - number,
            "pnl_usd": 7.75 - number,
        }
        for number in range(48)
    ]


def events() -> list[dict[str, Any]]:
    """What the trader decided, the last of it by hand."""
    return [
        {"event_id": number, "happened_at": END - (5 - number) * HOUR, "kind": kind,
         "actor": actor, "pair_id": pair, "reason": reason, "details": "{}"}
        for number, (kind, actor, pair, reason) in enumerate(
            [("opened", "strategy", "p1", "net above the bound"),
             ("closed", "strategy", "p1", "decayed"),
             ("opened", "strategy", "p2", "net above the bound"),
             ("halted", "desk", None, "maintenance of a venue")], 1
        )
    ]  # fmt: skip


def candles() -> pl.DataFrame:
    """Three days of bars of one perpetual's mark price."""
    rows = [
        {
            "venue": "binance",
            "venue_symbol": "BTC",
            "kind": "mark",
            "open_time": END - (CANDLES - number) * HOUR,
            "open": 90_000.0 + number,
            "high": 90_100.0 + number,
            "low": 89_900.0 + number,
            "close": 90_001.0 + number,
            "available_at": END - (CANDLES - number - 1) * HOUR,
            "observed_at": NOW,
        }
        for number in range(CANDLES)
    ]
    return PRICE_CANDLES.conform(pl.DataFrame(rows)).cast(PRICE_CANDLES.polars_schema)

"""A small lake with everything that the service answers about, built once and only read."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.time_grid import HOUR, Window, floor_hour, month_start, next_month
from funding_platform.flows.backtests.runs import run_and_store
from funding_platform.flows.features.tables import COMPUTED
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.pairs_market import NOW, fill
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

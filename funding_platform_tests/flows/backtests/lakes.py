"""Lakes with a drawn market, the configurations that fit it, and the runs in them."""

from typing import Any

import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS
from funding_platform.core.tables.fees import FEE_SCHEDULES
from funding_platform.core.tables.schema import Table
from funding_platform.lake.connection import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.markets import HOUR, START

HOURS = 240


def row_of(table: Table, frame: pl.DataFrame, **values: object) -> pl.DataFrame:
    """Rows of a table, with what the frame has and some constants."""
    whole = frame.with_columns(**{name: pl.lit(value) for name, value in values.items()})
    return table.conform(whole).cast(table.polars_schema)


def fill(settings: Settings, market: pl.DataFrame) -> int:
    """A lake with a market, its instruments, fees and a curve; the id of its snapshot."""
    keys = market.select("venue", "venue_symbol", "base").unique(maintain_order=True)
    seen = {"first_seen_at": START, "last_seen_at": START}
    tables = {
        INSTRUMENTS: row_of(
            INSTRUMENTS, keys, quote="USDT", multiplier=1.0, contract_type="linear",
            status="trading", min_size=0.01, **seen,
        ),
        FUNDING_RATES: row_of(
            FUNDING_RATES, market, interval_inferred=False, venue_time=START, observed_at=START
        ),
        MARKET_SNAPSHOTS: row_of(
            MARKET_SNAPSHOTS, keys, snapshot_hour=START, volume_24h_usd=1e7, observed_at=START
        ),
        FEE_SCHEDULES: row_of(
            FEE_SCHEDULES, keys.select("venue").unique(), tier="base", effective_from=START - HOUR,
            maker_bps=0.0, taker_bps=2.0, source="test",
        ),
        CURVE_FACTORS: row_of(
            CURVE_FACTORS, keys, as_of=START, kind="settled", level=0.5, slope=-0.1,
            available_at=START,
        ),
    }  # fmt: skip
    with Lake(settings) as lake:
        connection = lake.connection
        connection.execute(FEE_SCHEDULES.ddl())  # dbt's seed makes it otherwise
        with lake.commit("run", "market"):
            for table, frame in tables.items():
                connection.register("given", frame)
                connection.execute(f"INSERT INTO {table.full_name} BY NAME FROM given")
                connection.unregister("given")
        return lake.snapshot_id()


def setting(**changes: Any) -> BacktestConfig:
    fields: dict[str, Any] = {
        "start": START,
        "end": START + HOURS * HOUR,
        "strategy": CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4),
        "costs": {"slippage": {"impact": "depth"}},
        **changes,
    }
    return BacktestConfig(**fields)


CONFIG = setting()


def rows_in(settings: Settings, table: str) -> int:
    with connect(settings) as connection:
        return int(connection.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0])

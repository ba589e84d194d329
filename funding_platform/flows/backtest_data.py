"""The data of a backtest, read from the lake or from files."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.errors import DataError
from funding_platform.backtest.provider import FundingDataProvider
from funding_platform.core.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR
from funding_platform.lake.connection import connect
from funding_platform.settings import Settings

_FUNDING: Final = """
SELECT f.venue, f.venue_symbol, funding_time, funding_rate, f.interval_hours, mark_price,
    index_price
FROM core.funding_rates AS f
JOIN core.instruments AS i USING (venue, venue_symbol)
WHERE funding_time >= $start AND funding_time <= $end AND {wanted}
ORDER BY f.venue, f.venue_symbol, funding_time
"""
_INSTRUMENTS: Final = "SELECT * FROM core.instruments AS i WHERE {wanted}"
_SNAPSHOTS: Final = """
SELECT s.venue, s.venue_symbol, observed_at, mark_price, index_price, volume_24h_usd
FROM core.market_snapshots AS s
JOIN core.instruments AS i USING (venue, venue_symbol)
WHERE observed_at >= $start AND observed_at <= $end AND {wanted}
ORDER BY s.venue, s.venue_symbol, observed_at
"""
_FEATURES: Final = """
SELECT f.* EXCLUDE (kind)
FROM features.curve_factors AS f
JOIN core.instruments AS i USING (venue, venue_symbol)
WHERE kind = 'settled' AND available_at >= $start AND available_at <= $end AND {wanted}
"""
_FEES: Final = "SELECT * FROM core.fee_schedules"


def provider_from_lake(
    settings: Settings, config: BacktestConfig, snapshot_id: int | None = None
) -> FundingDataProvider:
    """What a configuration can read of the lake: its markets, its window, and what leads up to it.

    Parameters
    ----------
    snapshot_id
        The lake as it was; as it is when None.

    Raises
    ------
    LakeMissingError
        If nothing has been stored yet.
    DataError
        If the lake has no instrument that the configuration asks for.
    """
    start, end = config.window
    window = {"start": start - config.outages.stale_after_hours * HOUR, "end": end}
    with connect(settings, as_of=snapshot_id) as lake:
        instruments = _read(lake, _INSTRUMENTS, config, {})
        if instruments.is_empty():
            raise DataError(
                "the lake has no instrument of those that the configuration asks for",
                hint=f"venues {config.venues or 'all'}, symbols {config.symbols or 'all'}, bases "
                f"{config.bases or 'all'}",
            )
        return FundingDataProvider.from_frames(
            _read(lake, _FUNDING, config, window),
            instruments,
            snapshots=_read(lake, _SNAPSHOTS, config, window),
            fees=lake.execute(_FEES).pl(),
            features=_read(lake, _FEATURES, config, window),
        )


def provider_from_files(**files: Path) -> FundingDataProvider:
    """A provider from Parquet or CSV files, one per argument of ``from_frames``.

    Times in CSV are ISO 8601 in UTC, or have a zone.

    Raises
    ------
    DataError
        If a file is neither, or its columns are not what ``from_frames`` takes.
    """
    return FundingDataProvider.from_frames(**{name: _file(path) for name, path in files.items()})


def _read(
    lake: duckdb.DuckDBPyConnection,
    sql: str,
    config: BacktestConfig,
    window: Mapping[str, datetime],
) -> pl.DataFrame:
    """Rows of the instruments that a configuration asks for."""
    asked = {
        f"i.{column}": list(names)
        for column, names in (
            ("venue", config.venues),
            ("venue_symbol", config.symbols),
            ("base", config.bases),
        )
        if names
    }
    wanted = " AND ".join(
        f"{column} IN (SELECT unnest($names{number}))" for number, column in enumerate(asked)
    )
    names = {f"names{number}": listed for number, listed in enumerate(asked.values())}
    return lake.execute(sql.format(wanted=wanted or "true"), {**window, **names}).pl()


def _file(path: Path) -> pl.DataFrame:
    """One file as a frame; times of CSV in UTC where they name no zone."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    if path.suffix != ".csv":
        raise DataError(f"{path} is neither .parquet nor .csv")
    frame = pl.read_csv(path, try_parse_dates=True)
    naive = [name for name, kind in frame.schema.items() if kind == pl.Datetime("us", None)]
    return frame.with_columns(
        *(pl.col(name).dt.replace_time_zone("UTC") for name in naive)
    ).with_columns(pl.col(pl.Datetime).cast(UTC_TIME))

"""The data of a backtest, read from the lake or from files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.errors import DataError
from funding_platform.core.intervals import KNOWN
from funding_platform.core.market.asset_classes import ASSET_SQL
from funding_platform.core.symbols import canonical_base
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.fees import FEE_HISTORY, FEE_SCHEDULES
from funding_platform.core.tables.prices import REFERENCE_PRICES
from funding_platform.core.tables.schema import UTC_TIME, Type
from funding_platform.flows.backtests.candles import (
    candle_prices,
    spot_instruments,
    spot_volumes,
)
from funding_platform.flows.backtests.lake_rows import Rows, rows_of_wanted
from funding_platform.flows.collection.listings import stored_starts
from funding_platform.lake.connection import connect, has_table
from funding_platform.settings import Settings

_INSTRUMENTS: Final = "SELECT * FROM core.instruments WHERE {wanted}"


_FUNDING: Final = Rows(
    table="core.funding_rates",
    time="funding_time",
    columns="funding_time, funding_rate, mark_price, "
    "CASE WHEN mark_price IS NULL THEN index_price END AS index_price",
)
_INTERVAL: Final = "CASE WHEN interval_inferred THEN {known} ELSE interval_hours END"
"""The interval as it was known at the settlement: what a later one told is not of its time."""
_SNAPSHOTS: Final = Rows(
    table="core.market_snapshots",
    time="observed_at",
    columns="observed_at, mark_price, "
    "CASE WHEN mark_price IS NULL THEN index_price END AS index_price, volume_24h_usd, "
    "predicted_rate",
)
_FEATURES: Final = Rows(
    table="features.curve_factors",
    time="available_at",
    columns="available_at, as_of",
    more="kind = 'settled'",
)
_NUMBERS: Final = (Type.REAL.value, Type.INTEGER.value)
_VOLUMES_BEFORE: Final = """
SELECT instrument, max(observed_at) AS observed_at,
    arg_max(volume_24h_usd, observed_at) AS volume_24h_usd
FROM core.market_snapshots JOIN wanted USING (venue, venue_symbol)
WHERE observed_at < $start AND volume_24h_usd > 0 AND coalesce(observed_at >= since, true)
GROUP BY instrument
"""
"""The last volume of each instrument before the window: depth goes by the last known, however old.

The price that was seen with it is left behind: nothing may be valued at one so old.
"""
_COIN_PRICES: Final = f"""
SELECT base AS coin, greatest(r.time, available_at) AS time, arg_max(price, r.time) AS price
FROM {REFERENCE_PRICES.full_name} AS r
WHERE base IN (SELECT unnest($coins)) AND r.time BETWEEN $start AND $end
    AND asset = {ASSET_SQL.format(base="base", asset_class="NULL")}
GROUP BY ALL
"""
"""Of coins, not of shares that go by their names."""

_FEES: Final = """
SELECT venue, tier, effective_from, maker_bps, taker_bps, min_volume_30d_usd, source
FROM {table} ORDER BY venue, tier, effective_from
"""
_FEE_TABLES: Final = (FEE_HISTORY, FEE_SCHEDULES)
"""Fees as they were in force, overrides included; else as published, where dbt has not run yet."""


_DATA_FIELDS: Final = ("start", "end", "venues", "symbols", "bases", "outages", "look_back_hours")
"""What of a configuration decides which data is read."""


def provider_from_lake(
    settings: Settings, config: BacktestConfig, snapshot_id: int | None = None
) -> FundingDataProvider:
    """Read from the lake what a configuration can use: markets, window, what leads up to it.

    Of what was seen longer before, each instrument's last volume is read.

    An instrument's history begins with its listing: what another contract did under the same ticker
    is not its past. Fees are those of their time: ``marts.fee_history`` where the lake has it.

    Parameters
    ----------
    snapshot_id
        The lake as it was; as it is when None.

    Raises
    ------
    LakeMissingError
        If nothing has been stored yet.
    DataError
        If the lake has no instrument that the configuration asks for, or a symbol stood for another
        contract in the window.
    """
    window = {"start": config.read_from, "end": config.window[1]}
    with connect(settings, as_of=snapshot_id) as lake:
        lake.execute("BEGIN")  # all at one instant; and the catalog is looked at once
        perpetuals = _instruments(lake, config)
        if perpetuals.is_empty():
            raise DataError(
                "the lake has no instrument of those that the configuration asks for",
                hint=f"venues {config.venues or 'all'}, symbols {config.symbols or 'all'}, bases "
                f"{config.bases or 'all'}",
            )
        spot = spot_instruments(lake, config, perpetuals["base"])
        instruments = pl.concat([perpetuals, spot.drop("market")], how="diagonal")
        instruments = instruments.sort(INSTRUMENT_KEY)
        since = stored_starts(lake).group_by(INSTRUMENT_KEY).agg(pl.col("since").max())
        wanted = instruments.select(INSTRUMENT_KEY).with_row_index("instrument")
        wanted = wanted.join(since, on=INSTRUMENT_KEY, how="left", maintain_order="left")
        _require_listed(wanted, config)
        lake.register("wanted", wanted)
        by = _chosen_by(config)
        volumes = [
            lake.execute(_VOLUMES_BEFORE, {"start": window["start"]}).pl(),
            *spot_volumes(lake, wanted, spot, window),
        ]
        return FundingDataProvider.from_frames(
            rows_of_wanted(lake, _funding(lake), wanted, window, by=by),
            instruments,
            prices=candle_prices(lake, wanted, spot, window, by=by),
            snapshots=rows_of_wanted(lake, _SNAPSHOTS, wanted, window, *volumes, by=by),
            fees=_fees(lake),
            features=rows_of_wanted(lake, _features(lake), wanted, window, by=by),
            coin_prices=_coin_prices(lake, instruments, window),
        )


@dataclass(slots=True)
class LakeData:
    """The data of configurations that differ from one another in some fields.

    Those that read what ``config`` reads share its data, which is there already. Other data comes
    from the lake; the last of it is kept, as neighbouring points of a sweep often want the same.
    """

    settings: Settings
    snapshot_id: int
    config: BacktestConfig
    common: FundingDataProvider
    _other: tuple[list[Any], FundingDataProvider] | None = None

    def of(self, config: BacktestConfig) -> FundingDataProvider:
        """Return the data that a configuration reads."""
        wanted, shared_by_all = (
            [getattr(one, name) for name in _DATA_FIELDS] for one in (config, self.config)
        )
        if wanted == shared_by_all:
            return self.common
        if self._other is None or self._other[0] != wanted:
            self._other = None  # before the next is read: one at a time is in memory
            self._other = wanted, provider_from_lake(self.settings, config, self.snapshot_id)
        return self._other[1]


def provider_from_files(**files: Path) -> FundingDataProvider:
    """Make a provider from Parquet or CSV files, one per argument of ``from_frames``.

    Times in CSV are ISO 8601 in UTC, or have a zone.

    Raises
    ------
    DataError
        If a file is neither, or its columns are not what ``from_frames`` takes.
    """
    return FundingDataProvider.from_frames(**{name: _file(path) for name, path in files.items()})


def _instruments(lake: duckdb.DuckDBPyConnection, config: BacktestConfig) -> pl.DataFrame:
    """Read the instruments that a configuration asks for."""
    asked = {
        column: list(names)
        for column, names in (
            ("venue", config.venues),
            ("venue_symbol", config.symbols),
            ("base", config.bases),
        )
        if names
    }
    wanted = " AND ".join(f"{column} IN (SELECT unnest(${column}))" for column in asked)
    return lake.execute(_INSTRUMENTS.format(wanted=wanted or "true"), asked).pl()


def _chosen_by(config: BacktestConfig) -> list[str]:
    """Name the columns of an instrument's key in which a configuration does not want them all."""
    chosen = config.venues, config.symbols or config.bases
    return [name for name, some in zip(INSTRUMENT_KEY, chosen, strict=True) if some]


def _funding(lake: duckdb.DuckDBPyConnection) -> Rows:
    """Settlements with their intervals as known in time.

    A lake of before ``interval_hours_known`` has nothing for what was inferred: the backtest then
    looks at the settlement before by itself.
    """
    known = KNOWN if KNOWN in lake.table(FUNDING_RATES.full_name).columns else "NULL::DOUBLE"
    interval = f"{_INTERVAL.format(known=known)} AS interval_hours"
    return _FUNDING._replace(columns=f"{_FUNDING.columns}, {interval}")


def _features(lake: duckdb.DuckDBPyConnection) -> Rows:
    """Whatever features the lake has that are numbers."""
    stored = lake.table(_FEATURES.table)
    numbers = [
        name
        for name, kind in zip(stored.columns, stored.types, strict=True)
        if str(kind) in _NUMBERS
    ]
    return _FEATURES._replace(columns=", ".join([_FEATURES.columns, *numbers]))


def _require_listed(wanted: pl.DataFrame, config: BacktestConfig) -> None:
    """Refuse a symbol that was asked for by name and stood for another contract in the window."""
    asked = pl.col("venue_symbol").is_in(list(config.symbols))
    later = wanted.filter(asked, pl.col("since") >= config.window[1])
    if later.height:
        named = "; ".join(
            f"{venue} {symbol}, listed on {since:%Y-%m-%d %H:%M} UTC"
            for venue, symbol, since in later.select(*INSTRUMENT_KEY, "since").iter_rows()
        )
        raise DataError(
            f"what the lake has of this ticker in the window is of an earlier listing: {named}",
            hint="two contracts of one ticker are not one instrument: choose a window after its "
            "listing, or give the earlier contract's rows as files, under a symbol of their own",
        )


def _fees(lake: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read fees from the first of the tables that the lake has; none where it has neither."""
    for table in _FEE_TABLES:
        if has_table(lake, table):
            return lake.execute(_FEES.format(table=table.full_name)).pl()
    return FEE_SCHEDULES.empty()


def _coin_prices(
    lake: duckdb.DuckDBPyConnection, instruments: pl.DataFrame, window: Mapping[str, datetime]
) -> pl.DataFrame | None:
    """Read what the coins are worth that quanto contracts pay in; None where nothing says it."""
    paid_in = instruments.filter(pl.col("contract_type") == "quanto")["settle"].drop_nulls()
    coins = sorted({canonical_base(coin).base for coin in paid_in})
    if not coins or not has_table(lake, REFERENCE_PRICES):
        return None
    return lake.execute(_COIN_PRICES, {**window, "coins": coins}).pl()


def _file(path: Path) -> pl.DataFrame:
    """Read one file as a frame; times of CSV in UTC where they name no zone."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    if path.suffix != ".csv":
        raise DataError(f"{path} is neither .parquet nor .csv")
    frame = pl.read_csv(path, try_parse_dates=True)
    naive = [name for name, kind in frame.schema.items() if kind == pl.Datetime("us", None)]
    return frame.with_columns(
        *(pl.col(name).dt.replace_time_zone("UTC") for name in naive)
    ).with_columns(pl.col(pl.Datetime).cast(UTC_TIME))

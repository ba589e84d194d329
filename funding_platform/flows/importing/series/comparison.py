"""The rows of some series, as their table declares them, and beside what the lake holds of them."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from funding_platform.core.symbols import DOLLARS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.importing.series.mapping import VOLUMES
from funding_platform.flows.importing.series.sifting import differs
from funding_platform.flows.importing.series.tables import Series
from funding_platform.lake.writer import Lake

_HAS_VOLUME = pl.col("kind") == "trade"


def stored_of(lake: Lake, series: Series, rows: pl.DataFrame) -> pl.DataFrame:
    """Read what the lake holds of the same series in the same time."""
    columns = ", ".join((*series.table.key, *series.figures))
    names: list[object] = [rows[name].unique().to_list() for name in INSTRUMENT_KEY]
    times = rows[series.time]
    stored = lake.read(
        f"SELECT {columns} FROM {series.table.full_name} "
        "WHERE venue IN (SELECT unnest(?)) AND venue_symbol IN (SELECT unnest(?)) "
        f"AND {series.time} BETWEEN ? AND ?",
        [*names, times.min(), times.max()],
    )
    return series.table.typed(stored)


def beside(rows: pl.DataFrame, stored: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Rows with ``stored`` (whether the lake has them), and ``field``, ``value``, ``stored_value``.

    These name the first figure in which the two differ; they are null where none does.
    """
    key = list(series.table.key)
    if stored.is_empty():
        return rows.with_columns(
            pl.lit(value=False).alias("stored"),
            pl.lit(None, dtype=pl.String).alias("field"),
            *(pl.lit(None, dtype=pl.Float64).alias(name) for name in ("value", "stored_value")),
        )
    there = stored.select(
        *key,
        *(pl.col(name).alias(f"stored_{name}") for name in series.figures),
        pl.lit(value=True).alias("stored"),
    )
    joined = rows.join(there, on=key, how="left", maintain_order="left")
    apart = {name: differs((name,), {name: pl.col(f"stored_{name}")}) for name in series.figures}
    return joined.with_columns(
        pl.col("stored").fill_null(value=False),
        _first(apart, {name: pl.lit(name) for name in apart}).alias("field"),
        _first(apart, {name: pl.col(name) for name in apart}).alias("value"),
        _first(apart, {name: pl.col(f"stored_{name}") for name in apart}).alias("stored_value"),
    ).drop([f"stored_{name}" for name in series.figures])


def _first(conditions: dict[str, pl.Expr], values: dict[str, pl.Expr]) -> pl.Expr:
    """Return the value of the first condition that holds, else null."""
    return pl.coalesce(
        pl.when(condition).then(values[name]) for name, condition in conditions.items()
    )


def as_declared(
    rows: pl.DataFrame, series: Series, instruments: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """Rows of the table.

    Parameters
    ----------
    rows
        Bars of an hour, with volumes in the units of their file; or open interest.
    instruments
        ``venue``, ``venue_symbol``, ``quote``, ``contract_type`` and ``contract_size`` of those
        that the lake knows: they turn contracts into the base, and tell what is a dollar.
    """
    observed = pl.lit(now, dtype=UTC_TIME).alias("observed_at")
    if series.table is OPEN_INTEREST:
        return series.table.conform(rows.with_columns(observed))
    priced = _with_volumes(rows, series, instruments)
    known = (pl.col("open_time") + HOUR).alias("available_at")
    return series.table.conform(priced.with_columns(known, observed))


def _with_volumes(rows: pl.DataFrame, series: Series, instruments: pl.DataFrame) -> pl.DataFrame:
    """Volumes in the base and in dollars, as far as the units that were told give them."""
    if all(rows[name].null_count() == rows.height for name in VOLUMES):
        return rows.with_columns(_none("volume_base"), _none("volume_usd"))
    if series.table is not PRICE_CANDLES:
        return rows.with_columns(_dollars(pl.col("quote")))
    facts = instruments.select(
        *INSTRUMENT_KEY, pl.col("quote").alias("listed_quote"), "contract_type", "contract_size"
    )
    known = rows.join(facts, on=INSTRUMENT_KEY, how="left", maintain_order="left")
    amount = pl.col("volume_contracts") * pl.col("contract_size")
    linear, inverse = (pl.col("contract_type") == kind for kind in ("linear", "inverse"))
    quote = pl.coalesce("quote", "listed_quote")
    known = known.with_columns(
        pl.coalesce("volume_base", pl.when(linear).then(amount)),
        pl.coalesce("volume_quote", pl.when(inverse).then(amount)),
    )
    return known.with_columns(
        _dollars(quote), pl.when(_HAS_VOLUME).then("volume_base").alias("volume_base")
    ).with_columns(pl.when(_HAS_VOLUME).then("volume_usd").alias("volume_usd"))


def _dollars(quote: pl.Expr) -> pl.Expr:
    """Return the turnover, where it is in dollars."""
    is_dollar = quote.str.to_uppercase().is_in(DOLLARS)
    return pl.when(is_dollar).then(pl.col("volume_quote")).alias("volume_usd")


def _none(name: str) -> pl.Expr:
    return pl.lit(None, dtype=pl.Float64).alias(name)


def missing_hours(rows: pl.DataFrame, key: Sequence[str], time: str) -> int:
    """How many hours the series lack between their first and their last row."""
    spans = rows.group_by(key).agg(
        pl.len().cast(pl.Int64).alias("rows"),
        ((pl.col(time).max() - pl.col(time).min()).dt.total_hours() + 1).alias("hours"),
    )
    return int((spans["hours"] - spans["rows"]).sum())

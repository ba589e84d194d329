"""From records to the tables of ``core.tables``: units, canonical assets, absence, bounds.

The one place where a venue's numbers become ours, so that no venue file converts a time stamp,
an empty string or a spread by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from funding_platform.core.intervals import infer_intervals
from funding_platform.core.schema import Column, Table, Type, instant
from funding_platform.core.symbols import canonical_base, is_dollar
from funding_platform.core.tables import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import floor_hour
from funding_platform.venues.errors import ContractError
from funding_platform.venues.fields import LATEST_MS
from funding_platform.venues.paging import round_to_second
from funding_platform.venues.records import Listing, Market, Settlement


def instruments_frame(
    venue: str, listings: Sequence[Listing], statuses: Mapping[str, str], observed_at: datetime
) -> pl.DataFrame:
    """Rows of ``core.instruments``, seen first and last at ``observed_at``."""
    canonical = [canonical_base(listing.base) for listing in listings]
    frame = _columns(listings, Listing, INSTRUMENTS, venue).with_columns(
        pl.Series("base", [name.base for name in canonical], pl.String),
        pl.Series("multiplier", [name.multiplier for name in canonical], pl.Float64),
        pl.Series("status", [statuses.get(row.status, "unknown") for row in listings], pl.String),
        _time("listed_ms").alias("listed_at"),
        instant(observed_at).alias("first_seen_at"),
        instant(observed_at).alias("last_seen_at"),
    )
    return _finished(frame, INSTRUMENTS, venue)


def snapshots_frame(
    venue: str, markets: Sequence[Market], observed_at: datetime, latency_ms: float
) -> pl.DataFrame:
    """Rows of ``core.market_snapshots``; ``spread_bps = (ask - bid) / mid * 1e4``.

    Dollar columns that a record leaves out follow from amounts of a quote that is a dollar.
    """
    bid, ask = pl.col("best_bid"), pl.col("best_ask")
    spread = (ask - bid) / ((ask + bid) / 2) * 1e4
    in_dollars = pl.lit(pl.Series([is_dollar(row.quote) for row in markets], dtype=pl.Boolean))
    held = pl.when(in_dollars).then(pl.col("open_interest_base") * pl.col("mark_price"))
    traded = pl.when(in_dollars).then("volume_24h_quote")
    frame = _columns(markets, Market, MARKET_SNAPSHOTS, venue).with_columns(
        instant(floor_hour(observed_at)).alias("snapshot_hour"),
        _time("next_funding_ms").alias("next_funding_time"),
        pl.coalesce("open_interest_usd", held).alias("open_interest_usd"),
        pl.coalesce("volume_24h_usd", traded).alias("volume_24h_usd"),
        pl.when(bid > 0, ask > 0).then(spread).alias("spread_bps"),
        pl.lit(latency_ms).alias("latency_ms"),
        instant(observed_at).alias("observed_at"),
    )
    return _finished(frame, MARKET_SNAPSHOTS, venue)


def settlements_frame(
    venue: str, settlements: Sequence[Settlement], observed_at: datetime
) -> pl.DataFrame:
    """Rows of ``core.funding_rates``, intervals inferred where the venue states none."""
    columns = _columns(settlements, Settlement, FUNDING_RATES, venue)
    seconds = [round_to_second(row.time_ms) for row in settlements]
    frame = columns.with_columns(
        pl.lit(venue).alias("venue"),
        _stamps("funding_time", seconds),
        _time("time_ms").alias("venue_time"),
        pl.col("rate").alias("funding_rate"),
        instant(observed_at).alias("observed_at"),
    )
    return _finished(infer_intervals(frame), FUNDING_RATES, venue)


def _columns(
    records: Sequence[Any], kind: type[msgspec.Struct], table: Table, venue: str
) -> pl.DataFrame:
    """One column per field of the records, typed by what their names stand for."""
    for name in filter(_TIMES.__contains__, kind.__struct_fields__):
        _require_times(records, name, table, venue)
    return pl.DataFrame(
        [
            pl.Series(name, _values(records, name), _field_type(name, table))
            for name in kind.__struct_fields__
        ]
    )


_TIMES = ("time_ms", "listed_ms", "next_funding_ms")

_FIELD_TYPES: Mapping[str, pl.DataType] = {
    **dict.fromkeys(("venue_id", "quote"), pl.String()),
    **dict.fromkeys(("rate", "volume_24h_quote"), pl.Float64()),
    **dict.fromkeys(_TIMES, pl.Int64()),
}
"""Types of the fields of a record that are not columns of its table."""


def _field_type(name: str, table: Table) -> pl.DataType:
    """What a field holds: what the table declares for the column of its name."""
    if name in table.column_names:
        return table.column(name).type.polars
    return _FIELD_TYPES[name]


def _values(records: Iterable[Any], name: str) -> list[Any]:
    return [None if (value := getattr(row, name)) == "" else value for row in records]


def _stamps(name: str, milliseconds: Sequence[int]) -> pl.Series:
    return pl.Series(name, milliseconds, pl.Int64).cast(pl.Datetime("ms", "UTC")).cast(_UTC)


_UTC = Type.TIME.polars


def _time(name: str) -> pl.Expr:
    """A column of millisecond stamps as times."""
    return pl.col(name).cast(pl.Datetime("ms", "UTC")).cast(_UTC)


def _finished(frame: pl.DataFrame, table: Table, venue: str) -> pl.DataFrame:
    """Exactly the table's columns, sorted by key; gaps, keys and bounds checked."""
    frame = table.conform(frame.with_columns(pl.lit(venue).alias("venue"))).sort(table.key)
    _require_unique(frame, table, venue)
    _require_values(frame, table, venue)
    return frame


def _require_unique(frame: pl.DataFrame, table: Table, venue: str) -> None:
    twice = frame.filter(pl.struct(table.key).is_duplicated())
    if not twice.is_empty():
        symbol = twice["venue_symbol"][0]
        raise ContractError(f"{symbol} comes more than once", venue=venue, endpoint=table.full_name)


def _require_times(records: Iterable[Any], name: str, table: Table, venue: str) -> None:
    """No stamp that fits into no datetime: a venue's own are checked as they are decoded."""
    for row, value in zip(records, _values(records, name), strict=True):
        if value is not None and not 0 <= value <= LATEST_MS:
            raise ContractError(
                f"{name} of {row.venue_symbol} is {value}, which is no time from 1970 to 2100",
                venue=venue,
                endpoint=table.full_name,
                path=name,
                hint="the venue may have changed the unit of its time stamps",
            )


def _require_values(frame: pl.DataFrame, table: Table, venue: str) -> None:
    """Nothing blank that must be there, nothing out of bounds."""
    wrong = frame.select(_wrong(column).any().alias(column.name) for column in table.columns)
    for column in table.columns:
        if wrong[column.name][0]:
            row = frame.filter(_wrong(column)).row(0, named=True)
            value = row[column.name]
            span = f"{column.minimum} to {column.maximum} ({column.unit})"
            raise ContractError(
                f"{column.name} of {row['venue_symbol']} is "
                + ("blank" if value is None else f"{value}, outside {span}"),
                venue=venue,
                endpoint=table.full_name,
                hint="the venue may have changed the unit it publishes",
            )


def _wrong(column: Column) -> pl.Expr:
    """Whether a value may not stand in a column."""
    value = pl.col(column.name)
    wrong = pl.lit(False) if column.nullable else value.is_null()
    if column.minimum is not None:
        wrong |= (value < column.minimum).fill_null(value=False)
    if column.maximum is not None:
        wrong |= (value > column.maximum).fill_null(value=False)
    return wrong

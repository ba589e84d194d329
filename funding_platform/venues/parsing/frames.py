"""From records to the tables of ``core.tables``: units, canonical assets, absence, bounds.

The one place where a venue's numbers become ours, so that no venue file converts a time stamp,
an empty string or a spread by itself. A value that breaks a rule of its column is dropped, and its
row where the column must have one; see ``leniency`` for how many may be.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
import polars as pl

from funding_platform.core.intervals import infer_intervals
from funding_platform.core.market.asset_classes import class_of_ticker
from funding_platform.core.market.order_units import order_unit
from funding_platform.core.rules import rules_of
from funding_platform.core.symbols import canonical_base, is_dollar
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Column, Table, Type, instant
from funding_platform.core.time_grid import floor_hour
from funding_platform.venues.paging.pager import round_to_second
from funding_platform.venues.parsing.fields import LATEST_MS
from funding_platform.venues.parsing.leniency import leave_out
from funding_platform.venues.parsing.records import Listing, MarketRow, Settlement

Record = TypeVar("Record", Listing, MarketRow, Settlement)


def instruments_frame(
    venue: str, listings: Sequence[Listing], statuses: Mapping[str, str], observed_at: datetime
) -> pl.DataFrame:
    """Make rows of ``core.instruments``, seen first and last at ``observed_at``."""
    listings = _with_possible_times(listings, "listed_ms", INSTRUMENTS, venue)
    canonical = [canonical_base(listing.base) for listing in listings]
    classes = [
        listing.asset_class or class_of_ticker(name.base)
        for listing, name in zip(listings, canonical, strict=True)
    ]
    frame = _columns(listings, Listing, INSTRUMENTS).with_columns(
        pl.Series("asset_class", classes, pl.String),
        pl.Series("base", [name.base for name in canonical], pl.String),
        pl.Series("multiplier", [name.multiplier for name in canonical], pl.Float64),
        order_unit(),
        pl.Series("status", [statuses.get(row.status, "unknown") for row in listings], pl.String),
        _time("listed_ms").alias("listed_at"),
        instant(observed_at).alias("first_seen_at"),
        instant(observed_at).alias("last_seen_at"),
    )
    return _finished(frame, INSTRUMENTS, venue)


def snapshots_frame(
    venue: str, markets: Sequence[MarketRow], observed_at: datetime, latency_ms: float
) -> pl.DataFrame:
    """Make rows of ``core.market_snapshots``; ``spread_bps = (ask - bid) / mid * 1e4``.

    Dollar columns that a record leaves out follow from amounts of a quote that is a dollar.
    """
    markets = _with_possible_times(markets, "next_funding_ms", MARKET_SNAPSHOTS, venue)
    bid, ask = pl.col("best_bid"), pl.col("best_ask")
    spread = (ask - bid) / ((ask + bid) / 2) * 1e4
    in_dollars = pl.lit(pl.Series([is_dollar(row.quote) for row in markets], dtype=pl.Boolean))
    held = pl.when(in_dollars).then(pl.col("open_interest_base") * pl.col("mark_price"))
    traded = pl.when(in_dollars).then("volume_24h_quote")
    frame = _columns(markets, MarketRow, MARKET_SNAPSHOTS).with_columns(
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
    """Make rows of ``core.funding_rates``, intervals inferred where the venue states none."""
    settlements = _with_possible_times(settlements, "time_ms", FUNDING_RATES, venue)
    columns = _columns(settlements, Settlement, FUNDING_RATES)
    seconds = [round_to_second(row.time_ms) for row in settlements]
    frame = columns.with_columns(
        pl.lit(venue).alias("venue"),
        stamps("funding_time", seconds),
        _time("time_ms").alias("venue_time"),
        pl.col("rate").alias("funding_rate"),
        instant(observed_at).alias("observed_at"),
    )
    known = within_rules(frame, FUNDING_RATES, venue)
    return FUNDING_RATES.conform(infer_intervals(known)).sort(FUNDING_RATES.key)


def _columns(records: Sequence[Any], kind: type[msgspec.Struct], table: Table) -> pl.DataFrame:
    """Make a column per field of the records, typed by what their names stand for."""
    return pl.DataFrame(
        [
            pl.Series(name, values_of(records, name), _field_type(name, table))
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
    """Return a field's type: the one that the table declares for a column of its name."""
    if name in table.column_names:
        return table.column(name).type.polars
    return _FIELD_TYPES[name]


def values_of(records: Iterable[Any], name: str) -> list[Any]:
    """One field of all records; what is written as an empty text is absent."""
    values = list(map(attrgetter(name), records))
    return [None if value == "" else value for value in values] if "" in values else values


def stamps(name: str, milliseconds: Sequence[int | None]) -> pl.Series:
    """Millisecond stamps as a column of times."""
    return pl.Series(name, milliseconds, pl.Int64).cast(pl.Datetime("ms", "UTC")).cast(_UTC)


_UTC = Type.TIME.polars


def _time(name: str) -> pl.Expr:
    """Read a column of millisecond stamps as times."""
    return pl.col(name).cast(pl.Datetime("ms", "UTC")).cast(_UTC)


def _finished(frame: pl.DataFrame, table: Table, venue: str) -> pl.DataFrame:
    """Return exactly the table's columns, sorted by key, within its rules."""
    frame = table.conform(frame.with_columns(pl.lit(venue).alias("venue"))).sort(table.key)
    return within_rules(frame, table, venue)


def _with_possible_times(
    records: Sequence[Record], name: str, table: Table, venue: str
) -> list[Record]:
    """Keep the possible times: an impossible stamp is absent, a required one costs its row.

    A venue's own stamps are checked as they are decoded.
    """
    kept: list[Record] = []
    complaints = []
    for row in records:
        value = getattr(row, name)
        if value in (None, "") or 0 <= value <= LATEST_MS:
            kept.append(row)
            continue
        complaints.append(
            f"{name} of {row.venue_symbol} is {value}, which is no time from 1970 to 2100"
        )
        if not isinstance(row, Settlement):
            kept.append(msgspec.structs.replace(row, **{name: None}))
    hint = "the venue may have changed the unit of its time stamps"
    where: dict[str, Any] = {"venue": venue, "endpoint": table.full_name, "path": name}
    leave_out(complaints, len(records), hint=hint, **where)
    return kept


def within_rules(frame: pl.DataFrame, table: Table, venue: str) -> pl.DataFrame:
    """Drop what breaks a rule of the table: a value, or a row that must have one."""
    broken = _breaking(table, tuple(frame.columns))
    found = frame.select(breaks.any().alias(name) for name, breaks in broken.items())
    bad_rows = pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    complaints: list[str] = []
    where: dict[str, Any] = {"venue": venue, "endpoint": table.full_name, "hint": _CHANGED}
    for name in (name for name in broken if found[name][0]):
        column, bad = table.column(name), frame.select(broken[name]).to_series()
        told = [_complaint(column, row) for row in frame.filter(bad & ~bad_rows).to_dicts()]
        if column.nullable:
            leave_out(told, frame[name].count(), **where)
            frame = frame.with_columns(pl.when(~bad).then(name).alias(name))
        else:
            complaints += told
            bad_rows |= bad
    leave_out(complaints, frame.height, **where)
    return frame.filter(~bad_rows) if complaints else frame


@cache
def _breaking(table: Table, columns: tuple[str, ...]) -> Mapping[str, pl.Expr]:
    """Find by column, of those that are there, which rows break any of its rules."""
    broken: dict[str, pl.Expr] = {}
    for rule in rules_of(table):
        if rule.column in columns:
            breaks = rule.breaks.fill_null(value=False)
            broken[rule.column] = breaks | broken.get(rule.column, pl.lit(value=False))
    return broken


_ROW_TIMES = ("funding_time", "open_time", "time")
"""Columns that say when a row of a series is of."""

_CHANGED = "the venue may have changed the unit it publishes"


def _complaint(column: Column, row: Mapping[str, Any]) -> str:
    """Say what is wrong with the value of a column in a row."""
    value = row[column.name]
    time = next((row[name] for name in _ROW_TIMES if name in row), None)
    span = f"{column.minimum} to {column.maximum} ({column.unit})"
    what = "blank" if value is None else f"{value}, outside {span}"
    when = f", at {time:%Y-%m-%d %H:%M:%S}" if time is not None else ""
    return f"{column.name} of {row['venue_symbol']} is {what}{when}"

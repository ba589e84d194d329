"""Frames as they are handed in, checked and brought to one form.

What is wrong with a frame is said here, with the table, the column and a row, so that nothing
behind has to wonder. Nothing is repaired: a duplicate or a rate that is no number is a fault.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from funding_platform.backtest.errors import DataError
from funding_platform.backtest.panel import KEY, PRICE_KINDS
from funding_platform.core.schema import UTC_TIME
from funding_platform.core.tables import FEE_SCHEDULES

CONTRACT_TYPES: Final = ("linear", "inverse", "spot")

_ROWS_AT_ONCE: Final = 1 << 20
"""Names are looked up in pieces, which bounds the memory that comparing them takes."""

_FACT_DEFAULTS: Final = {
    "multiplier": pl.lit(1.0),
    "contract_type": pl.lit("linear"),
    "contract_size": pl.lit(None, dtype=pl.Float64),
    "min_size": pl.lit(None, dtype=pl.Float64),
}
_PRICE_SCHEMA: Final = {
    "instrument": pl.UInt32(),
    "time": UTC_TIME,
    "price": pl.Float64(),
    "kind": pl.Int8(),
}
_VOLUME_SCHEMA: Final = {
    "instrument": pl.UInt32(),
    "time": UTC_TIME,
    "volume_24h_usd": pl.Float64(),
}


@dataclass(frozen=True, slots=True)
class Intake:
    """Sound frames; ``instrument`` is the row number in ``instruments``."""

    instruments: pl.DataFrame
    funding: pl.DataFrame
    prices: pl.DataFrame
    volumes: pl.DataFrame
    fees: pl.DataFrame
    features: pl.DataFrame

    def narrowed(self, start: datetime, end: datetime, keep: pl.Expr) -> "Intake":
        """Only instruments that pass ``keep`` and have rows within the window, renumbered."""
        within = {
            "funding": _within(self.funding, "known_at", start, end),
            "prices": _within(self.prices, "time", start, end),
            "volumes": _within(self.volumes, "time", start, end),
            "features": _within(self.features, "available_at", start, end),
        }
        seen = pl.concat(
            [within[name]["instrument"].unique() for name in ("funding", "prices")]
        ).unique()
        kept = (
            self.instruments.with_row_index("instrument")
            .filter(keep & pl.col("instrument").is_in(seen.implode()))
            .sort(KEY)
        )
        if kept.height == self.instruments.height:
            numbers = None
        else:
            numbers = kept.select("instrument").with_row_index("renumbered")
        return Intake(
            instruments=kept.drop("instrument"),
            fees=self.fees,
            **{name: _renumbered(frame, numbers) for name, frame in within.items()},
        )


def read_frames(
    funding_rates: pl.DataFrame,
    instruments: pl.DataFrame | None,
    prices: pl.DataFrame | None,
    snapshots: pl.DataFrame | None,
    fees: pl.DataFrame | None,
    features: pl.DataFrame | None,
) -> Intake:
    """Check what ``FundingDataProvider.from_frames`` is given.

    Raises
    ------
    DataError
        If a column is missing, a key repeats, or a value cannot be.
    """
    facts = _instruments(funding_rates, instruments)
    rates = _funding(funding_rates, facts)
    points = [_marks(rates, "known_at")]
    rates = rates.drop("index_price", strict=False)
    volumes = pl.DataFrame(schema=_VOLUME_SCHEMA)
    if prices is not None:
        points.append(_closes(prices, facts))
    if snapshots is not None:
        seen = _numbered("snapshots", snapshots, ("observed_at",), facts)
        points.append(_marks(seen, "observed_at"))
        volumes = _volumes(seen)
    joined = _best_of_each_instant(points)
    _refuse(
        joined,
        ~pl.col("price").is_finite() | (pl.col("price") <= 0),
        facts,
        "a price is not a positive number",
    )
    return Intake(
        instruments=facts,
        funding=rates,
        prices=joined,
        volumes=volumes,
        fees=FEE_SCHEDULES.empty() if fees is None else fees,
        features=_features(features, facts),
    )


def _instruments(funding: pl.DataFrame, given: pl.DataFrame | None) -> pl.DataFrame:
    """Contract facts, one row per instrument, sorted by key."""
    if given is None:
        _require("funding_rates", funding, (*KEY, "base"))
        given = funding.select(*KEY, "base").unique()
    _require("instruments", given, (*KEY, "base"))
    facts = given.select(
        *KEY,
        "base",
        *(
            pl.col(name) if name in given.columns else default.alias(name)
            for name, default in _FACT_DEFAULTS.items()
        ),
    ).sort(KEY)
    if facts.select(KEY).is_duplicated().any():
        twice = facts.filter(facts.select(KEY).is_duplicated()).row(0, named=True)
        raise DataError(f"instruments has {twice['venue']} {twice['venue_symbol']} twice")
    unknown = facts.filter(~pl.col("contract_type").is_in(CONTRACT_TYPES))
    if not unknown.is_empty():
        row = unknown.row(0, named=True)
        raise DataError(
            f"{row['venue']} {row['venue_symbol']}: contract_type {row['contract_type']!r}",
            hint=f"one of {', '.join(CONTRACT_TYPES)}",
        )
    return facts


def _funding(given: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Settlements with their instrument and the instant from which they were known."""
    rows = _numbered("funding_rates", given, ("funding_time", "funding_rate"), facts)
    optional = [
        pl.lit(None, dtype=pl.Float64).alias(name)
        for name in ("interval_hours", "mark_price")
        if name not in rows.columns
    ]
    stated = "available_at" in rows.columns
    known = pl.max_horizontal("available_at", "funding_time") if stated else "funding_time"
    rows = (
        rows.with_columns(*optional)
        .with_columns(pl.col("funding_time").cast(UTC_TIME))
        .with_columns((known if isinstance(known, pl.Expr) else pl.col(known)).alias("known_at"))
        .select(
            "instrument",
            "funding_time",
            pl.col("known_at").cast(UTC_TIME),
            *(
                pl.col(name).cast(pl.Float64)
                for name in ("funding_rate", "interval_hours", "mark_price", "index_price")
                if name != "index_price" or name in given.columns
            ),
        )
    )
    rows = _ordered(rows, "funding_time")
    if stated:  # a row cannot be looked up before the one it follows
        rows = rows.with_columns(pl.col("known_at").cum_max().over("instrument"))
    _refuse(rows, _repeats(rows, "funding_time"), facts, "a settlement is there twice")
    rate = pl.col("funding_rate")
    _refuse(rows, rate.is_null() | ~rate.is_finite(), facts, "funding_rate is no number")
    hours = pl.col("interval_hours")
    _refuse(rows, hours.is_not_null() & ~(hours > 0), facts, "interval_hours is not positive")
    return rows


def _marks(rows: pl.DataFrame, time: str) -> pl.DataFrame:
    """The mark of each row, else its index; rows with neither have no price."""
    have = [
        name
        for name in ("mark_price", "index_price")
        if name in rows.columns and rows[name].null_count() < rows.height
    ]
    if not have:
        return pl.DataFrame(schema=_PRICE_SCHEMA)
    is_mark = pl.col("mark_price").is_not_null() if "mark_price" in have else pl.lit(False)
    points = rows.select(
        "instrument",
        pl.col(time).cast(UTC_TIME).alias("time"),
        pl.coalesce(have).cast(pl.Float64).alias("price"),
        pl.when(is_mark)
        .then(PRICE_KINDS.index("mark"))
        .otherwise(PRICE_KINDS.index("index"))
        .cast(pl.Int8)
        .alias("kind"),
    )
    return points.drop_nulls("price") if points["price"].null_count() else points


def _best_of_each_instant(points: list[pl.DataFrame]) -> pl.DataFrame:
    """Prices in order, one per instrument and instant: the mark before the index before a close."""
    some = [frame for frame in points if not frame.is_empty()] or points[:1]
    joined = pl.concat(some)
    if len(some) > 1:
        joined = joined.sort("instrument", "time", "kind", maintain_order=True)
    joined = _ordered(joined, "time")
    again = _repeats(joined, "time")
    return joined.filter(~again) if again.any() else joined


def _closes(prices: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    return (
        _numbered("prices", prices, ("time", "price"), facts)
        .select(
            "instrument",
            pl.col("time").cast(UTC_TIME),
            pl.col("price").cast(pl.Float64),
            pl.lit(PRICE_KINDS.index("close"), dtype=pl.Int8).alias("kind"),
        )
        .drop_nulls("price")
    )


def _volumes(seen: pl.DataFrame) -> pl.DataFrame:
    if "volume_24h_usd" not in seen.columns:
        return pl.DataFrame(schema=_VOLUME_SCHEMA)
    return (
        seen.select(
            "instrument",
            pl.col("observed_at").cast(UTC_TIME).alias("time"),
            pl.col("volume_24h_usd").cast(pl.Float64),
        )
        .drop_nulls()
        .filter(pl.col("volume_24h_usd") > 0)
        .sort("instrument", "time")
    )


def _features(given: pl.DataFrame | None, facts: pl.DataFrame) -> pl.DataFrame:
    """Features by instrument, in the order in which they were known; numbers only."""
    if given is None:
        return pl.DataFrame(schema={"instrument": pl.UInt32, "available_at": UTC_TIME})
    rows = _numbered("features", given, ("available_at",), facts, strict=False)
    numeric = [
        pl.col(name).cast(pl.Float64)
        for name, kind in rows.schema.items()
        if name != "instrument" and kind.is_numeric()
    ]
    order = ["instrument", "available_at", *(["as_of"] if "as_of" in rows.columns else [])]
    return rows.sort(order).select("instrument", pl.col("available_at").cast(UTC_TIME), *numeric)


def _numbered(
    table: str,
    given: pl.DataFrame,
    columns: tuple[str, ...],
    facts: pl.DataFrame,
    *,
    strict: bool = True,
) -> pl.DataFrame:
    """Rows with the number of their instrument in place of its key; without one, a fault."""
    _require(table, given, (*KEY, *columns))
    for name in columns:
        if name.endswith(("_at", "time")) and not isinstance(given.schema[name], pl.Datetime):
            raise DataError(f"{table}.{name} is {given.schema[name]}, not a time in UTC")
    names = given.select(KEY)
    numbers = [_run_numbers(part, facts) for part in names.iter_slices(_ROWS_AT_ONCE)]
    found = pl.concat(numbers, rechunk=True) if numbers else pl.Series(dtype=pl.UInt32)
    rows = given.drop(KEY).with_columns(found.alias("instrument"))
    if not rows["instrument"].null_count():
        return rows
    if strict:
        venue, symbol = given.filter(rows["instrument"].is_null()).select(KEY).row(0)
        raise DataError(
            f"{table} has {venue} {symbol}, which is not among the instruments",
            hint="give every instrument a row with its base and contract facts",
        )
    return rows.drop_nulls("instrument")


def _run_numbers(given: pl.DataFrame, facts: pl.DataFrame) -> pl.Series:
    """The instrument of each row; names are looked up once per run of equal ones, not per row."""
    venue, symbol = (pl.col(name).rle_id() for name in KEY)
    runs = given.select((venue + symbol).rle_id().alias("run"))["run"]
    starts = given.select(KEY).filter(runs != runs.shift(fill_value=len(runs))).cast(pl.String)
    numbers = starts.join(
        facts.select(KEY).with_row_index("instrument"), on=KEY, how="left", maintain_order="left"
    )
    return numbers["instrument"].gather(runs)


def _ordered(frame: pl.DataFrame, time: str) -> pl.DataFrame:
    """The frame by instrument and time; untouched where it is, as what a lake returns mostly is."""
    falls, _ = _steps(frame, time)
    return frame.sort("instrument", time, maintain_order=True) if falls.any() else frame


def _repeats(frame: pl.DataFrame, time: str) -> pl.Series:
    """Which rows have the instrument and the time of the row before."""
    _, repeated = _steps(frame, time)
    return pl.Series(np.concatenate([np.zeros(min(1, frame.height), dtype=np.bool_), repeated]))


def _steps(frame: pl.DataFrame, time: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """From each row to the next: whether it goes back, and whether it stands still.

    Views of two columns instead of shifted copies: there may be tens of millions of rows.
    """
    owner, moment = (frame[name].to_physical().to_numpy() for name in ("instrument", time))
    same = owner[1:] == owner[:-1]
    falls = (owner[1:] < owner[:-1]) | (same & (moment[1:] < moment[:-1]))
    return falls, same & (moment[1:] == moment[:-1])


def _within(frame: pl.DataFrame, time: str, start: datetime, end: datetime) -> pl.DataFrame:
    """Rows of the window; the frame itself where that is all of them."""
    inside = pl.col(time).is_between(start, end)
    return frame if frame.select(inside.all()).item() else frame.filter(inside)


def _renumbered(frame: pl.DataFrame, numbers: pl.DataFrame | None) -> pl.DataFrame:
    """Rows of the instruments that stay, by their new numbers."""
    if numbers is None:
        return frame
    return frame.join(numbers, on="instrument", how="inner", maintain_order="left").select(
        pl.col("renumbered").alias("instrument"), pl.exclude("instrument", "renumbered")
    )


def _require(table: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> None:
    if missing := [name for name in columns if name not in frame.columns]:
        raise DataError(
            f"{table} has no column {', '.join(missing)}", hint=f"it has {', '.join(frame.columns)}"
        )


def _refuse(rows: pl.DataFrame, bad: pl.Expr | pl.Series, facts: pl.DataFrame, fault: str) -> None:
    """Raise over the first bad row, if there is one."""
    bad_rows = rows.filter(bad)
    if bad_rows.is_empty():
        return
    row = bad_rows.row(0, named=True)
    venue, symbol = facts.select(KEY).row(row["instrument"])
    time = row.get("funding_time", row.get("time"))
    raise DataError(f"{venue} {symbol} at {time}: {fault} ({bad_rows.height} such rows)")

"""Frames as they are handed in, checked and brought to one form.

What is wrong with a frame is said here, with the table, the column and a row, so that nothing
behind has to wonder. Nothing is repaired: a duplicate or a rate that is no number is a fault.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.backtest.errors import DataError
from funding_platform.backtest.numbering import (
    numbered,
    ordered,
    refuse,
    repeats,
    require_columns,
)
from funding_platform.backtest.panel import KEY, PRICE_KINDS
from funding_platform.core.fee_tables import FEE_SCHEDULES
from funding_platform.core.schema import UTC_TIME

CONTRACT_TYPES: Final = ("linear", "inverse", "spot")

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
            if all(frame is getattr(self, name) for name, frame in within.items()):
                return self
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
        seen = numbered("snapshots", snapshots, ("observed_at",), facts)
        points.append(_marks(seen, "observed_at"))
        volumes = _volumes(seen)
    joined = _best_of_each_instant(points)
    refuse(
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
        require_columns("funding_rates", funding, (*KEY, "base"))
        given = funding.select(*KEY, "base").unique()
    require_columns("instruments", given, (*KEY, "base"))
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
    rows = numbered("funding_rates", given, ("funding_time", "funding_rate"), facts)
    optional = [
        pl.lit(None, dtype=pl.Float64).alias(name)
        for name in ("interval_hours", "mark_price")
        if name not in rows.columns
    ]
    stated = "available_at" in rows.columns
    settled = pl.col("funding_time")
    known = pl.max_horizontal("available_at", settled) if stated else settled
    rows = (
        rows.with_columns(*optional)
        .with_columns(pl.col("funding_time").cast(UTC_TIME))
        .with_columns(known.alias("known_at"))
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
    rows = ordered(rows, "funding_time")
    if stated:  # a row cannot be looked up before the one it follows
        rows = rows.with_columns(pl.col("known_at").cum_max().over("instrument"))
    refuse(rows, repeats(rows, "funding_time"), facts, "a settlement is there twice")
    rate = pl.col("funding_rate")
    refuse(rows, rate.is_null() | ~rate.is_finite(), facts, "funding_rate is no number")
    hours = pl.col("interval_hours")
    refuse(rows, hours.is_not_null() & ~(hours > 0), facts, "interval_hours is not positive")
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
    joined = ordered(joined, "time")
    again = repeats(joined, "time")
    return joined.filter(~again) if again.any() else joined


def _closes(prices: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    return (
        numbered("prices", prices, ("time", "price"), facts)
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
    rows = numbered("features", given, ("available_at",), facts, strict=False)
    numeric = [
        pl.col(name).cast(pl.Float64)
        for name, kind in rows.schema.items()
        if name != "instrument" and kind.is_numeric()
    ]
    order = ["instrument", "available_at", *(["as_of"] if "as_of" in rows.columns else [])]
    return rows.sort(order).select("instrument", pl.col("available_at").cast(UTC_TIME), *numeric)


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

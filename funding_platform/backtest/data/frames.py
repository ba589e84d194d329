"""Frames as they are handed in, checked and brought to one form.

What is wrong with a frame is said here, with the table, the column and a row, so that nothing
behind has to wonder. Nothing is repaired: a duplicate or a rate that is no number is a fault.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.backtest.data.coins import coins_of
from funding_platform.backtest.data.contracts import contract_facts, fee_schedule
from funding_platform.backtest.data.intervals import with_intervals
from funding_platform.backtest.data.points import (
    best_of_each_instant,
    closes,
    marks_of,
    newest_known,
)
from funding_platform.backtest.data.rows import (
    has_no_value,
    numbered,
    ordered,
    refuse,
    repeats,
    require_numbers,
    require_times,
)
from funding_platform.backtest.errors import DataError
from funding_platform.core.frames import Frame, polars_frame
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME

_PREDICTION_SCHEMA: Final = {
    "instrument": pl.UInt32(),
    "time": UTC_TIME,
    "predicted_rate": pl.Float64(),
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
    predictions: pl.DataFrame
    fees: pl.DataFrame
    features: pl.DataFrame
    coins: pl.DataFrame

    def narrowed(self, start: datetime, end: datetime, keep: pl.Expr) -> "Intake":
        """Keep only instruments that pass ``keep`` and have rows within the window, renumbered.

        Accounts settle at the settlement, so one that became known after the window stays; and of
        volumes the last one counts however old it is, so the newest before the window stays.
        """
        time = pl.col("time")
        is_newest = (pl.col("instrument") != pl.col("instrument").shift(-1)).fill_null(True)
        reaches_in = (time >= start) | is_newest | (time.shift(-1) > start)
        within = {
            "funding": _only(
                self.funding, (pl.col("known_at") >= start) & (pl.col("funding_time") <= end)
            ),
            "prices": _only(self.prices, time.is_between(start, end)),
            "predictions": _only(self.predictions, time.is_between(start, end)),
            "volumes": _only(self.volumes, reaches_in & (time <= end)),
            "features": _only(self.features, pl.col("available_at").is_between(start, end)),
        }
        seen = pl.concat(
            [within[name]["instrument"].unique() for name in ("funding", "prices")]
        ).unique()
        kept = (
            self.instruments.with_row_index("instrument")
            .filter(keep & pl.col("instrument").is_in(seen.implode()))
            .sort(INSTRUMENT_KEY)
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
            coins=self.coins,
            **{name: _renumbered(frame, numbers) for name, frame in within.items()},
        )


def read_frames(funding_rates: Frame, **others: Frame | None) -> Intake:
    """Check what ``FundingDataProvider.from_frames`` is given, of whatever library.

    Parameters
    ----------
    others
        ``instruments``, ``prices``, ``snapshots``, ``fees``, ``features`` and ``coin_prices``;
        None where there is none.

    Raises
    ------
    DataError
        If what is given is no frame, or ``from_frames`` says so.
    """
    return _intake(
        polars_frame("funding_rates", funding_rates, DataError),
        **{
            name: None if given is None else polars_frame(name, given, DataError)
            for name, given in others.items()
        },
    )


def _intake(
    funding_rates: pl.DataFrame,
    instruments: pl.DataFrame | None,
    prices: pl.DataFrame | None,
    snapshots: pl.DataFrame | None,
    fees: pl.DataFrame | None,
    features: pl.DataFrame | None,
    coin_prices: pl.DataFrame | None,
) -> Intake:
    """Check each frame, and bring all of them to one form.

    Raises
    ------
    DataError
        If a column is missing or of the wrong type, a time is null or without a zone, a key
        repeats, or a value cannot be.
    """
    facts = contract_facts(funding_rates, instruments)
    rates = _funding(funding_rates, facts)
    marks = marks_of(rates, "known_at")
    points = [marks if has_no_value(funding_rates, "available_at") else newest_known(marks)]
    rates = rates.drop("index_price", strict=False)
    volumes = pl.DataFrame(schema=_VOLUME_SCHEMA)
    predictions = pl.DataFrame(schema=_PREDICTION_SCHEMA)
    if prices is not None:
        points.append(closes(prices, facts))
    if snapshots is not None:
        seen = numbered("snapshots", snapshots, ("observed_at",), facts)
        figures = ("mark_price", "index_price", "volume_24h_usd", "predicted_rate")
        require_numbers("snapshots", seen, figures)
        points.append(marks_of(seen, "observed_at"))
        volumes, predictions = _volumes(seen, facts), _predictions(seen, facts)
    bad = ~pl.col("price").is_finite() | (pl.col("price") <= 0)
    for frame in points:
        refuse(frame, bad, facts, "a price is not a positive number")
    return Intake(
        instruments=facts,
        funding=rates,
        prices=best_of_each_instant(points),
        volumes=volumes,
        predictions=predictions,
        fees=fee_schedule(fees),
        features=_features(features, facts),
        coins=coins_of(coin_prices),
    )


def _funding(given: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Read settlements with their instrument and the instant from which they were known."""
    rows = numbered("funding_rates", given, ("funding_time", "funding_rate"), facts)
    require_numbers(
        "funding_rates", rows, ("funding_rate", "interval_hours", "mark_price", "index_price")
    )
    optional = [
        pl.lit(None, dtype=pl.Float64).alias(name)
        for name in ("interval_hours", "mark_price")
        if name not in rows.columns
    ]
    stated = not has_no_value(rows, "available_at")
    if stated:
        require_times("funding_rates", rows, ("available_at",))
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
    refuse(rows, ~hours.is_finite() | (hours <= 0), facts, "interval_hours is not positive")
    return with_intervals(rows) if rows["interval_hours"].null_count() else rows


def _volumes(seen: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Read volumes as they became known; none, and one of nothing, say nothing of depth."""
    if has_no_value(seen, "volume_24h_usd"):
        return pl.DataFrame(schema=_VOLUME_SCHEMA)
    volume = pl.col("volume_24h_usd")
    rows = seen.select(
        "instrument", pl.col("observed_at").cast(UTC_TIME).alias("time"), volume.cast(pl.Float64)
    ).drop_nulls()
    refuse(rows, ~volume.is_finite(), facts, "volume_24h_usd is no number")
    return rows.filter(volume > 0).sort("instrument", "time")


def _predictions(seen: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Predicted rates as they were shown."""
    if has_no_value(seen, "predicted_rate"):
        return pl.DataFrame(schema=_PREDICTION_SCHEMA)
    rate = pl.col("predicted_rate").cast(pl.Float64)
    rows = seen.select(
        "instrument", pl.col("observed_at").cast(UTC_TIME).alias("time"), rate
    ).drop_nulls()
    refuse(rows, ~pl.col("predicted_rate").is_finite(), facts, "predicted_rate is no number")
    return rows.sort("instrument", "time")


def _features(given: pl.DataFrame | None, facts: pl.DataFrame) -> pl.DataFrame:
    """Read features by instrument, in the order in which they were known; numbers only."""
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


def _only(frame: pl.DataFrame, wanted: pl.Expr) -> pl.DataFrame:
    """Keep the rows that are wanted; the frame itself where that is all of them."""
    passes = frame.select(wanted.alias("passes"))["passes"]
    return frame if passes.all() else frame.filter(passes)


def _renumbered(frame: pl.DataFrame, numbers: pl.DataFrame | None) -> pl.DataFrame:
    """Return the rows of the instruments that stay, by their new numbers."""
    if numbers is None:
        return frame
    return frame.join(numbers, on="instrument", how="inner", maintain_order="left").select(
        pl.col("renumbered").alias("instrument"), pl.exclude("instrument", "renumbered")
    )

"""From frames to sorted arrays: validation, instrument numbers, duplicates.

Everything that can be wrong with the input is found here, so that the arithmetic behind it may
trust its arrays. Instruments are numbered in the order of (venue, venue_symbol), which makes
sorting by number the sorting that the tables ask for.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import polars as pl

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.numbering import distinct_instruments, instrument_numbers
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY, RATE_BOUND
from funding_platform.core.time_grid import HOUR_US, from_us
from funding_platform.core.units import rate_8h
from funding_platform.curves.errors import CurveError


def nearest_hour(time: Ints) -> Ints:
    """``floor((t + 30 min) / 1 h)``: the whole hour that a settlement was due at.

    Settlements are stamped with the moment they were made, which is late by milliseconds
    (00:00:00.024), seconds, or minutes (08:23:53). ``core.intervals`` rounds the same way. One
    that is half an hour late or more counts for the next hour: nothing in it tells otherwise.

    Parameters
    ----------
    time
        Microseconds since the epoch, shape (n,).

    Returns
    -------
    ndarray
        Hours since the epoch, shape (n,).
    """
    return (time + HOUR_US // 2) // HOUR_US


class Instruments:
    """The instruments that occur in the frames, numbered in the order of venue and symbol."""

    def __init__(self, *frames: pl.DataFrame) -> None:
        self.names = distinct_instruments(*frames)

    def __len__(self) -> int:
        return self.names.height

    def numbers(self, frame: pl.DataFrame) -> Ints:
        """Return the number of each row's instrument, shape (n,)."""
        return instrument_numbers(frame, self.names).to_numpy().astype(np.int64)

    def describe(self, number: int) -> str:
        """Name one instrument as ``venue venue_symbol``, for messages."""
        return " ".join(self.names.row(number))


@dataclass(frozen=True, slots=True)
class Rows:
    """Base of what is kept as arrays side by side, or as other such, with one entry per row."""

    def take(self, rows: Flags | Ints) -> Self:
        """Return what stands at ``rows``: flags of shape (n,), or indices."""
        columns = ((field.name, getattr(self, field.name)) for field in fields(self))
        return replace(
            self,
            **{
                name: column.take(rows) if isinstance(column, Rows) else column[rows]
                for name, column in columns
            },
        )


@dataclass(frozen=True, slots=True)
class Settlements(Rows):
    """Settled rates as arrays of shape (n,), sorted by instrument and time, without duplicates.

    ``time`` is in microseconds since the epoch, ``hour`` the whole hour that it stands for,
    ``rate`` a fraction per interval, ``interval`` in hours and NaN where unknown.
    """

    instrument: Ints
    time: Ints
    hour: Ints
    rate: Floats
    interval: Floats


def read_settlements(frame: pl.DataFrame, instruments: Instruments) -> Settlements:
    """Validate and sort rows that have the columns of ``core.funding_rates``.

    Raises
    ------
    CurveError
        If a rate or an interval lies outside the bounds that ``core.tables`` declares, or an
        instrument has two different settlements at one instant.
    """
    _refuse_bad_values(frame, rate="funding_rate", time="funding_time")
    rows = frame.select(
        pl.Series("instrument", instruments.numbers(frame)),
        pl.col("funding_time").dt.epoch("us").alias("time"),
        pl.col("funding_rate").alias("rate"),
        pl.col("interval_hours").cast(pl.Float64).fill_null(float("nan")).alias("interval"),
    )
    instrument, time = rows["instrument"].to_numpy(), rows["time"].to_numpy()
    step = np.diff(instrument)
    if ((step < 0) | ((step == 0) & (np.diff(time) < 0))).any():
        rows = rows.sort("instrument", "time")
        instrument, time = rows["instrument"].to_numpy(), rows["time"].to_numpy()
    rate, interval = rows["rate"].to_numpy(), rows["interval"].to_numpy()
    settlements = Settlements(instrument, time, nearest_hour(time), rate, interval)
    return _without_duplicates(settlements, instruments)


@dataclass(frozen=True, slots=True)
class Predictions(Rows):
    """Predicted rates as arrays of shape (n,), sorted by instrument and time of observation.

    ``observed`` is in microseconds since the epoch, ``r_8h`` a fraction per eight hours, ``due``
    the whole hour at which the rate settles, or the largest integer where the venue omits it.
    """

    instrument: Ints
    observed: Ints
    r_8h: Floats
    due: Ints


def read_predictions(frame: pl.DataFrame, instruments: Instruments) -> Predictions:
    """Validate and sort the rows of ``core.market_snapshots`` that predict a rate.

    A row without a predicted rate, or whose interval is unknown, predicts nothing.

    Raises
    ------
    CurveError
        If a rate or an interval lies outside the bounds that ``core.tables`` declares.
    """
    _refuse_bad_values(frame, rate="predicted_rate", time="observed_at", rate_required=False)
    rows = (
        frame.select(
            pl.Series("instrument", instruments.numbers(frame)),
            pl.col("observed_at").dt.epoch("us").alias("observed"),
            rate_8h(pl.col("predicted_rate"), pl.col("interval_hours")).alias("r_8h"),
            pl.col("next_funding_time").dt.epoch("us").alias("due"),
        )
        .drop_nulls("r_8h")
        .sort("instrument", "observed", "r_8h")
    )
    last = np.iinfo(np.int64).max
    due = rows["due"].fill_null(last - HOUR_US).to_numpy()
    return Predictions(
        rows["instrument"].to_numpy(),
        rows["observed"].to_numpy(),
        rows["r_8h"].to_numpy(),
        nearest_hour(due),
    )


def moment(time: int) -> str:
    """Format an instant in microseconds since the epoch, for messages."""
    return f"{from_us(time):%Y-%m-%d %H:%M:%S} UTC"


def _refuse_bad_values(
    frame: pl.DataFrame, *, rate: str, time: str, rate_required: bool = True
) -> None:
    """Raise for the first row, by time, with a rate or an interval outside its bounds."""
    hours = FUNDING_RATES.column("interval_hours")
    good_rate = pl.col(rate).is_between(-RATE_BOUND, RATE_BOUND).fill_null(not rate_required)
    good_interval = (
        pl.col("interval_hours").is_between(hours.minimum, hours.maximum).fill_null(True)
    )
    bad = frame.filter(~(good_rate & good_interval))
    if bad.is_empty():
        return
    row: dict[str, Any] = bad.sort(time, *INSTRUMENT_KEY).row(0, named=True)
    raise CurveError(
        f"{row['venue']} {row['venue_symbol']} at {row[time]:%Y-%m-%d %H:%M:%S} UTC: {rate} "
        f"{row[rate]} over {row['interval_hours']} h is no market rate",
        hint=f"rates lie within +-{RATE_BOUND} per interval, intervals within "
        f"{hours.minimum} to {hours.maximum} h; collect that span again",
    )


def _without_duplicates(settlements: Settlements, instruments: Instruments) -> Settlements:
    """Drop a row that repeats the one before it; refuse one that contradicts it."""
    instrument, time = settlements.instrument, settlements.time
    repeats = (instrument[1:] == instrument[:-1]) & (time[1:] == time[:-1])
    if not repeats.any():
        return settlements
    second = np.flatnonzero(repeats) + 1
    agree = np.ones(len(second), dtype=np.bool_)
    for values in (settlements.rate, settlements.interval):
        a, b = values[second - 1], values[second]
        agree &= (a == b) | (np.isnan(a) & np.isnan(b))
    if not agree.all():
        row = int(second[~agree][0])
        raise CurveError(
            f"{instruments.describe(int(instrument[row]))} has two different settlements at "
            f"{moment(int(time[row]))}",
            hint="keep one row per (venue, venue_symbol, funding_time)",
        )
    return settlements.take(np.concatenate(([True], ~repeats)))

"""Rows by the number of their instrument, in the order of time, and what is said of bad ones.

An instrument's number is its row among the instruments sorted by ``KEY``. Rows may come with it, in
a column ``instrument``, instead of with their key: names of tens of millions of rows cost more to
carry and to compare than all the rest.
"""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from funding_platform.backtest.data.columns import (
    require_columns,
    require_text,
    require_times,
    require_values,
)
from funding_platform.backtest.data.panel import KEY
from funding_platform.backtest.errors import DataError

_ROWS_AT_ONCE: Final = 1 << 20
"""Names are looked up in pieces, which bounds the memory that comparing them takes."""


def numbered(
    table: str,
    given: pl.DataFrame,
    columns: tuple[str, ...],
    facts: pl.DataFrame,
    *,
    strict: bool = True,
) -> pl.DataFrame:
    """Rows with the number of their instrument, in place of its key; without one, a fault."""
    has_numbers = "instrument" in given.columns
    require_columns(table, given, columns if has_numbers else (*KEY, *columns))
    times = tuple(name for name in columns if name.endswith(("_at", "time")))
    require_times(table, given, times)
    require_values(table, given, times)
    if has_numbers:
        return _with_sound_numbers(table, given, facts.height)
    require_text(table, given, KEY)
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


def _with_sound_numbers(table: str, given: pl.DataFrame, count: int) -> pl.DataFrame:
    """Rows that came with numbers, each of which must be an instrument's."""
    numbers = given["instrument"]
    if numbers.dtype != pl.UInt32 or numbers.null_count() or (numbers >= count).any():
        raise DataError(
            f"{table}.instrument has what is no row of {count} instruments",
            hint="it is the row by venue and venue_symbol, as UInt32",
        )
    return given


def _run_numbers(given: pl.DataFrame, facts: pl.DataFrame) -> pl.Series:
    """The instrument of each row; names are looked up once per run of equal ones, not per row."""
    venue, symbol = (pl.col(name).rle_id() for name in KEY)
    runs = given.select((venue + symbol).rle_id().alias("run"))["run"]
    starts = given.select(KEY).filter(runs != runs.shift(fill_value=len(runs))).cast(pl.String)
    numbers = starts.join(
        facts.select(KEY).with_row_index("instrument"), on=KEY, how="left", maintain_order="left"
    )
    return numbers["instrument"].gather(runs)


def ordered(frame: pl.DataFrame, time: str) -> pl.DataFrame:
    """The frame by instrument and time; untouched where it is, as what a lake returns mostly is."""
    falls, _ = _steps(frame, time)
    return frame.sort("instrument", time, maintain_order=True) if falls.any() else frame


def repeats(frame: pl.DataFrame, time: str) -> pl.Series:
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


def refuse(rows: pl.DataFrame, bad: pl.Expr | pl.Series, facts: pl.DataFrame, fault: str) -> None:
    """Raise over the first bad row, if there is one."""
    bad_rows = rows.filter(bad)
    if bad_rows.is_empty():
        return
    row = bad_rows.row(0, named=True)
    venue, symbol = facts.select(KEY).row(row["instrument"])
    time = row.get("funding_time", row.get("time"))
    raise DataError(f"{venue} {symbol} at {time}: {fault} ({bad_rows.height} such rows)")

"""Rows as they are handed in: their columns checked, numbered by instrument, in the order of time.

Checks of columns look at types and counts of nulls, which Polars keeps: none walks tens of millions
of rows. Rows may come with the number of their instrument (``core.numbering``), in a column
``instrument``, instead of with its key: names of so many rows cost more to carry and to compare
than all the rest.
"""

import numpy as np
import polars as pl

from funding_platform.backtest.errors import DataError
from funding_platform.core.arrays import Flags
from funding_platform.core.numbering import instrument_numbers
from funding_platform.core.tables.columns import INSTRUMENT_KEY


def require_columns(table: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise if a column is missing."""
    if missing := [name for name in columns if name not in frame.columns]:
        raise DataError(
            f"{table} has no column {', '.join(missing)}", hint=f"it has {', '.join(frame.columns)}"
        )


def require_times(table: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise over times without a zone: whose clock they tell is not for us to guess."""
    for name in columns:
        kind = frame.schema[name]
        if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
            raise DataError(
                f"{table}.{name} is {kind}, not a time in UTC",
                hint='times that tell UTC without saying so: .dt.replace_time_zone("UTC")',
            )


def require_values(table: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise over the first null."""
    for name in columns:
        if count := frame[name].null_count():
            row = int(frame[name].is_null().arg_max() or 0)
            key = frame.row(row, named=True)
            whose = " ".join(str(key[part]) for part in INSTRUMENT_KEY if key.get(part) is not None)
            raise DataError(
                f"{table}.{name} is null in row {row}"
                f"{f' of {whose}' if whose else ''} ({count} such rows)"
            )


def require_numbers(table: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise over columns of anything but numbers, of those that are there.

    A column without any value may have any type: a CSV cannot tell which it would be.
    """
    for name in columns:
        kind = frame.schema.get(name)
        if kind is not None and not kind.is_numeric() and not has_no_value(frame, name):
            raise DataError(f"{table}.{name} is {kind}, not numbers")


def has_no_value(frame: pl.DataFrame, name: str) -> bool:
    """Tell whether a column is missing, or is null in every row."""
    return name not in frame.columns or frame[name].null_count() == frame.height


def require_text(table: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise over names that are no text; categories are text."""
    for name in columns:
        if frame.schema[name] not in (pl.String, pl.Categorical, pl.Enum):
            raise DataError(f"{table}.{name} is {frame.schema[name]}, not text")


def numbered(
    table: str,
    given: pl.DataFrame,
    columns: tuple[str, ...],
    facts: pl.DataFrame,
    *,
    strict: bool = True,
) -> pl.DataFrame:
    """Put the number of each row's instrument in place of its key; without one, it is a fault."""
    has_numbers = "instrument" in given.columns
    require_columns(table, given, columns if has_numbers else (*INSTRUMENT_KEY, *columns))
    times = tuple(name for name in columns if name.endswith(("_at", "time")))
    require_times(table, given, times)
    require_values(table, given, times)
    if has_numbers:
        return _with_sound_numbers(table, given, facts.height)
    require_text(table, given, INSTRUMENT_KEY)
    found = instrument_numbers(given, facts)
    rows = given.drop(INSTRUMENT_KEY).with_columns(found.alias("instrument"))
    if not rows["instrument"].null_count():
        return rows
    if strict:
        venue, symbol = given.filter(rows["instrument"].is_null()).select(INSTRUMENT_KEY).row(0)
        raise DataError(
            f"{table} has {venue} {symbol}, which is not among the instruments",
            hint="give every instrument a row with its base and contract facts",
        )
    return rows.drop_nulls("instrument")


def _with_sound_numbers(table: str, given: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return rows that came with numbers, each of which must be an instrument's."""
    numbers = given["instrument"]
    if numbers.dtype != pl.UInt32 or numbers.null_count() or (numbers >= count).any():
        raise DataError(
            f"{table}.instrument has what is no row of {count} instruments",
            hint="it is the row by venue and venue_symbol, as UInt32",
        )
    return given


def ordered(frame: pl.DataFrame, time: str) -> pl.DataFrame:
    """Sort a frame by instrument and time; untouched where it is, as what a lake returns mostly."""
    falls, _ = _steps(frame, time)
    return frame.sort("instrument", time, maintain_order=True) if falls.any() else frame


def repeats(frame: pl.DataFrame, time: str) -> pl.Series:
    """Tell which rows have the instrument and the time of the row before."""
    _, repeated = _steps(frame, time)
    return pl.Series(np.concatenate([np.zeros(min(1, frame.height), dtype=np.bool_), repeated]))


def _steps(frame: pl.DataFrame, time: str) -> tuple[Flags, Flags]:
    """Tell of each step to the next row whether it goes back, and whether it stands still.

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
    venue, symbol = facts.select(INSTRUMENT_KEY).row(row["instrument"])
    time = row.get("funding_time", row.get("time"))
    raise DataError(f"{venue} {symbol} at {time}: {fault} ({bad_rows.height} such rows)")

"""Rows as they are handed in: their columns checked, numbered by instrument, in the order of time.

Checks of columns look at types and counts of nulls, which Polars keeps: none walks tens of millions
of rows. Rows may come with the number of their instrument (``core.numbering``), in a column
``instrument``, instead of with its key: names of so many rows cost more to carry and to compare
than all the rest.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from funding_platform.backtest.errors import DataError
from funding_platform.core.arrays import Flags, Ints
from funding_platform.core.numbering import instrument_numbers
from funding_platform.core.system.compiled import compiled
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
    """Put a frame in the order of instrument and time; untouched where it is, as it mostly is."""
    order = order_of(frame["instrument"], frame[time])
    return frame if order is None else frame[order]


def order_of(instrument: pl.Series, time: pl.Series) -> pl.Series | None:
    """Find the rows in the order of instrument and time, equal ones as they stand.

    Rows mostly come as long runs that are in order, which are laid end to end instead of sorted.

    Returns
    -------
    polars.Series or None
        Row numbers; None where the rows are in order.
    """
    owner, moment = (one.to_physical().to_numpy() for one in (instrument, time))
    if _in_order(owner, moment):
        return None
    order, first = _laid_end_to_end(owner, int(owner.max()) + 1)
    for number in np.flatnonzero(_unsorted(order, first, moment)):
        rows = order[first[number] : first[number + 1]]
        rows[:] = rows[np.argsort(moment[rows], kind="stable")]
    return pl.Series(order)


@compiled
def _in_order(owner: NDArray[np.uint32], moment: Ints) -> bool:
    """Whether no row comes before the one above it, by instrument and time."""
    for row in range(1, len(owner)):
        if owner[row] < owner[row - 1]:
            return False
        if owner[row] == owner[row - 1] and moment[row] < moment[row - 1]:
            return False
    return True


@compiled
def _laid_end_to_end(owner: NDArray[np.uint32], count: int) -> tuple[NDArray[np.uint32], Ints]:
    """List the rows of each instrument as they stand, and say where those of each begin."""
    first = np.zeros(count + 1, dtype=np.int64)
    for one in owner:
        first[one + 1] += 1
    first = np.cumsum(first)
    free = first.copy()
    order = np.empty(len(owner), dtype=np.uint32)
    for row in range(len(owner)):
        order[free[owner[row]]] = row
        free[owner[row]] += 1
    return order, first


@compiled
def _unsorted(order: NDArray[np.uint32], first: Ints, moment: Ints) -> Flags:
    """Tell of each instrument whether its rows are not in order of time."""
    found = np.zeros(len(first) - 1, dtype=np.bool_)
    for number in range(len(found)):
        for place in range(first[number] + 1, first[number + 1]):
            if moment[order[place]] < moment[order[place - 1]]:
                found[number] = True
                break
    return found


def repeats(frame: pl.DataFrame, time: str) -> pl.Series:
    """Tell which rows have the instrument and the time of the row before.

    Views of two columns instead of shifted copies: there may be tens of millions of rows.
    """
    again = np.zeros(frame.height, dtype=np.bool_)
    owner, moment = (frame[name].to_physical().to_numpy() for name in ("instrument", time))
    np.equal(moment[1:], moment[:-1], out=again[1:])
    again[1:] &= owner[1:] == owner[:-1]
    return pl.Series(again)


def refuse(rows: pl.DataFrame, bad: pl.Expr | pl.Series, facts: pl.DataFrame, fault: str) -> None:
    """Raise over the first bad row, if there is one."""
    bad_rows = rows.filter(bad)
    if bad_rows.is_empty():
        return
    row = bad_rows.row(0, named=True)
    venue, symbol = facts.select(INSTRUMENT_KEY).row(row["instrument"])
    time = row.get("funding_time", row.get("time"))
    raise DataError(f"{venue} {symbol} at {time}: {fault} ({bad_rows.height} such rows)")

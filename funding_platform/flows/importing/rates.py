"""From the cells of a foreign file to settled rates: units, times and bounds, fault by fault.

Pure but for reading the file. What cannot be a settlement is refused with its file, line and
column: a stamp before the first perpetual or after now (seconds taken for milliseconds, or both
mixed), a rate beyond the bound of the table, a rolling figure printed more often than it is for.
"""

from collections.abc import Mapping as Dictionary
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from funding_platform.core.schema import UTC_TIME
from funding_platform.core.tables import FUNDING_RATES
from funding_platform.core.time_grid import FIRST_PERPETUAL
from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.cells import Cells, read_cells
from funding_platform.flows.importing.mapping import Mapping, mapping_for

ROLLING_SHARE: Final = 0.1
"""A file in which more of the rows come before their interval is over holds a rolling figure.

A change of interval makes one such row; a figure for 8 hours printed hourly makes all of them.
"""

_MICROS: Final = {
    "s": Fraction(10**6),
    "ms": Fraction(10**3),
    "us": Fraction(1),
    "ns": Fraction(1, 10**3),
}
"""Microseconds per unit of time."""

_FAR: Final = 10**16
"""Microseconds since the epoch that no settlement has: the year 2286."""

_DIVISORS: Final = {"fraction": 1.0, "percent": 1e2, "bps": 1e4}

_BY_SYMBOL = ["venue", "venue_symbol"]


def read_dump(path: Path, told: Dictionary[str, Any], now: datetime) -> pl.DataFrame:
    """The settled rates of one file.

    Parameters
    ----------
    path
        A file with one of ``mapping.SUFFIXES``.
    told
        Fields of its ``Mapping``; without the columns, a preset must know them.
    now
        Nothing later can have settled.

    Returns
    -------
    polars.DataFrame
        ``venue``, ``venue_symbol``, ``venue_time``, ``funding_rate`` (fraction per interval),
        ``interval_hours`` and ``mark_price`` (null where blank), ``file`` and ``line``; rows in
        the file's order.

    Raises
    ------
    MappingError
        If which column is what is not known.
    DumpError
        Naming file, line and column of the first thing that is wrong.
    """
    cells = read_cells(path)
    mapping = mapping_for(cells.columns.columns, told)
    _require_columns(cells, mapping)
    source = mapping.source(path)
    frame = pl.DataFrame(
        {
            "venue": _names(cells, mapping.venue_column, source.get("venue")),
            "venue_symbol": _names(cells, mapping.symbol_column, source.get("symbol")),
            "venue_time": _times(cells, mapping, now),
            "funding_rate": _rates(cells, mapping),
            "interval_hours": _numbers(cells, mapping.interval),
            "mark_price": _numbers(cells, mapping.mark_price),
            "file": pl.Series([cells.file], dtype=pl.String).new_from_index(0, cells.lines.len()),
            "line": cells.lines,
        }
    )
    columns = {
        "funding_rate": mapping.rate,
        "interval_hours": mapping.interval,
        "mark_price": mapping.mark_price,
    }
    for field, column in columns.items():
        if column is not None:
            _require_bounds(cells, frame[field], field, column)
    if mapping.interval is not None:
        _refuse_rolling(cells, frame, mapping.interval)
    return frame


def _require_columns(cells: Cells, mapping: Mapping) -> None:
    """The mapped columns are there, and the others are known to mean nothing."""
    header = cells.columns.columns
    for column in mapping.columns.values():
        if column not in header:
            raise DumpError(cells.file, f"is not among {', '.join(header)}", line=1, column=column)
    known = {*mapping.columns.values(), *mapping.ignore}
    for column in header:
        if column not in known and "*" not in mapping.ignore:
            raise DumpError(
                cells.file,
                "is not mapped",
                line=1,
                column=column,
                hint=f"map it, or say that it means nothing here: --map ignore={column}",
            )


def _names(cells: Cells, column: str | None, constant: str | None) -> pl.Series:
    """A venue or symbol per row."""
    if column is None:
        return pl.Series([constant], dtype=pl.String).new_from_index(0, cells.lines.len())
    names = cells.columns[column].cast(pl.String).str.strip_chars()
    _refuse(cells, column, names.is_null() | (names == ""), "is blank")
    return names


def _rates(cells: Cells, mapping: Mapping) -> pl.Series:
    """Rates as fractions."""
    rates = _numbers(cells, mapping.rate)
    _refuse(cells, mapping.rate, rates.is_null(), "is blank")
    # NumPy divides; Polars multiplies by the rounded reciprocal of a constant.
    return pl.Series(rates.to_numpy() / _DIVISORS[mapping.rate_unit])


def _numbers(cells: Cells, column: str | None) -> pl.Series:
    """A column of finite numbers, null where it is blank or not mapped."""
    if column is None:
        return pl.Series([None], dtype=pl.Float64).new_from_index(0, cells.lines.len())
    text = _blank_as_null(cells.columns[column])
    numbers = text.cast(pl.Float64, strict=False)
    wrong = text.is_not_null() & ~numbers.is_finite().fill_null(value=False)
    _refuse(cells, column, wrong, "is not a number")
    return numbers


def _times(cells: Cells, mapping: Mapping, now: datetime) -> pl.Series:
    """Settlement instants, plausible ones only."""
    column = cells.columns[mapping.time]
    if isinstance(column.dtype, pl.Datetime):
        times = _zoned(cells, mapping, column)
    elif mapping.time_unit == "iso":
        times = _iso_times(cells, mapping, column)
    else:
        times = _stamps(cells, mapping, column)
    wrong = (times < FIRST_PERPETUAL) | (times > now)
    _refuse(
        cells,
        mapping.time,
        wrong,
        f"is no settlement between {FIRST_PERPETUAL:%Y-%m-%d} and now if its unit is "
        f"{mapping.time_unit}",
        hint="the unit is another one, or the file mixes units",
    )
    return times


def _stamps(cells: Cells, mapping: Mapping, column: pl.Series) -> pl.Series:
    """Numbers of seconds, milliseconds, ... since the epoch as times."""
    micros = _MICROS[mapping.time_unit]
    text = _blank_as_null(column)
    numbers = text.cast(pl.Float64, strict=False)
    _refuse(cells, mapping.time, ~numbers.is_finite().fill_null(value=False), "is not a time")
    # Whole numbers stay whole: a float holds no nanoseconds. What the clips cut is implausible.
    whole = (
        numbers.cast(pl.Int64, strict=False)
        if column.dtype.is_float()
        else text.cast(pl.Int64, strict=False)
    )
    limit = min(_FAR // micros, 2**62)
    exact = whole.clip(-limit, limit) * micros.numerator // micros.denominator
    near = (numbers * float(micros)).clip(-_FAR, _FAR).round().cast(pl.Int64)
    return exact.zip_with((whole == numbers).fill_null(value=False), near).cast(UTC_TIME)


def _iso_times(cells: Cells, mapping: Mapping, column: pl.Series) -> pl.Series:
    """ISO 8601 texts as times; one without a zone is in the mapping's, if it names one."""
    zone = None if mapping.time_zone is None else ZoneInfo(mapping.time_zone)
    times: list[datetime] = []
    for row, text in enumerate(column.cast(pl.String).to_list()):
        try:
            moment = datetime.fromisoformat((text or "").strip())
        except ValueError as error:
            raise cells.fault(f"{text!r} is not an ISO 8601 time", mapping.time, row) from error
        if moment.tzinfo is None:
            if zone is None:
                raise cells.fault(
                    f"{text!r} names no time zone",
                    mapping.time,
                    row,
                    hint="say which one it is in: --map time_zone=UTC",
                )
            moment = moment.replace(tzinfo=zone)
            if moment.utcoffset() != moment.replace(fold=1).utcoffset():
                raise cells.fault(
                    f"{text!r} is twice or never in {mapping.time_zone}", mapping.time, row
                )
        times.append(moment.astimezone(UTC))
    return pl.Series(times, dtype=UTC_TIME)


def _zoned(cells: Cells, mapping: Mapping, column: pl.Series) -> pl.Series:
    """Times that the file itself types as such."""
    assert isinstance(column.dtype, pl.Datetime)
    _refuse(cells, mapping.time, column.is_null(), "is blank")
    if column.dtype.time_zone is not None:
        return column.dt.convert_time_zone("UTC").cast(UTC_TIME)
    if mapping.time_zone is None:
        raise cells.fault(
            "names no time zone",
            mapping.time,
            hint="say which one it is in: --map time_zone=UTC",
        )
    zoned = column.dt.replace_time_zone(mapping.time_zone, ambiguous="null", non_existent="null")
    _refuse(cells, mapping.time, zoned.is_null(), f"is twice or never in {mapping.time_zone}")
    return zoned.dt.convert_time_zone("UTC").cast(UTC_TIME)


def _require_bounds(cells: Cells, values: pl.Series, field: str, column: str) -> None:
    """What the table demands of every source, said with the line."""
    declared = FUNDING_RATES.column(field)
    low, high = declared.minimum, declared.maximum
    wrong = pl.repeat(False, values.len(), eager=True)
    if low is not None:
        wrong |= values < low
    if high is not None:
        wrong |= values > high
    _refuse(
        cells,
        column,
        wrong.fill_null(value=False),
        f"is outside {'any' if low is None else low} to {'any' if high is None else high} "
        f"({declared.unit})",
        hint="the unit may be another one" if field == "funding_rate" else None,
    )


def _refuse_rolling(cells: Cells, frame: pl.DataFrame, column: str) -> None:
    """A figure for h hours that comes again before h hours are over is not a settlement."""
    interval = pl.col("interval_hours")
    gaps = frame.with_row_index("row").sort(*_BY_SYMBOL, "venue_time")
    hours = pl.col("venue_time").diff().over(_BY_SYMBOL).dt.total_seconds() / 3600
    early = gaps.filter(hours > 0, hours < 0.75 * interval)
    if early.height > ROLLING_SHARE * frame["interval_hours"].count():
        row = early["row"][0]
        raise cells.fault(
            f"{early.height} rows for {frame['interval_hours'][row]:g} hours come before these are "
            "over: a rolling figure, whose sum counts each hour several times",
            column,
            row,
            hint=f"leave it out: --exclude '{Path(cells.file).name}'",
        )


def _blank_as_null(column: pl.Series) -> pl.Series:
    """Text without spaces around it, null where nothing is left; numbers as they are."""
    if column.dtype != pl.String:
        return column
    text = column.str.strip_chars()
    return text.set(text == "", None)


def _refuse(
    cells: Cells, column: str, wrong: pl.Series, what: str, hint: str | None = None
) -> None:
    """Fail at the first row that is wrong."""
    rows = wrong.arg_true()
    if rows.len():
        row = int(rows[0])
        raise cells.fault(f"{cells.columns[column][row]!r} {what}", column, row, hint)

"""Instants from whatever stands for them: numbers since 1970, texts, local times.

A local time in the hour that comes twice a year is two instants. Both are kept until the other
rows of its instrument are at hand; ``folds`` then decides.
"""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Final, NamedTuple

import polars as pl

from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import FIRST_PERPETUAL, to_us
from funding_platform.flows.importing.fields.cells import Cells
from funding_platform.flows.importing.fields.numbers import blank_as_null
from funding_platform.flows.importing.mapping import TimedMapping

_MICROS: Final = {
    "s": Fraction(10**6),
    "ms": Fraction(10**3),
    "us": Fraction(1),
    "ns": Fraction(1, 10**3),
}
"""Microseconds per unit of time."""

UNIT_NAMES: Final = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}

_FAR: Final = 10**16
"""Microseconds since the epoch that no row has: the year 2286."""

_ISO = "%Y-%m-%d %H:%M:%S%.f"

_LIKE_ISO: Final = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y.%m.%d %H:%M:%S",
    "%Y.%m.%d %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
)
"""Other ways to write a time whose order of day and month is beyond doubt."""

_EXPONENT = r"^[+-]?(?P<digits>[0-9]+(?:\.[0-9]*)?)[eE][+]?(?P<power>[0-9]+)$"


class Times(NamedTuple):
    """Instants; where a local time is two of them, the first, with the second in ``later``."""

    first: pl.Series
    later: pl.Series


def detected_unit(column: pl.Series, now: datetime) -> str | None:
    """Find the one unit in which the first number is a time: ``iso`` for texts, else None."""
    if column.dtype.is_temporal():
        return "iso"
    there = blank_as_null(column).drop_nulls()
    if there.is_empty():
        return None
    value = there.cast(pl.Float64, strict=False)[0]
    if value is None:
        return "iso"
    low, high = to_us(FIRST_PERPETUAL), to_us(now)
    fitting = [unit for unit, micros in _MICROS.items() if low <= value * float(micros) <= high]
    return fitting[0] if fitting else None


def times(cells: Cells, mapping: TimedMapping, unit: str, now: datetime) -> Times:
    """Read the instants of a batch.

    Parameters
    ----------
    unit
        A unit of ``_MICROS``, or ``iso``.

    Raises
    ------
    DumpError
        At the first cell that is not a time between the first perpetual and now.
    """
    column = cells.columns[mapping.time]
    if mapping.date is not None:
        found = _from_texts(cells, mapping, _after(cells.columns[mapping.date], column))
    elif isinstance(column.dtype, pl.Datetime):
        found = _zoned(cells, mapping, column)
    elif unit == "iso":
        found = _from_texts(cells, mapping, column)
    else:
        stamps = _stamps(cells, mapping, column, unit)
        found = Times(stamps, _none(stamps))
    wrong = (found.first < FIRST_PERPETUAL) | (found.first > now)
    refuse(
        cells,
        mapping.time,
        wrong,
        f"is not a time between {FIRST_PERPETUAL:%Y-%m-%d} and now"
        + ("" if unit == "iso" else f" if its unit is {unit}"),
        hint="the unit is another one, or the file mixes units",
    )
    return found


def refuse(cells: Cells, column: str, wrong: pl.Series, what: str, hint: str | None = None) -> None:
    """Raise at the first row that is wrong, if there is one.

    Raises
    ------
    DumpError
        With the cell and its place.
    """
    rows = wrong.arg_true()
    if rows.len():
        row = int(rows[0])
        raise cells.fault(f"{cells.columns[column][row]!r} {what}", column, row, hint)


def _after(days: pl.Series, times_of_day: pl.Series) -> pl.Series:
    """Write days and times of the day as one text each."""
    day, time = (pl.lit(one.cast(pl.String).str.strip_chars()) for one in (days, times_of_day))
    return pl.select(pl.concat_str(day, time, separator=" ").alias(times_of_day.name)).to_series()


def _none(like: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=UTC_TIME).new_from_index(0, like.len())


def _stamps(cells: Cells, mapping: TimedMapping, column: pl.Series, unit: str) -> pl.Series:
    """Read numbers of seconds, milliseconds, ... since the epoch as times."""
    micros = _MICROS[unit]
    text = blank_as_null(column)
    floats = text.cast(pl.Float64, strict=False)
    refuse(cells, mapping.time, ~floats.is_finite().fill_null(value=False), "is not a time")
    # Whole numbers stay whole: a float holds no nanoseconds. What the clips cut is implausible.
    whole = (
        floats.cast(pl.Int64, strict=False)
        if column.dtype.is_float()
        else text.cast(pl.Int64, strict=False)
    )
    limit = min(_FAR // micros, 2**62)
    exact = whole.clip(-limit, limit) * micros.numerator // micros.denominator
    close = (floats * float(micros)).clip(-_FAR, _FAR).round().cast(pl.Int64)
    found = exact.zip_with((whole == floats).fill_null(value=False), close).cast(UTC_TIME)
    if text.dtype == pl.String and whole.null_count():
        _refuse_rounded(cells, mapping, text, found)
    return found


def _refuse_rounded(cells: Cells, mapping: TimedMapping, text: pl.Series, found: pl.Series) -> None:
    """Refuse times that a spreadsheet wrote as ``1.70027E+12``: the rest of the digits is gone."""
    parts = text.str.extract_groups(_EXPONENT).struct.unnest()
    decimals = parts["digits"].str.split(".").list.get(1, null_on_oob=True).str.len_chars()
    lost = parts["power"].cast(pl.Int64, strict=False) > decimals.fill_null(0).cast(pl.Int64)
    on_the_hour = found.dt.truncate("1h") == found
    refuse(
        cells,
        mapping.time,
        (lost & ~on_the_hour).fill_null(value=False),
        "is a rounded time",
        hint="a spreadsheet has shortened it: take the file as it was downloaded",
    )


def _from_texts(cells: Cells, mapping: TimedMapping, column: pl.Series) -> Times:
    """Read times written as text; one without a zone is in the mapping's, if it names one."""
    text = column.cast(pl.String).str.strip_chars()
    plain = text.str.replace("T", " ", literal=True)
    utc = plain.str.replace(r"\s*(Z|UTC|GMT|\+00:?00)$", "")
    naive = utc.str.to_datetime(_ISO, time_unit="us", strict=False)
    if naive.null_count() == 0:
        marked = utc != plain
        if marked.all():
            found = naive.dt.replace_time_zone("UTC").cast(UTC_TIME)
            return Times(found, _none(found))
        if not marked.any():
            return _localized(cells, mapping, naive)
    moments = [_parsed(cells, mapping, one, row) for row, one in enumerate(text.to_list())]
    zoned = pl.Series([one.tzinfo is not None for one in moments], dtype=pl.Boolean)
    local = pl.Series([one.replace(tzinfo=None) for one in moments], dtype=pl.Datetime("us"))
    instants = pl.Series(
        [one.astimezone(UTC) if one.tzinfo is not None else None for one in moments],
        dtype=UTC_TIME,
    )
    if zoned.all():
        return Times(instants, _none(instants))
    in_zone = _localized(cells, mapping, local, zoned)
    return Times(
        instants.zip_with(zoned, in_zone.first), _none(local).zip_with(zoned, in_zone.later)
    )


def _parsed(cells: Cells, mapping: TimedMapping, text: str | None, row: int) -> datetime:
    written = (text or "").removesuffix(" UTC").strip()
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        for form in _LIKE_ISO:
            try:
                moment = datetime.strptime(written, form)  # noqa: DTZ007
                break
            except ValueError:
                continue
        else:
            raise cells.fault(
                f"{text!r} is not an ISO 8601 time",
                mapping.time,
                row,
                hint="rewrite the column as 2025-03-01 08:00:00, or as seconds since 1970",
            ) from error
    if moment.tzinfo is None and text != written and (text or "").endswith("UTC"):
        return moment.replace(tzinfo=UTC)
    return moment


def _zoned(cells: Cells, mapping: TimedMapping, column: pl.Series) -> Times:
    """Read times that the file itself types as such."""
    refuse(cells, mapping.time, column.is_null(), "is blank")
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        found = column.dt.convert_time_zone("UTC").cast(UTC_TIME)
        return Times(found, _none(found))
    return _localized(cells, mapping, column.cast(pl.Datetime("us")))


def _localized(
    cells: Cells, mapping: TimedMapping, local: pl.Series, zoned: pl.Series | None = None
) -> Times:
    """Read local times in the mapping's zone; rows that ``zoned`` marks are not looked at."""
    zone = mapping.time_zone
    if zone is None:
        row = 0 if zoned is None else int((~zoned).arg_true()[0])
        raise cells.fault(
            f"{cells.columns[mapping.time][row]!r} names no time zone",
            mapping.time,
            row,
            hint="say which one it is in, such as --map time_zone=UTC or "
            "--map time_zone=Europe/Berlin",
        )
    first = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    later = local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")
    missing = first.is_null() if zoned is None else first.is_null() & ~zoned
    refuse(
        cells,
        mapping.time,
        missing,
        f"does not exist in {zone}: the clocks were put forward",
        hint="the times are in another zone: --map time_zone=...",
    )
    early = first.dt.convert_time_zone("UTC").cast(UTC_TIME)
    late = later.dt.convert_time_zone("UTC").cast(UTC_TIME)
    if mapping.fold is not None:
        chosen = early if mapping.fold == "first" else late
        return Times(chosen, _none(early))
    return Times(early, late.set(early == late, None))

"""Numbers as people and programs write them: ``-0.0174%``, ``8h``, ``480m``, a comma for a point.

Pure. Each function answers with values and with which cells it could not read; blanks are null and
can always be read.
"""

from typing import Final, NamedTuple

import polars as pl

from funding_platform.core.zeros import without_signed_zeros

_POWERS: Final = {"fraction": 0, "percent": -2, "bps": -4}
"""Powers of ten by which a rate in each unit becomes a fraction."""

_SIGNS: Final = {"%": "percent", "bp": "bps", "bps": "bps"}
"""Units that a cell itself may carry."""

_HOURS: Final = {"h": 1.0, "m": 1 / 60, "s": 1 / 3600, "ms": 1 / 3_600_000, "d": 24.0}

_WORDS: Final = {
    "hour": "h",
    "hours": "h",
    "hr": "h",
    "hrs": "h",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "day": "d",
    "days": "d",
}

_SPACES = "[\u00a0\u2009\u202f]"
_WITH_SIGN = r"^(?P<number>.*?)\s*(?P<sign>%|bps|bp)?$"
_WITH_WORD = r"^(?:pt)?(?P<number>[-+0-9.,e]+?)\s*(?P<word>[a-z]+)?$"


class Read(NamedTuple):
    """Values, null where blank, and which cells are not what they should be."""

    values: pl.Series
    wrong: pl.Series


def numbers(column: pl.Series, decimal: str = ".") -> Read:
    """Read a column of finite numbers."""
    plain = _plain(column, decimal)
    if plain is not None:
        return plain
    return _checked(column, _as_floats(blank_as_null(column), decimal))


def rates(column: pl.Series, unit: str | None, decimal: str = ".") -> Read:
    """Read a column of rates as fractions.

    Parameters
    ----------
    unit
        What they are in; None where each cell must say it (``%``, ``bps``). A cell that says
        another unit than the column's is wrong.
    """
    plain = _plain(column, decimal, unit or "")
    if plain is not None:
        return plain
    text = blank_as_null(column)
    if text.dtype != pl.String:
        return _checked(column, _scaled(text, unit or "fraction"), missing_unit=unit is None)
    parts = text.str.to_lowercase().str.extract_groups(_WITH_SIGN).struct.unnest()
    said = parts["sign"].replace_strict(_SIGNS, default=None, return_dtype=pl.String)
    units = said.fill_null(unit) if unit else said
    values = pl.Series([None], dtype=pl.Float64).new_from_index(0, text.len())
    for one in _POWERS:
        of_unit = (units == one).fill_null(value=False)
        if of_unit.any():
            written = pl.Series(parts["number"]).set(~of_unit, None)
            values = values.zip_with(~of_unit, _scaled(_pointed(written, decimal), one))
    read = _checked(column, values)
    contradicts = (said != unit).fill_null(value=False) if unit else said.is_null()
    return Read(read.values, read.wrong | (contradicts & text.is_not_null()))


def hours(column: pl.Series, unit: str, decimal: str = ".") -> Read:
    """Read a column of intervals in hours: ``8h``, ``480m``, ``PT8H``, or a bare number."""
    text = blank_as_null(column)
    if text.dtype != pl.String:
        return _checked(column, text.cast(pl.Float64, strict=False) * _HOURS[unit])
    parts = text.str.to_lowercase().str.extract_groups(_WITH_WORD).struct.unnest()
    words = parts["word"].replace(_WORDS).fill_null(unit)
    factors = words.replace_strict(_HOURS, default=None, return_dtype=pl.Float64)
    value = _pointed(parts["number"], decimal).cast(pl.Float64, strict=False) * factors
    return _checked(column, value.round(9))


def _plain(column: pl.Series, decimal: str, unit: str = "fraction") -> Read | None:
    """Read text that is nothing but numbers, as most of it is; return None for any other."""
    if column.dtype != pl.String or decimal != "." or unit not in _POWERS:
        return None
    values = _scaled(column, unit)
    if values.null_count() or not values.is_finite().all():
        return None
    return Read(without_signed_zeros(values), pl.repeat(False, column.len(), eager=True))


def blank_as_null(column: pl.Series) -> pl.Series:
    """Return text without spaces around it, null where nothing is left; numbers as they are."""
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype != pl.String:
        return column
    text = column.str.replace_all(_SPACES, " ").str.strip_chars().str.replace("^\u2212", "-")
    return text.set(text == "", None)


def _scaled(written: pl.Series, unit: str) -> pl.Series:
    """Multiply numbers by a power of ten, exactly rounded where they are text."""
    power = _POWERS[unit]
    if written.dtype == pl.String and power:
        shifted = pl.select(
            pl.when(written.str.contains("[eE]")).then(None).otherwise(written + f"e{power}")
        ).to_series()
        exact = shifted.cast(pl.Float64, strict=False)
        # A number with an exponent of its own: NumPy divides; Polars multiplies by the rounded
        # reciprocal of a constant.
        divided = written.cast(pl.Float64, strict=False).to_numpy() / 10.0**-power
        return exact.zip_with(exact.is_not_null(), pl.Series(divided, nan_to_null=True))
    values = written.cast(pl.Float64, strict=False)
    if not power:
        return values
    quotients = pl.Series(values.to_numpy() / 10.0**-power)
    return quotients.set(values.is_null(), None)


def _as_floats(text: pl.Series, decimal: str) -> pl.Series:
    if text.dtype == pl.String:
        text = _pointed(text, decimal)
    return text.cast(pl.Float64, strict=False)


def _pointed(text: pl.Series, decimal: str) -> pl.Series:
    """Write a point before the decimals of text."""
    if decimal == ".":
        return text
    return text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)


def _checked(column: pl.Series, values: pl.Series, *, missing_unit: bool = False) -> Read:
    there = blank_as_null(column).is_not_null()
    wrong = there & ~values.is_finite().fill_null(value=False)
    return Read(without_signed_zeros(values), (wrong | there) if missing_unit else wrong)

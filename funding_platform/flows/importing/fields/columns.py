"""One field of many rows, from the column that it is mapped to, or without one."""

from typing import Final

import polars as pl

from funding_platform.core.tables.schema import Column
from funding_platform.flows.importing.fields.cells import Cells
from funding_platform.flows.importing.fields.numbers import numbers
from funding_platform.flows.importing.fields.times import refuse

_FLAGS: Final = {"1": True, "true": True, "0": False, "false": False}


def names_or(cells: Cells, column: str | None, constant: str | None) -> pl.Series:
    """Return a venue or symbol per row: of its column, or the same for all."""
    if column is None:
        return pl.Series([constant], dtype=pl.String).new_from_index(0, cells.lines.len())
    names = cells.columns[column].cast(pl.String).str.strip_chars()
    refuse(cells, column, names.is_null() | (names == ""), "is blank")
    return names


def numbers_if_mapped(cells: Cells, column: str | None, height: int, decimal: str) -> pl.Series:
    """Return finite numbers, null where they are blank or the column is not mapped."""
    if column is None:
        return pl.Series([None], dtype=pl.Float64).new_from_index(0, height)
    read = numbers(cells.columns[column], decimal)
    refuse(
        cells,
        column,
        read.wrong,
        "is not a number",
        hint=f"if it means nothing here: --map ignore={column}",
    )
    return read.values


def flags_if_mapped(cells: Cells, column: str | None, height: int) -> pl.Series:
    """Return whether something is so, null where the column is not mapped."""
    if column is None:
        return pl.Series([None], dtype=pl.Boolean).new_from_index(0, height)
    words = cells.columns[column].cast(pl.String).str.strip_chars().str.to_lowercase()
    told = words.replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
    refuse(cells, column, told.is_null(), "is none of 1, 0, true and false")
    return told


def require_bounds(cells: Cells, values: pl.Series, declared: Column, column: str) -> None:
    """Refuse values beyond what the table declares, with the first line that has one."""
    low, high = declared.minimum, declared.maximum
    wrong = pl.repeat(False, values.len(), eager=True)
    if low is not None:
        wrong |= values < low
    if high is not None:
        wrong |= values > high
    hints = {
        "funding_rate": "the unit may be another one, such as --map rate_unit=percent",
        "interval_hours": "the unit may be another one: --map interval_unit=m",
    }
    refuse(
        cells,
        column,
        wrong.fill_null(value=False),
        f"is outside {'any' if low is None else low} to {'any' if high is None else high} "
        f"({declared.unit})",
        hint=hints.get(declared.name),
    )

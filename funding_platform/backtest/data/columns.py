"""What is asked of a frame and its columns before anything is read from them.

Checks look at types and counts of nulls, which Polars keeps: none walks tens of millions of rows.
"""

import polars as pl

from funding_platform.backtest.data.panel import KEY
from funding_platform.backtest.errors import DataError


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
            whose = " ".join(str(key[part]) for part in KEY if key.get(part) is not None)
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
    """Whether a column is missing, or is null in every row."""
    return name not in frame.columns or frame[name].null_count() == frame.height


def require_text(table: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise over names that are no text; categories are text."""
    for name in columns:
        if frame.schema[name] not in (pl.String, pl.Categorical, pl.Enum):
            raise DataError(f"{table}.{name} is {frame.schema[name]}, not text")

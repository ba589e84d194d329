"""Does a frame satisfy its table's declaration? Asked before every commit.

One frame, all broken rules at once: each names the rule, the columns and the first rows.
"""

from collections.abc import Iterator

import polars as pl

from funding_platform.core.schema import Column, Table, Type
from funding_platform.lake.errors import InvalidFrameError

SHOWN_ROWS = 3


def validate(table: Table, frame: pl.DataFrame) -> None:
    """Check columns by name, types, nulls, finiteness, bounds, allowed values and the key.

    Raises
    ------
    InvalidFrameError
        Naming every rule that is broken, the columns, and the first rows that break it.
    """
    broken = list(_shape(table, frame)) or [
        *(fault for column in table.columns for fault in _values(column, table, frame)),
        *_duplicates(table, frame),
    ]
    if broken:
        raise InvalidFrameError(
            f"{frame.height} rows for {table.full_name} were refused, nothing was written:\n  - "
            + "\n  - ".join(broken),
            hint="the source or its parser is at fault; the table holds what it held before",
        )


def _shape(table: Table, frame: pl.DataFrame) -> Iterator[str]:
    """Missing, unknown and mistyped columns."""
    schema = table.polars_schema
    missing = [name for name in schema if name not in frame.columns]
    if missing:
        yield f"columns: missing {missing}"
    unknown = [name for name in frame.columns if name not in schema]
    if unknown:
        yield f"columns: not declared {unknown}"
    for name, dtype in schema.items():
        if name in frame.columns and frame.schema[name] != dtype:
            yield f"type: {name} is {frame.schema[name]}, declared {dtype}"


def _values(column: Column, table: Table, frame: pl.DataFrame) -> Iterator[str]:
    """Nulls, non-finite numbers, values out of bounds or out of the allowed set."""
    value = pl.col(column.name)
    rules = []
    if not column.nullable:
        rules.append(("not null", value.is_null()))
    if column.type is Type.REAL:
        rules.append(("finite", ~value.is_finite()))
    if column.minimum is not None:
        rules.append((f"at least {column.minimum:g}", value < column.minimum))
    if column.maximum is not None:
        rules.append((f"at most {column.maximum:g}", value > column.maximum))
    if column.values:
        rules.append((f"one of {column.values}", ~value.is_in(column.values)))
    for rule, breaks in rules:
        culprits = frame.filter(breaks.fill_null(False))  # a null breaks only "not null"
        if not culprits.is_empty():
            yield _fault(f"{column.name} {rule}", (*table.key, column.name), culprits)


def _duplicates(table: Table, frame: pl.DataFrame) -> Iterator[str]:
    """Rows that share a key."""
    twins = frame.filter(pl.struct(table.key).is_duplicated())
    if not twins.is_empty():
        yield _fault("unique key", table.key, twins)


def _fault(rule: str, columns: tuple[str, ...], culprits: pl.DataFrame) -> str:
    """One line: the rule, how many rows break it, and the first of them."""
    rows = culprits.select(list(dict.fromkeys(columns))).head(SHOWN_ROWS).rows(named=True)
    shown = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in rows)
    return f"rule: {rule}; {culprits.height} rows, first: {shown}"

"""Does a frame satisfy its table's declaration? Asked before every commit.

One frame, all broken rules at once: each names the rule, the columns and the first rows.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl

from funding_platform.core.order import varying_columns
from funding_platform.core.rules import rules_of
from funding_platform.core.tables.schema import Table, instant
from funding_platform.core.time_grid import SKEW
from funding_platform.lake.errors import InvalidFrameError

SHOWN_ROWS = 3


def validate(table: Table, frame: pl.DataFrame) -> None:
    """Check columns by name, types, nulls, finiteness, bounds, allowed values, times and the key.

    Raises
    ------
    InvalidFrameError
        Naming every rule that is broken, the columns, and the first rows that break it.
    """
    broken = list(_shape(table, frame)) or [
        *_values(table, frame),
        *_future(table, frame, datetime.now(UTC)),
        *_duplicates(table, frame),
    ]
    if broken:
        raise InvalidFrameError(
            f"{frame.height} rows for {table.full_name} were refused, nothing was written:\n  - "
            + "\n  - ".join(broken),
            hint="the source or its parser is at fault; the table holds what it held before",
        )


def _shape(table: Table, frame: pl.DataFrame) -> Iterator[str]:
    """Complain of missing, unknown and mistyped columns."""
    declared, actual = table.polars_schema, frame.schema
    missing = [name for name in declared if name not in actual]
    if missing:
        yield f"columns: missing {missing}"
    unknown = [name for name in actual if name not in declared]
    if unknown:
        yield f"columns: not declared {unknown}"
    for name, dtype in declared.items():
        if name in actual and actual[name] != dtype:
            yield f"type: {name} is {actual[name]}, declared {dtype}"


def _values(table: Table, frame: pl.DataFrame) -> Iterator[str]:
    """Complain of nulls, non-finite numbers, values out of bounds or out of the allowed set.

    All rules are asked in one pass; only a broken one is asked again, for its rows.
    """
    rules = rules_of(table)
    broken = frame.select(rule.breaks.any().alias(f"{number}") for number, rule in enumerate(rules))
    for rule, breaks in zip(rules, broken.row(0) if rules else (), strict=True):
        if breaks:
            culprits = frame.filter(rule.breaks)
            yield _fault(f"{rule.column} {rule.name}", (*table.key, rule.column), culprits)


def _future(table: Table, frame: pl.DataFrame, now: datetime) -> Iterator[str]:
    """Complain of rows of a time that has not come."""
    for column in table.columns:
        if column.past:
            ahead = pl.col(column.name) > instant(now + SKEW)
            if frame.select(ahead.any()).item():
                yield _fault(
                    f"{column.name} no later than the present, {now:%Y-%m-%d %H:%M} UTC",
                    (*table.key, column.name),
                    frame.filter(ahead),
                )


def _duplicates(table: Table, frame: pl.DataFrame) -> Iterator[str]:
    """Complain of rows that share a key."""
    if frame.height < 2:
        return
    varying = varying_columns(frame, table.key)
    if not varying or frame.n_unique(varying) < frame.height:
        twins = frame.filter(pl.struct(table.key).is_duplicated())
        yield _fault("unique key", table.key, twins)


def _fault(rule: str, columns: tuple[str, ...], culprits: pl.DataFrame) -> str:
    """Write one line: the rule, how many rows break it, and the first of them."""
    rows = culprits.select(list(dict.fromkeys(columns))).head(SHOWN_ROWS).rows(named=True)
    shown = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in rows)
    return f"rule: {rule}; {culprits.height} rows, first: {shown}"

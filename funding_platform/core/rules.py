"""What the values of a column must be, as expressions; each caller words its own error."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import polars as pl

from funding_platform.core.tables.schema import Column, Table, Type


class Rule(NamedTuple):
    """A rule of a column, and where it is broken. A null breaks only "not null"."""

    name: str
    column: str
    breaks: pl.Expr


@cache
def rules_of(table: Table) -> tuple[Rule, ...]:
    """Return the rules of all columns that need no clock."""
    return tuple(rule for column in table.columns for rule in _rules_of_column(column))


def _rules_of_column(column: Column) -> Iterator[Rule]:
    value = pl.col(column.name)
    if not column.nullable:
        yield Rule("not null", column.name, value.is_null())
    if column.type is Type.REAL:
        yield Rule("finite", column.name, ~value.is_finite())
    if column.minimum is not None:
        yield Rule(f"at least {column.minimum:g}", column.name, value < column.minimum)
    if column.maximum is not None:
        yield Rule(f"at most {column.maximum:g}", column.name, value > column.maximum)
    if column.values:
        yield Rule(f"one of {column.values}", column.name, ~value.is_in(column.values))

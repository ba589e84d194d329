"""The rows of a table that a replacement stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from funding_platform.core.time_grid import Window


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows of a table that one replacement stands for: a partition.

    Parameters
    ----------
    equal
        Columns and the values that they have throughout the partition. A tuple stands for any
        of its values.
    time_column, window
        The half-open span of time, where the partition has one.
    """

    equal: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    time_column: str | None = None
    window: Window | None = None

    def __str__(self) -> str:
        where = [f"{column} {value}" for column, value in self.equal.items()]
        return (
            ", ".join([*where, *([str(self.window)] if self.window else [])]) or "the whole table"
        )

    def sql(self) -> tuple[str, list[object]]:
        """Write the scope as a WHERE condition and its parameters."""
        conditions: list[str] = []
        parameters: list[object] = []
        for column, value in self.equal.items():
            conditions.append(f"{column} IN (SELECT unnest(?))")
            parameters.append([value] if isinstance(value, str) else list(value))
        if self.time_column and self.window:
            conditions.append(f"{self.time_column} >= ? AND {self.time_column} < ?")
            parameters.extend([self.window.start, self.window.end])
        return " AND ".join(conditions) or "true", parameters

    def expression(self) -> pl.Expr:
        """Write the scope as a Polars predicate."""
        inside = pl.lit(True)
        for column, value in self.equal.items():
            inside &= pl.col(column).is_in([value] if isinstance(value, str) else list(value))
        if self.time_column and self.window:
            time = pl.col(self.time_column)
            inside &= (time >= self.window.start) & (time < self.window.end)
        return inside

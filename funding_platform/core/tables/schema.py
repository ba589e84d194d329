"""What a table declaration is made of, and what is derived from one.

``Table`` and ``Column`` are plain values. DDL and Polars schema come from here; the Dagster column
schema, the dbt sources and the documentation are derived in the layers that know those tools.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

import polars as pl

from funding_platform.core.errors import UnknownNameError
from funding_platform.core.time_grid import to_us
from funding_platform.core.zeros import without_signed_zeros


class Type(Enum):
    """A column's type, by its SQL name, with its Polars twin."""

    TEXT = "VARCHAR"
    REAL = "DOUBLE"
    INTEGER = "BIGINT"
    FLAG = "BOOLEAN"
    TIME = "TIMESTAMP WITH TIME ZONE"
    TEXTS = "VARCHAR[]"
    BYTES = "BLOB"

    @property
    def polars(self) -> pl.DataType:
        """The Polars type that holds the same values."""
        return _POLARS[self]


UTC_TIME: Final = pl.Datetime("us", "UTC")

_POLARS: Final[dict[Type, pl.DataType]] = {
    Type.TEXT: pl.String(),
    Type.REAL: pl.Float64(),
    Type.INTEGER: pl.Int64(),
    Type.FLAG: pl.Boolean(),
    Type.TIME: UTC_TIME,
    Type.TEXTS: pl.List(pl.String()),
    Type.BYTES: pl.Binary(),
}


def instant(moment: datetime) -> pl.Expr:
    """Write ``moment`` as a literal.

    From whole microseconds, since ``pl.lit`` of a zoned datetime spends 0.1 ms on its zone.
    """
    return pl.lit(to_us(moment), dtype=UTC_TIME)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, type, meaning, unit, whether it may be absent, and its bounds.

    ``minimum`` and ``maximum`` are inclusive; a value outside is a fault of the source or of us,
    never a rare market. ``past`` is for what has happened when its row is written: a later time is
    that of a wrong clock. ``formerly`` holds the names that older lakes know the column by;
    ``fill`` is what rows from before have in a column that has become required.
    """

    name: str
    type: Type
    description: str
    unit: str | None = None
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    past: bool = False
    formerly: tuple[str, ...] = ()
    fill: str | float | bool | None = None

    def __post_init__(self) -> None:
        if self.nullable and self.fill is not None:
            raise ValueError(f"{self.name}: a fill is for what may not be absent")

    @property
    def documentation(self) -> str:
        """The description with its unit."""
        return self.description if self.unit is None else f"{self.description} Unit: {self.unit}."


def schema_of(columns: Iterable[Column]) -> pl.Schema:
    """Make the Polars schema of a frame with these columns."""
    return pl.Schema({column.name: column.type.polars for column in columns})


@dataclass(frozen=True, slots=True)
class Table:
    """One table: where it lives, its key, its columns, and how its files are laid out.

    ``partition_by`` holds DuckLake partition expressions, ``sort_by`` the order of rows within a
    file; both only make reading faster. ``options`` are DuckLake's, for the files of this table.
    A ``view`` stores no rows: each query works them out, so that nothing enforces its key.
    ``retired`` names the columns of older lakes that are kept no more.
    """

    schema: str
    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()
    sort_by: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    view: bool = False
    retired: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.column_names
        unknown = {*self.key, *self.sort_by} - set(names)
        ever = [*names, *self.retired, *(old for column in self.columns for old in column.formerly)]
        if unknown or len(set(ever)) != len(ever):
            raise ValueError(f"{self.full_name}: bad declaration, see {sorted(unknown) or names}")

    @property
    def full_name(self) -> str:
        """``schema.name``."""
        return f"{self.schema}.{self.name}"

    @property
    def grows_by(self) -> str | None:
        """The time in the key of a table whose files are laid out by time; None of any other."""
        times = [name for name in self.key if self.column(name).type is Type.TIME]
        return times[0] if self.partition_by and len(times) == 1 else None

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def polars_schema(self) -> pl.Schema:
        """The Polars schema that a frame for this table has."""
        return schema_of(self.columns)

    def column(self, name: str) -> Column:
        """Return the declaration of one column.

        Raises
        ------
        UnknownNameError
            If the table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError(f"{self.full_name} has no column {name!r}")

    def empty(self) -> pl.DataFrame:
        """Make a frame of this table without rows."""
        return pl.DataFrame(schema=self.polars_schema)

    def typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give ``frame`` the declared types of those of its columns that are declared.

        For rows read from the lake, whose times have DuckDB's unit and zone, and whose columns of
        an empty answer may have no type at all.
        """
        return frame.cast(
            {
                column.name: column.type.polars
                for column in self.columns
                if column.name in frame.columns
            }
        )

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give ``frame`` exactly the declared columns, in order; absent nullable ones are null.

        Zeros lose their sign: some venues and files write ``-0.0`` for one. Types are left
        alone: a wrong type is for the validation to report, not to coerce.
        """
        whole = frame.select(
            pl.col(column.name)
            if column.name in frame.columns
            else pl.lit(None, dtype=column.type.polars).alias(column.name)
            for column in self.columns
            if column.nullable or column.name in frame.columns
        )
        return without_signed_zeros(whole)

    def ddl(self) -> str:
        """Write the ``CREATE TABLE IF NOT EXISTS`` statement."""
        lines = ",\n".join(
            f"    {column.name} {column.type.value}{'' if column.nullable else ' NOT NULL'}"
            for column in self.columns
        )
        return f"CREATE TABLE IF NOT EXISTS {self.full_name} (\n{lines}\n)"

"""From the columns that an older lake has to those that are declared: what differs, and the way.

Nothing here touches a lake. What a declaration says of its past (``formerly``, ``fill``,
``retired``) and the columns that are held give the changes, in the order in which they are made.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from funding_platform.core.tables.schema import Column, Table, Type

_WIDER: Final = {(Type.FLAG, Type.INTEGER), (Type.INTEGER, Type.REAL)}
"""From a type to one that holds each of its values (of integers those below `_EXACT`)."""

_EXACT: Final = 2**53
"""Above, not every integer is a double."""


class HeldColumn(NamedTuple):
    """A column as a lake has it: its type, or the name of one that no declaration has."""

    type: Type | str
    nullable: bool

    @property
    def type_name(self) -> str:
        """The type's name in SQL, as far as it has one here."""
        return self.type.value if isinstance(self.type, Type) else self.type


class Change(NamedTuple):
    """One difference, and how it is made to go.

    ``filled`` and ``refused`` are SQL conditions, over the columns that are held: of the rows that
    get a value, and of those that do not fit. ``by_itself`` is for what touches no row that is
    stored, which needs nobody's consent.
    """

    table: Table
    column: str
    what: str
    statements: tuple[str, ...]
    filled: str = "false"
    refused: str = "false"
    by_itself: bool = False

    def __str__(self) -> str:
        name = f"{self.table.full_name}.{self.column}" if self.column else self.table.full_name
        return f"{name}: {self.what}"


def is_current(table: Table, held: Mapping[str, HeldColumn]) -> bool:
    """Tell whether a lake has just what is declared: then nothing has to be changed or refused.

    Every opening of a lake asks, and most lakes are.
    """
    return len(held) == len(table.columns) and all(
        held.get(column.name) == (column.type, column.nullable) for column in table.columns
    )


def changes(table: Table, held: Mapping[str, HeldColumn] | None) -> list[Change]:
    """List what an older lake lacks of a table, None where it has no such table.

    Examples
    --------
    >>> rate = Column("rate", Type.REAL, "A rate.", formerly=("funding",))
    >>> table = Table("core", "rates", "Rates.", ("rate",), (rate,))
    >>> [str(change) for change in changes(table, {"funding": HeldColumn(Type.INTEGER, True)})]
    ['core.rates.rate: renamed, was funding', 'core.rates.rate: widened, BIGINT to DOUBLE']
    """
    if held is None:
        return [Change(table, "", "new table", (table.ddl(),), by_itself=True)]
    found = [change for column in table.columns for change in _of_column(table, column, held)]
    retired = [
        Change(table, name, "retired", (f"{_alter(table)} DROP COLUMN {name}",))
        for name in table.retired
        if name in held
    ]
    return found + retired


def undeclared(table: Table, held: Mapping[str, HeldColumn]) -> list[str]:
    """Say which columns a lake has that no older version of the declaration had."""
    sources = {_source(column, held) for column in table.columns}
    unknown = [
        f"{table.full_name}.{name} is not declared"
        for name in held
        if name not in sources and name not in table.retired
    ]
    other = [
        f"{table.full_name}.{column.name} is {held[name].type_name}, declared {column.type.value}"
        for column in table.columns
        if (name := _source(column, held)) is not None
        and held[name].type != column.type
        and (held[name].type, column.type) not in _WIDER
    ]
    return unknown + other


def _source(column: Column, held: Mapping[str, HeldColumn]) -> str | None:
    """Return the name that a lake has the column by."""
    return next((name for name in (column.name, *column.formerly) if name in held), None)


def _of_column(table: Table, column: Column, held: Mapping[str, HeldColumn]) -> Iterator[Change]:
    source = _source(column, held)
    if source is None:
        yield _added(table, column)
        return
    before = held[source]
    if source != column.name:
        rename = f"{_alter(table)} RENAME COLUMN {source} TO {column.name}"
        yield Change(table, column.name, f"renamed, was {source}", (rename,))
    if before.type != column.type:
        exact = f"abs({source}) > {_EXACT}" if column.type is Type.REAL else "false"
        widen = f"{_alter(table)} ALTER {column.name} SET DATA TYPE {column.type.value}"
        said = f"widened, {before.type_name} to {column.type.value}"
        yield Change(table, column.name, said, (widen,), refused=exact)
    if before.nullable and not column.nullable:
        yield _required(table, column, source)
    if column.nullable and not before.nullable:
        loosen = f"{_alter(table)} ALTER {column.name} DROP NOT NULL"
        yield Change(table, column.name, "no more required", (loosen,))


def _added(table: Table, column: Column) -> Change:
    add = f"{_alter(table)} ADD COLUMN {column.name} {column.type.value}"
    if column.nullable:
        return Change(table, column.name, "new column", (add,), by_itself=True)
    statements = (add, *_filling(table, column))
    if column.fill is None:
        return Change(table, column.name, "new column, required", statements, refused="true")
    said = f"new column, required, filled with {column.fill}"
    return Change(table, column.name, said, statements, filled="true")


def _required(table: Table, column: Column, source: str) -> Change:
    absent, statements = f"{source} IS NULL", _filling(table, column)
    if column.fill is None:
        return Change(table, column.name, "required", statements, refused=absent)
    said = f"required, filled with {column.fill}"
    return Change(table, column.name, said, statements, filled=absent)


def _filling(table: Table, column: Column) -> tuple[str, ...]:
    """Fill what is absent and require the column."""
    require = f"{_alter(table)} ALTER {column.name} SET NOT NULL"
    if column.fill is None:
        return (require,)
    fill = f"UPDATE {table.full_name} SET {column.name} = {fill_of(column)}"
    return (f"{fill} WHERE {column.name} IS NULL", require)


def fill_of(column: Column) -> str:
    """Write what rows from before have in a column, as SQL."""
    if column.fill is None:
        return f"CAST(NULL AS {column.type.value})"
    text = str(column.fill).replace("'", "''")
    return f"CAST('{text}' AS {column.type.value})"


def held_value(column: Column, held: Collection[str]) -> str:
    """Write a column's value in rows from before, as SQL, by the names that they have."""
    names = [name for name in (column.name, *column.formerly) if name in held]
    values = [f"CAST({name} AS {column.type.value})" for name in names]
    return f"coalesce({', '.join([*values, fill_of(column)])})"


def _alter(table: Table) -> str:
    return f"ALTER TABLE {table.full_name}"

"""What differs between the columns that are held and those that are declared."""

import pytest

from funding_platform.core.tables.evolution import HeldColumn, changes, held_value, undeclared
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Column, Table, Type

NAME = Column("name", Type.TEXT, "A name.", nullable=False)


def table(*columns: Column, retired: tuple[str, ...] = ()) -> Table:
    return Table("core", "things", "Things.", ("name",), (NAME, *columns), retired=retired)


def held(**columns: HeldColumn) -> dict[str, HeldColumn]:
    return {"name": HeldColumn(Type.TEXT, False), **columns}


def test_every_table_as_it_is_declared_needs_no_change() -> None:
    for declared in TABLES.values():
        as_declared = {one.name: HeldColumn(one.type, one.nullable) for one in declared.columns}
        assert changes(declared, as_declared) == []
        assert undeclared(declared, as_declared) == []


def test_only_what_touches_no_row_needs_nobodys_consent() -> None:
    size = Column("size", Type.REAL, "A size.")
    (new_table,) = changes(table(size), None)
    (new_column,) = changes(table(size), held())
    (loosened,) = changes(table(size), held(size=HeldColumn(Type.REAL, False)))
    assert (new_table.by_itself, new_column.by_itself, loosened.by_itself) == (True, True, False)


def test_whole_numbers_become_reals_as_long_as_they_stay_exact() -> None:
    size = Column("size", Type.REAL, "A size.", formerly=("length",))
    renamed, widened = changes(table(size), held(length=HeldColumn(Type.INTEGER, True)))
    assert renamed.what == "renamed, was length"
    assert widened.what == "widened, BIGINT to DOUBLE"
    assert widened.refused == "abs(length) > 9007199254740992"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Type.REAL, "core.things.size is DOUBLE, declared BIGINT"),
        (Type.TEXT, "core.things.size is VARCHAR, declared BIGINT"),
        ("hugeint", "core.things.size is hugeint, declared BIGINT"),
    ],
)
def test_a_type_that_the_declared_one_does_not_hold_is_not_narrowed(
    kind: Type | str, said: str
) -> None:
    size = Column("size", Type.INTEGER, "A size.")
    assert undeclared(table(size), held(size=HeldColumn(kind, True))) == [said]


def test_a_column_is_known_by_its_former_names_and_retired_ones_go() -> None:
    size = Column("size", Type.REAL, "A size.", formerly=("length", "width"))
    before = held(width=HeldColumn(Type.REAL, True), colour=HeldColumn(Type.TEXT, True))
    assert undeclared(table(size), before) == ["core.things.colour is not declared"]
    assert undeclared(table(size, retired=("colour",)), before) == []
    told = [str(change) for change in changes(table(size, retired=("colour",)), before)]
    assert told == ["core.things.size: renamed, was width", "core.things.colour: retired"]


def test_a_value_from_before_is_read_by_the_name_and_fill_of_its_time() -> None:
    kind = Column("kind", Type.TEXT, "A kind.", nullable=False, formerly=("sort",), fill="it's")
    assert held_value(kind, {"sort"}) == (
        "coalesce(CAST(sort AS VARCHAR), CAST('it''s' AS VARCHAR))"
    )
    assert held_value(kind, set()) == "coalesce(CAST('it''s' AS VARCHAR))"


@pytest.mark.parametrize(
    "columns",
    [
        (Column("size", Type.REAL, "A size.", formerly=("name",)),),
        (
            Column("a", Type.REAL, "A.", formerly=("c",)),
            Column("b", Type.REAL, "B.", formerly=("c",)),
        ),
    ],
)
def test_a_name_means_one_column_at_all_times(columns: tuple[Column, ...]) -> None:
    with pytest.raises(ValueError, match="bad declaration"):
        table(*columns)


def test_a_fill_is_for_what_may_not_be_absent() -> None:
    with pytest.raises(ValueError, match="may not be absent"):
        Column("size", Type.REAL, "A size.", fill=0.0)

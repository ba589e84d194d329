"""Every kind of change that a declaration may see: previewed, in one commit, and no row lost."""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from funding_platform.cli import main
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.schema import Column, Table, Type
from funding_platform.lake import connect, schema
from funding_platform.lake.catalog import files_dir, parquet_files
from funding_platform.lake.errors import (
    LakeError,
    SchemaNewerError,
    SchemaOutdatedError,
    SchemaUpgradeError,
)
from funding_platform.lake.extensions import bare_connection
from funding_platform.lake.publish import publish
from funding_platform.lake.recovery.rows import rows_of_files
from funding_platform.lake.upgrade import planned, upgrade
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, parquet_names, rates

RATES = FUNDING_RATES.full_name

Declare = Callable[[Table], None]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declare a table otherwise than it is."""

    def declared(table: Table) -> None:
        others = (one for one in schema.OURS if one.full_name != table.full_name)
        monkeypatch.setattr(schema, "OURS", (table, *others))

    return declared


def with_column(column: Column, *, instead_of: str | None = None, **more: Any) -> Table:
    """The table of settlements with another column, in place of one or at its end."""
    columns = [
        column if one.name == instead_of else one
        for one in FUNDING_RATES.columns
        if one.name != column.name or instead_of == column.name
    ]
    added = [] if instead_of else [column]
    return replace(FUNDING_RATES, columns=(*columns, *added), **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settlements, half of them without a known interval, two in the catalog alone."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("made") / "data")
    frame = rates(symbols=20, hours=10).with_columns(
        interval_hours_known=pl.when(pl.int_range(pl.len()) % 2 == 0).then(8.0)
    )
    with Lake(settings) as lake:
        with lake.commit("run", "in a file") as transaction:
            transaction.replace(FUNDING_RATES, frame, january_of())
        few = rates("okx", symbols=1, hours=2)
        with lake.commit("run", "inlined") as transaction:
            transaction.append(FUNDING_RATES, few)
    return settings


@pytest.fixture
def filled(made: Settings, settings: Settings) -> Settings:
    shutil.copytree(made.data_dir, settings.data_dir)
    return settings


REQUIRED = Column("source", Type.TEXT, "Where from.", nullable=False, fill="it's old")
RENAMED = Column("rate", Type.REAL, "The rate.", nullable=False, formerly=("funding_rate",))
WIDENED = Column("interval_inferred", Type.INTEGER, "How it was inferred.", nullable=False)
FILLED = Column("interval_hours_known", Type.REAL, "As known.", nullable=False, fill=1.0)

COUNTED = f"SELECT count(*), {{}} FROM {RATES}"


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("table", "said", "given", "asked", "answer"),
    [
        (
            with_column(REQUIRED),
            "source: new column, required, filled with it's old",
            202,
            "min(source), max(source)",
            ("it's old", "it's old"),
        ),
        (
            with_column(FILLED, instead_of="interval_hours_known"),
            "interval_hours_known: required, filled with 1.0",
            102,
            "count(*) FILTER (interval_hours_known = 1)",
            (102,),
        ),
        (
            with_column(WIDENED, instead_of="interval_inferred"),
            "interval_inferred: widened, BOOLEAN to BIGINT",
            0,
            "min(interval_inferred), typeof(max(interval_inferred))",
            (1, "BIGINT"),
        ),
        (
            with_column(RENAMED, instead_of="funding_rate"),
            "rate: renamed, was funding_rate",
            0,
            "max(rate)",
            (1e-4,),
        ),
        (
            replace(
                FUNDING_RATES,
                columns=tuple(c for c in FUNDING_RATES.columns if c.name != "venue_time"),
                retired=("venue_time",),
            ),
            "venue_time: retired",
            0,
            "max(funding_rate)",
            (1e-4,),
        ),
    ],
    ids=["required", "filled", "widened", "renamed", "retired"],
)
def test_an_older_lake_is_refused_until_it_is_upgraded(
    filled: Settings,
    declare: Declare,
    table: Table,
    said: str,
    given: int,
    asked: str,
    answer: tuple[object, ...],
) -> None:
    declare(table)
    for read_only in (True, False):
        with pytest.raises(SchemaOutdatedError, match="funding upgrade"):
            connect(filled, read_only=read_only)
    (step,) = planned(filled)
    assert said in str(step.change)
    assert step.filled == given
    with connect(filled, as_of=1) as lake:  # as it was, whatever is declared now
        assert lake.execute("SELECT 1").fetchone() == (1,)
    assert upgrade(filled) == [step]
    assert planned(filled) == upgrade(filled) == []
    with connect(filled) as lake:
        assert lake.execute(COUNTED.format(asked)).fetchone() == (202, *answer)
        author = "SELECT author FROM lake.snapshots() ORDER BY snapshot_id DESC LIMIT 1"
        assert lake.execute(author).fetchone() == ("upgrade",)
    assert {one.name: one.nullable for one in table.columns} == describe(filled)


def describe(settings: Settings) -> dict[str, bool]:
    with connect(settings) as lake:
        return {
            name: null == "YES"
            for name, _, null, *_ in lake.execute(f"DESCRIBE {RATES}").fetchall()
        }


def test_all_changes_are_one_commit_and_keep_every_row(filled: Settings, declare: Declare) -> None:
    kept = "venue, venue_symbol, funding_time, interval_hours"
    with connect(filled) as lake:
        rows = lake.execute(f"SELECT {kept}, funding_rate FROM {RATES} ORDER BY ALL").fetchall()
        (snapshot,) = lake.execute("FROM lake.current_snapshot()").fetchone() or (0,)
    table = with_column(RENAMED, instead_of="funding_rate")
    declare(
        replace(
            table,
            columns=(
                *(FILLED if one.name == FILLED.name else one for one in table.columns),
                REQUIRED,
                Column("note", Type.TEXT, "A note."),
            ),
        )
    )
    assert len(upgrade(filled)) == 4
    with connect(filled) as lake:
        assert lake.execute(f"SELECT {kept}, rate FROM {RATES} ORDER BY ALL").fetchall() == rows
        assert lake.execute("FROM lake.current_snapshot()").fetchone() == (snapshot + 1,)
    with connect(filled, as_of=snapshot) as lake:
        was = lake.execute(f"SELECT {kept}, funding_rate FROM {RATES} ORDER BY ALL").fetchall()
        assert was == rows


def test_a_reader_in_a_transaction_sees_the_lake_as_it_was_to_its_end(
    filled: Settings, declare: Declare
) -> None:
    with connect(filled) as reader:
        reader.execute("BEGIN")
        asked = f"SELECT count(*), max(funding_rate) FROM {RATES}"
        before = reader.execute(asked).fetchone()
        declare(with_column(RENAMED, instead_of="funding_rate"))
        upgrade(filled)
        assert reader.execute(asked).fetchone() == before
        reader.execute("COMMIT")
        assert reader.execute(asked.replace("funding_rate)", "rate)")).fetchone() == before


def test_files_of_older_declarations_are_read_by_the_names_and_fills_of_now(
    filled: Settings,
) -> None:
    table = with_column(RENAMED, instead_of="funding_rate")
    table = replace(table, columns=(*table.columns, REQUIRED))
    with closing(bare_connection(filled)) as connection:
        files = [str(path) for path in parquet_files(files_dir(filled))]
        sql = rows_of_files(connection, table, files)
        found = connection.execute(f"SELECT count(*), max(rate), min(source) FROM ({sql})")
        assert found.fetchone() == (200, 1e-4, "it's old")


@pytest.mark.parametrize(
    ("column", "instead_of"),
    [
        (Column("source", Type.TEXT, "Where from.", nullable=False), None),
        (replace(FILLED, fill=None), "interval_hours_known"),
    ],
)
def test_rows_that_do_not_fit_are_named_and_nothing_is_changed(
    filled: Settings, declare: Declare, column: Column, instead_of: str | None
) -> None:
    before = describe(filled)
    declare(with_column(column, instead_of=instead_of))
    with pytest.raises(SchemaUpgradeError, match=r"required: (102|202) rows do not fit"):
        upgrade(filled)
    declare(FUNDING_RATES)
    assert describe(filled) == before


def test_a_table_without_rows_takes_any_change(settings: Settings, declare: Declare) -> None:
    Lake(settings).connection.close()
    declare(with_column(Column("source", Type.TEXT, "Where from.", nullable=False)))
    assert [str(step.change) for step in upgrade(settings)] == [
        f"{RATES}.source: new column, required"
    ]
    assert describe(settings)["source"] is False


def test_the_command_shows_first_and_changes_then(
    old_lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(old_lake.data_dir))
    preview, done, again = (
        CliRunner().invoke(main, ["upgrade", *options]).output
        for options in (["--dry-run"], [], [])
    )
    assert "window_start" in preview
    assert "nothing was changed" in preview
    assert "made 5 changes in one commit" in done
    assert "are those of this version" in again


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ADD COLUMN carry DOUBLE", "carry is not declared"),
        ("ALTER interval_inferred SET DATA TYPE BIGINT", "is BIGINT, declared BOOLEAN"),
    ],
)
def test_a_newer_lake_is_refused_in_words(settings: Settings, statement: str, said: str) -> None:
    with Lake(settings) as lake:
        lake.connection.execute(f"ALTER TABLE {RATES} {statement}")
    for door in (connect, Lake, planned, upgrade, publish):
        with pytest.raises(SchemaNewerError, match=f"newer version.*{said}"):
            door(settings)


def test_an_upgrade_that_fails_on_the_way_changes_nothing(
    filled: Settings, declare: Declare
) -> None:
    before, files = describe(filled), parquet_names(filled)
    table = with_column(RENAMED, instead_of="funding_rate")
    not_a_time = replace(FILLED, fill="never")
    declare(
        replace(
            table,
            columns=tuple(
                not_a_time if one.name == "interval_hours_known" else one for one in table.columns
            ),
        )
    )
    with pytest.raises(LakeError, match="never"):
        upgrade(filled)
    assert parquet_names(filled) == files
    declare(FUNDING_RATES)
    assert describe(filled) == before

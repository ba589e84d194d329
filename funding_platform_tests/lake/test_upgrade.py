"""A lake that was made before the newest declarations, and one that was made after them."""

from collections.abc import Callable
from typing import Any

import pytest

from funding_platform.core.tables.collected import COLLECTION_LOG, RAW_PAYLOADS
from funding_platform.core.tables.registry import TABLES
from funding_platform.lake import connect
from funding_platform.lake.errors import (
    SchemaOutdatedError,
)
from funding_platform.lake.publish import publish
from funding_platform.lake.read_only.query import query
from funding_platform.lake.schema import CREATED_BY_DBT
from funding_platform.lake.upgrade import planned
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings


def described(lake: Lake, name: str) -> list[tuple[str, str]]:
    return lake.read(f"DESCRIBE {name}").select("column_name", "column_type").rows()


def test_what_is_new_is_added_on_the_first_write(old_lake: Settings) -> None:
    with Lake(old_lake) as lake:
        for table in TABLES.values():
            if table.schema not in CREATED_BY_DBT:
                declared = [(column.name, column.type.value) for column in table.columns]
                assert described(lake, table.full_name) == declared
        options = lake.read("SELECT option_name, value FROM lake.options() WHERE scope = 'TABLE'")
        assert set(RAW_PAYLOADS.options) == set(options.iter_rows())


@pytest.mark.parametrize(
    "door",
    [
        connect,
        publish,
        lambda settings: query("SELECT 1", settings=settings),
    ],
    ids=["connect", "publish", "query"],
)
def test_a_reader_is_told_of_the_command_and_changes_nothing(
    old_lake: Settings, door: Callable[[Settings], Any]
) -> None:
    before = planned(old_lake)
    with pytest.raises(SchemaOutdatedError, match=r"window_start: new column.*\n.*funding upgrade"):
        door(old_lake)
    assert planned(old_lake) == before


def test_a_table_that_is_not_there_yet_keeps_no_reader_out(settings: Settings) -> None:
    with Lake(settings) as lake:
        lake.connection.execute(f"DROP TABLE {RAW_PAYLOADS.full_name}")
    with connect(settings) as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert (RAW_PAYLOADS.name,) not in names


def test_raw_payloads_are_not_published(settings: Settings) -> None:
    Lake(settings).connection.close()
    published = publish(settings)
    assert COLLECTION_LOG.full_name in published
    assert RAW_PAYLOADS.full_name not in published


# What follows makes a lake as it is declared, and then declares a table otherwise.

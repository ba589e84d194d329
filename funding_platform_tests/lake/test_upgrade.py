"""A lake that was made before the newest declarations."""

import pytest

from funding_platform.core.tables.collected import COLLECTION_LOG, RAW_PAYLOADS
from funding_platform.core.tables.registry import TABLES
from funding_platform.lake import connect
from funding_platform.lake.connection import CREATED_BY_DBT
from funding_platform.lake.publish import publish
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings


def described(lake: Lake, name: str) -> list[tuple[str, str]]:
    return lake.read(f"DESCRIBE {name}").select("column_name", "column_type").rows()


@pytest.fixture
def old_lake(settings: Settings) -> Settings:
    """Without the raw payloads, and without what a logged attempt has gained since."""
    with Lake(settings) as lake:
        lake.connection.execute(f"DROP TABLE {RAW_PAYLOADS.full_name}")
        for column in ("window_start", "window_end", "breaker_state"):
            lake.connection.execute(f"ALTER TABLE {COLLECTION_LOG.full_name} DROP COLUMN {column}")
    return settings


def test_what_is_new_is_added_on_the_first_write(old_lake: Settings) -> None:
    with Lake(old_lake) as lake:
        for table in TABLES.values():
            if table.schema not in CREATED_BY_DBT:
                declared = [(column.name, column.type.value) for column in table.columns]
                assert described(lake, table.full_name) == declared
        options = lake.read("SELECT option_name, value FROM lake.options() WHERE scope = 'TABLE'")
        assert set(RAW_PAYLOADS.options) == set(options.iter_rows())


def test_a_reader_changes_nothing(old_lake: Settings) -> None:
    with connect(old_lake) as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert (RAW_PAYLOADS.name,) not in names


def test_raw_payloads_are_not_published(settings: Settings) -> None:
    Lake(settings).connection.close()
    published = publish(settings)
    assert COLLECTION_LOG.full_name in published
    assert RAW_PAYLOADS.full_name not in published

"""Opening the lake: what a connection may not do any more."""

import duckdb
import pytest

from funding_platform.lake import connect
from funding_platform.lake.connection import create
from funding_platform.settings import Settings


@pytest.fixture
def _new_lakes_are_copies() -> None:
    """Not here, where making them is tested."""


def test_no_unsigned_extension_can_be_loaded_after_opening(settings: Settings) -> None:
    create(settings)
    for _ in range(2):  # the first connection of a process checks signatures, later ones do not
        with connect(settings) as connection:
            allowed = connection.sql("SELECT current_setting('allow_unsigned_extensions')")
            assert allowed.fetchone() == (False,)
            with pytest.raises(duckdb.Error, match="while database is running"):
                connection.execute("SET allow_unsigned_extensions = true")


def test_times_are_utc_and_caps_are_in_force(settings: Settings) -> None:
    create(settings)
    with connect(settings) as connection:
        found = connection.sql(
            "SELECT current_setting('TimeZone'), current_setting('threads'), "
            "current_setting('memory_limit')"
        ).fetchone()
    assert found == ("UTC", settings.lake_threads, "2.0 GiB")


def test_a_read_only_connection_cannot_write(settings: Settings) -> None:
    create(settings)
    with connect(settings) as connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("DELETE FROM core.funding_rates")

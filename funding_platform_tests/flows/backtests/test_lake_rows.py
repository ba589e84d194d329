"""Rows of the instruments wanted are those that a join with their names finds."""

from collections.abc import Iterator

import duckdb
import numpy as np
import polars as pl
import pytest

from funding_platform.backtest.errors import DataError
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.backtests import lake_rows
from funding_platform.flows.backtests.lake_rows import Rows, rows_of_wanted
from funding_platform_tests.backtest.markets import START

WINDOW = {"start": START, "end": START + 40 * HOUR}
ROWS = Rows(table="bars", time="time", columns="time, price")
JOINED = """
SELECT instrument, time, price FROM bars JOIN wanted USING (venue, venue_symbol)
WHERE time BETWEEN $start AND $end AND coalesce(time >= since, true) ORDER BY instrument, time
"""


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    """Bars of names that look alike, in no order, some without a price."""
    random = np.random.default_rng(0)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        times = pl.DataFrame({"time": [START + hour * HOUR for hour in range(-5, 50)]})
        keys = names().select("venue", "venue_symbol")
        bars = keys.join(times, how="cross").with_columns(pl.col("time").cast(UTC_TIME))
        price = pl.Series(random.normal(100, 1, bars.height))
        bars = bars.with_columns(price=pl.when(price > 99).then(price))
        connection.execute("CREATE TABLE bars AS FROM bars ORDER BY hash(venue_symbol, time)")
        yield connection


def names() -> pl.DataFrame:
    """Names that are one another's, turned round; the last of them is not wanted."""
    return pl.DataFrame(
        {
            "venue": ["a", "b", "a", "b", "ab", "a", "c"],
            "venue_symbol": ["b", "a", "a", "b", "", "bb", "a"],
        }
    )


def wanted(**since: int) -> pl.DataFrame:
    """All but the last, by number; those named began so many hours after the start."""
    frame = names().head(-1).sort("venue", "venue_symbol").with_row_index("instrument")
    hours = pl.col("venue").replace_strict(since, default=None, return_dtype=pl.Int64)
    return frame.with_columns(since=(pl.lit(START) + pl.duration(hours=hours)).cast(UTC_TIME))


@pytest.mark.parametrize("few", [0, 100])
@pytest.mark.parametrize("by", [(), ("venue",), ("venue", "venue_symbol")])
@pytest.mark.parametrize("since", [{}, {"a": 10, "b": -10}])
def test_rows_are_those_of_a_join(
    lake: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    since: dict[str, int],
    by: tuple[str, ...],
) -> None:
    """Whether few names are looked for or all rows are read; and cut off where a listing began."""
    monkeypatch.setattr(lake_rows, "_FEW", few)
    monkeypatch.setattr(lake_rows, "_ROWS_AT_ONCE", 7)
    frame = wanted(**since)
    lake.register("wanted", frame)
    expected = lake.execute(JOINED, WINDOW).pl()
    assert rows_of_wanted(lake, ROWS, frame, WINDOW, by=by).equals(expected)
    assert expected["price"].null_count() > 0


def test_of_instruments_without_rows_there_are_none(lake: duckdb.DuckDBPyConnection) -> None:
    unknown = wanted().with_columns(venue=pl.lit("nowhere"))
    for asked in (unknown, unknown.clear()):
        found = rows_of_wanted(lake, ROWS, asked, WINDOW, by=("venue",))
        assert found.is_empty()
        assert found.columns == ["instrument", "time", "price"]


def test_two_names_of_one_hash_are_noticed(
    lake: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here those of two venues, none of which is told from the other."""
    monkeypatch.setattr(lake_rows, "_HASHED", "hash(venue_symbol)")
    with pytest.raises(DataError, match="not those that had been counted"):
        rows_of_wanted(lake, ROWS, wanted(), WINDOW)

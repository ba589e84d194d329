"""The query door: what it answers, and what it refuses."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.lake import connect
from funding_platform.lake.errors import (
    LakeMissingError,
    QueryCrashedError,
    QueryError,
    QueryRefusedError,
)
from funding_platform.lake.read_only.query import query
from funding_platform.lake.read_only.walls import REFUSED_VIEWS, refuse_unless_reading
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import rates
from funding_platform_tests.lake.read_only.asking import STOPPED, names, of, placed
from funding_platform_tests.lake.read_only.statements import Statement


def files_below(*folders: Path) -> dict[Path, int]:
    """Sizes of all files; SQLite's own beside a catalog come and go with its readers."""
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: path.stat().st_size for path in found if not path.name.endswith(("-shm", "-wal"))}


def standing_at_a_wall(statements: list[Statement]) -> list[Statement]:
    """Those that are refused for what they say, which takes no process to find out.

    What is nested so deeply that it might crash a parser is not tried here.
    """
    found = []
    with duckdb.connect(config={"threads": 1}) as parser:
        for statement in statements:
            if statement.name.startswith(BEFORE_PARSING):
                continue
            try:
                refuse_unless_reading(parser, statement.sql)
            except QueryError:
                found.append(statement)
    return found


BEFORE_PARSING = ("deep ", "a long ", "2,000,000", "half a", "a NUL")
AT_A_WALL = standing_at_a_wall(of("refused"))
THROUGH_THE_DOOR = [
    *(statement for statement in of("refused") if statement not in AT_A_WALL),
    *AT_A_WALL[::10],
]
"""Those that a later wall stops, or DuckDB itself; and a few of the others: the door is shut."""

Outcomes = Callable[[Statement], pl.DataFrame]


@pytest.fixture(scope="module")
def untouched(filled: Settings, outside: Path) -> dict[Path, int]:
    """The files as they are before anything is asked."""
    return files_below(filled.data_dir, outside)


@pytest.fixture(scope="module")
def by_itself(filled: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake, asked without the door."""
    with connect(filled) as lake:
        yield lake


@pytest.fixture(scope="module")
def outcomes(filled: Settings, outside: Path, untouched: dict[Path, int]) -> Iterator[Outcomes]:
    """Answers to statements, of which several run side by side."""
    with ThreadPoolExecutor(3) as pool:
        running: Mapping[Statement, Future[pl.DataFrame]] = {
            statement: pool.submit(query, placed(statement, filled, outside), filled)
            for statement in (*THROUGH_THE_DOOR, *of("answered"))
        }
        yield lambda statement: running[statement].result()


@pytest.mark.parametrize("statement", of("answered"), ids=names(of("answered")))
def test_reading_is_answered_as_duckdb_answers_it(
    by_itself: duckdb.DuckDBPyConnection, outcomes: Outcomes, statement: Statement
) -> None:
    assert_frame_equal(outcomes(statement), by_itself.execute(statement.sql).pl())


def test_what_statements_say_is_enough_to_refuse_most() -> None:
    assert len(AT_A_WALL) > 90


@pytest.mark.parametrize("statement", THROUGH_THE_DOOR, ids=names(THROUGH_THE_DOOR))
def test_all_else_is_refused(outcomes: Outcomes, statement: Statement) -> None:
    with pytest.raises(QueryError) as raised:
        outcomes(statement)
    assert not isinstance(raised.value, (*STOPPED, QueryCrashedError))


def test_no_statement_leaves_a_trace(
    filled: Settings, outside: Path, untouched: dict[Path, int], outcomes: Outcomes
) -> None:
    for statement in THROUGH_THE_DOOR:
        with pytest.raises(QueryError):
            outcomes(statement)
    assert files_below(filled.data_dir, outside) == untouched


@pytest.mark.chaos
def test_no_statement_that_stands_at_a_wall_leaves_a_trace(filled: Settings, outside: Path) -> None:
    before = files_below(filled.data_dir, outside)
    for statement in AT_A_WALL:
        with pytest.raises(QueryError):
            query(placed(statement, filled, outside), filled)
    assert files_below(filled.data_dir, outside) == before
    assert query("SELECT count(*) FROM core.funding_rates", filled).item() == 1_200


def test_an_empty_answer_keeps_its_types(filled: Settings) -> None:
    sql = "SELECT funding_time, 1::DECIMAL(9, 2) AS d, [1] AS l FROM core.funding_rates WHERE false"
    assert query(sql, filled).schema == {
        "funding_time": pl.Datetime("us", "UTC"),
        "d": pl.Decimal(9, 2),
        "l": pl.List(pl.Int32),
    }


def test_intervals_are_durations_of_days_that_have_24_hours(filled: Settings) -> None:
    found = query(
        "SELECT unnest([INTERVAL '1 day 2 hours', INTERVAL '-3 microseconds', NULL]) AS i", filled
    )
    assert found["i"].dtype == pl.Duration("us")
    assert found["i"].dt.total_microseconds().to_list() == [26 * 3_600 * 10**6, -3, None]
    nothing = query("SELECT INTERVAL 1 DAY AS i WHERE false", filled)
    assert nothing.schema == {"i": pl.Duration("us")}


def test_an_interval_of_months_is_refused_by_name(filled: Settings) -> None:
    with pytest.raises(QueryError, match=r'column i is an INTERVAL of months.*\n.*"i"::VARCHAR'):
        query("SELECT INTERVAL 1 MONTH AS i", filled)


def test_local_python_variables_are_out_of_reach(filled: Settings) -> None:
    secret = rates()
    assert secret.height
    with pytest.raises(QueryError, match="secret"):
        query("SELECT * FROM secret", filled)


@pytest.mark.parametrize(
    ("sql", "message"), [("SELEC 1", "parsed"), ("SELECT nope FROM core.funding_rates", "nope")]
)
def test_mistakes_are_explained(filled: Settings, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        query(sql, filled)


def test_a_refusal_says_what_to_write_instead(filled: Settings) -> None:
    with pytest.raises(QueryRefusedError, match="hint: write a SELECT"):
        query("DROP TABLE core.funding_rates", filled)


def test_a_lake_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(LakeMissingError, match="hint: collect something first"):
        query("SELECT 1", Settings(data_dir=tmp_path))


def test_no_built_in_view_tells_where_the_lake_is(
    filled: Settings, by_itself: duckdb.DuckDBPyConnection
) -> None:
    views = by_itself.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE internal AND NOT "
        f"list_contains({sorted(REFUSED_VIEWS)}, view_name)"
    ).fetchall()
    assert len(views) > 30
    told = [f"SELECT '{view}' AS view, t::VARCHAR AS told FROM {view} t" for (view,) in views]
    found = query(" UNION ALL ".join(told), filled)
    assert found["view"].n_unique() > 10
    assert found.filter(pl.col("told").str.contains(str(filled.data_dir), literal=True)).is_empty()

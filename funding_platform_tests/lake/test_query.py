"""The query door: what it answers and what it refuses."""

from pathlib import Path

import pytest

from funding_platform.core.tables import FUNDING_RATES
from funding_platform.lake.errors import QueryError, QueryRefusedError, QueryTimeoutError
from funding_platform.lake.query import QueryLimits, query
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data_dir=tmp_path_factory.mktemp("filled") / "data")
    with Lake(settings) as lake, lake.commit("run", "rates") as transaction:
        # Enough rows to leave DuckLake's inlining, so that Parquet files are read too.
        transaction.replace(FUNDING_RATES, rates(symbols=50, hours=24), january_of())
    return settings


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM core.funding_rates",
        "FROM core.funding_rates",
        "WITH r AS (FROM core.funding_rates) SELECT * FROM r",
    ],
)
def test_reading_statements_are_answered(filled: Settings, sql: str) -> None:
    assert query(sql, filled).height == 1_200


@pytest.mark.parametrize("sql", ["DESCRIBE core.funding_rates", "SUMMARIZE core.funding_rates"])
def test_describing_statements_are_answered(filled: Settings, sql: str) -> None:
    assert query(sql, filled).height == len(FUNDING_RATES.columns)


ESCAPES = [
    "COPY (SELECT 1) TO '{files}/x.csv'",
    "COPY core.funding_rates TO '{outside}/x.csv'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{files}/x.csv'",
    "INSERT INTO core.funding_rates SELECT * FROM core.funding_rates",
    "DELETE FROM core.funding_rates",
    "DROP TABLE core.funding_rates",
    "CREATE TABLE t AS SELECT 1",
    "ATTACH '{outside}/x.duckdb'",
    "EXPORT DATABASE '{outside}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "PRAGMA database_size",
    "CALL lake.set_option('parquet_row_group_size', 1)",
    "SELECT 1; DELETE FROM core.funding_rates",
    "SELECT * FROM read_text('{outside}/secret.txt')",
    "SELECT * FROM read_csv('{outside}/secret.txt')",
    "SELECT * FROM read_blob('{outside}/secret.txt')",
    "SELECT * FROM '{outside}/secret.csv'",
    "SELECT * FROM glob('{outside}/*')",
    "SELECT * FROM sqlite_scan('{catalog}', 'ducklake_snapshot')",
    "SELECT (SELECT count(*) FROM sqlite_scan('{catalog}', 'ducklake_snapshot'))",
    "SELECT * FROM sqlite_attach('{catalog}')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
    "SELECT * FROM ducklake_merge_adjacent_files('lake')",
]


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("sql", ESCAPES)
def test_nothing_else_gets_through(filled: Settings, tmp_path: Path, sql: str) -> None:
    for name in ("secret.txt", "secret.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    before = files_below(tmp_path) + files_below(filled.data_dir)
    places = {
        "files": filled.lake_dir / "files",
        "outside": tmp_path,
        "catalog": filled.lake_dir / "catalog.sqlite",
    }
    with pytest.raises(QueryError):
        query(sql.format(**places), filled)
    assert files_below(tmp_path) + files_below(filled.data_dir) == before
    assert query("SELECT count(*) FROM core.funding_rates", filled).item() == 1_200


def test_local_python_variables_are_out_of_reach(filled: Settings) -> None:
    secret = rates()
    assert secret.height
    with pytest.raises(QueryError, match="secret"):
        query("SELECT * FROM secret", filled)


def test_a_query_ends_in_time(filled: Settings) -> None:
    endless = (
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range % 7 = b.range % 3"
    )
    with pytest.raises(QueryTimeoutError, match=r"more than 0.3 s"):
        query(endless, filled, limits=QueryLimits(seconds=0.3))


@pytest.mark.parametrize(
    ("sql", "message"), [("SELEC 1", "parsed"), ("SELECT nope FROM core.funding_rates", "nope")]
)
def test_mistakes_are_explained(filled: Settings, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        query(sql, filled)


def test_a_refusal_says_what_to_write_instead(filled: Settings) -> None:
    with pytest.raises(QueryRefusedError, match="hint: write a SELECT"):
        query("DROP TABLE core.funding_rates", filled)

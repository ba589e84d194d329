"""``funding query`` over the lake of the demo: tables, files, and what is refused."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from funding_platform_tests.checkout import Checkout
from funding_platform_tests.command import Funding, explained, stored

pytestmark = pytest.mark.world

QUESTION = "SELECT venue, count(*) AS instruments FROM core.instruments GROUP BY venue ORDER BY 1"


@pytest.fixture
def counted(checkout: Checkout) -> list[dict[str, object]]:
    """The answer to ``QUESTION``, asked without the command."""
    rows = stored(checkout.settings, QUESTION)
    return [{"venue": venue, "instruments": count} for venue, count in rows]


def test_query_prints_a_table(funding: Funding, counted: list[dict[str, object]]) -> None:
    result = funding("query", QUESTION)
    assert result.exit_code == 0
    for row in counted:
        assert re.search(rf"│ {row['venue']} +│ +{row['instruments']} │", result.output)


def test_query_prints_csv(funding: Funding, counted: list[dict[str, object]]) -> None:
    result = funding("query", QUESTION, "--format", "csv")
    lines = [f"{row['venue']},{row['instruments']}" for row in counted]
    assert result.output == "\n".join(["venue,instruments", *lines, ""])


def test_query_prints_json(funding: Funding, counted: list[dict[str, object]]) -> None:
    assert json.loads(funding("query", QUESTION, "--format", "json").output) == counted


@pytest.mark.parametrize(
    ("form", "read"), [("csv", pl.read_csv), ("json", pl.read_json), ("parquet", pl.read_parquet)]
)
def test_query_writes_a_file(
    funding: Funding,
    counted: list[dict[str, object]],
    tmp_path: Path,
    form: str,
    read: Callable[[Path], pl.DataFrame],
) -> None:
    file = tmp_path / f"answer.{form}"
    result = funding("query", QUESTION, "--format", form, "--output", str(file))
    assert (result.exit_code, result.output) == (0, "")
    assert read(file).to_dicts() == counted


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--format", "parquet"], "parquet needs --output"),
        (["--output", "answer.txt"], "a table is for the terminal"),
        (["--format", "xml"], "'xml' is not one of"),
    ],
)
def test_query_explains_a_wrong_command_line(
    funding: Funding, arguments: list[str], reason: str
) -> None:
    result = funding("query", QUESTION, *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr


def test_query_says_which_columns_csv_cannot_hold(funding: Funding) -> None:
    result = funding("query", "FROM core.collection_log", "--format", "csv")
    assert result.exit_code == 2
    assert "symbols_failed" in result.stderr
    assert funding("query", "FROM core.collection_log", "--format", "json").exit_code == 0


@pytest.mark.parametrize(
    ("sql", "reason", "hint"),
    [
        ("DROP TABLE core.instruments", "DROP is not a reading statement", "write a SELECT"),
        ("SELECT 1; SELECT 2", "expected one statement, got 2", "write one SELECT"),
        ("FROM read_csv('/etc/hosts')", "not allowed here: read_csv", "DuckDB"),
        ("FROM sqlite_scan('catalog.sqlite', 't')", "not allowed here: sqlite_scan", "DuckDB"),
        ("FROM core.nothing", "Table with name nothing does not exist", ""),
        ("SELEC 1", "cannot be parsed", ""),
    ],
)
def test_query_explains_what_it_refuses(funding: Funding, sql: str, reason: str, hint: str) -> None:
    message = explained(funding("query", sql))
    assert reason in message
    assert hint in message


def test_query_stops_what_takes_too_long(funding: Funding) -> None:
    endless = "SELECT count(*) FROM range(1_000_000_000) a, range(1_000_000) b"
    message = explained(funding("query", endless, "--timeout", "0.2"))
    assert "ran for more than 0.2 s" in message
    assert "--timeout" in message


def test_a_table_too_wide_for_the_terminal_is_cut_nowhere(funding: Funding) -> None:
    result = funding("query", "FROM marts.latest_funding_rates WHERE base = 'BTC'")
    assert result.exit_code == 0
    with_header = next(line for line in result.output.splitlines() if "venue_symbol" in line)
    assert "predicted_interval_hours" in with_header
    assert "…" not in result.output

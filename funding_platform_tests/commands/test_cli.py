"""The ``funding`` command over a lake in which the demo has run: answers, files, errors, upkeep."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import click
import duckdb
import polars as pl
import pytest
from click.testing import Result
from polars.testing import assert_frame_equal

from funding_platform.arbitrage import OpportunityFilter, find_opportunities
from funding_platform.cli import main
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake import connect
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.checkout import MONTHS, SYMBOLS, Checkout
from funding_platform_tests.command import explained, run, stored

Funding = Callable[..., Result]

QUESTION = "SELECT venue, count(*) AS instruments FROM core.instruments GROUP BY venue ORDER BY 1"


@pytest.fixture
def funding(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Funding:
    """The command, run inside the working copy."""
    monkeypatch.chdir(checkout.root)
    for name in ("FUNDING_DATA_DIR", "FUNDING_VENUES", "FUNDING_VENUE_URLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(checkout.root / "data" / "dagster_home"))
    return run


@pytest.fixture
def counted(checkout: Checkout) -> list[dict[str, object]]:
    """The answer to ``QUESTION``, asked without the command."""
    rows = stored(checkout.settings, QUESTION)
    return [{"venue": venue, "instruments": count} for venue, count in rows]


# --- the demo


def test_the_demo_shows_coverage_opportunities_curves_and_a_backtest(checkout: Checkout) -> None:
    for heading in (
        "Coverage: settlements present against expected",
        "Ten best opportunities, net of all costs",
        "BTC funding by venue, annualised",
        "every cost charged",
        "its report is",
        "everything lies in",
    ):
        assert heading in checkout.demo_output
    assert "asset check failed" not in checkout.demo_output
    assert "Traceback" not in checkout.demo_output


def test_the_demo_keeps_the_events_of_its_runs_off_the_terminal(checkout: Checkout) -> None:
    assert " - DEBUG - " not in checkout.demo_output


# --- query


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


# --- reports


def test_coverage_counts_what_the_lake_holds(funding: Funding, checkout: Checkout) -> None:
    report = json.loads(funding("coverage", "--format", "json").output)
    assert {(row["venue"], row["instruments"]) for row in report} == {
        (venue, SYMBOLS) for venue in offering(FUNDING_RATES, venue_names())
    }
    (total,) = stored(checkout.settings, "SELECT count(*) FROM core.funding_rates")[0]
    assert sum(row["present"] for row in report) <= int(str(total))
    assert len({row["month"] for row in report}) == MONTHS


def test_coverage_of_one_venue(funding: Funding) -> None:
    report = json.loads(funding("coverage", "--venue", "okx", "--format", "json").output)
    assert {row["venue"] for row in report} == {"okx"}


def test_opportunities_pass_their_bounds(funding: Funding) -> None:
    ranked = ["opportunities", "--sort", "net_apr", "--limit", "100000", "--json"]
    everything = json.loads(funding(*ranked).stdout)
    rates = [row["net_apr"] for row in everything if row["net_apr"] is not None]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0 < rates[0], "the bound below must have something to cut off"
    paying = json.loads(funding(*ranked, "--min-net-apr", "0").stdout)
    known = [row for row in everything if row["net_apr"] is not None]
    assert paying == [row for row in known if row["net_apr"] >= 0]


def test_opportunities_on_chosen_venues(funding: Funding) -> None:
    chosen = ["--base", "BTC", "--base", "ETH", "--exclude-venue", "okx", "--format", "json"]
    found = json.loads(funding("opportunities", *chosen).stdout)
    assert {row["base"] for row in found} == {"BTC", "ETH"}
    assert "okx" not in {row[leg] for row in found for leg in ("long_venue", "short_venue")}


def test_two_venues_are_compared(funding: Funding) -> None:
    compared = json.loads(funding("opportunities", "compare", "lighter", "edgex", "--json").stdout)
    assert len(compared) == SYMBOLS
    for row in compared:
        assert row["difference_8h"] == pytest.approx(row["second_rate_8h"] - row["first_rate_8h"])
        assert (row["long_venue"] == "lighter") == (row["difference_8h"] >= 0)


def test_opportunities_priced_as_they_are_built_are_the_same(checkout: Checkout) -> None:
    with connect(checkout.settings) as lake:
        stored_rows, anew = (
            find_opportunities(OpportunityFilter(size_usd=size, limit=100_000), lake)
            for size in (None, 10_000)
        )
    assert stored_rows.height > 0
    assert_frame_equal(anew, stored_rows)


def test_curves_draws_one_line_per_venue(funding: Funding) -> None:
    result = funding("curves", "BTC")
    assert result.exit_code == 0
    for venue in offering(FUNDING_RATES, venue_names()):
        assert f"{venue} " in result.output
    assert "BTC funding, annualised" in result.output


def test_curves_of_an_unknown_base(funding: Funding) -> None:
    assert "there is no usable curve of NOPE" in explained(funding("curves", "NOPE"))


def test_venues_shows_where_each_is_asked(
    funding: Funding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_VENUE_URLS", '{"okx": "http://127.0.0.1:1/okx"}')
    result = funding("venues")
    assert "http://127.0.0.1:1/okx" in result.output
    assert all(name in result.output for name in venue_names())


# --- upkeep


def test_publish_writes_a_file_that_duckdb_alone_opens(
    funding: Funding, checkout: Checkout
) -> None:
    result = funding("publish")
    assert result.exit_code == 0
    (listed,) = re.findall(r"([\d,]+)  core\.funding_rates", result.output)
    file = checkout.settings.published_file
    with duckdb.connect(str(file), read_only=True) as published:
        (rows,) = published.sql("SELECT count(*) FROM core.funding_rates").fetchone() or (0,)
    assert rows == int(listed.replace(",", "")) > 0


def test_maintain_keeps_every_row(funding: Funding, checkout: Checkout) -> None:
    before = stored(checkout.settings, "SELECT count(*), sum(funding_rate) FROM core.funding_rates")
    result = funding("maintain")
    assert re.search(r"\d+ snapshots expired, .* \d+ data files became \d+", result.output)
    after = stored(checkout.settings, "SELECT count(*), sum(funding_rate) FROM core.funding_rates")
    assert after[0][0] == before[0][0]
    assert after[0][1] == pytest.approx(before[0][1])


def test_maintain_refuses_to_expire_the_present(funding: Funding) -> None:
    assert funding("maintain", "--keep-days", "-1").exit_code == 2


def test_doctor_finds_a_working_copy_well(funding: Funding) -> None:
    result = funding("doctor")
    assert result.exit_code == 0, result.output
    assert [line[:3] for line in result.output.splitlines() if line[:3] in ("ok ", "bad")] == (
        ["ok "] * 8
    )
    assert re.search(r"[\d,]+ settlements, the newest [\d.]+ hours old", result.output)


@pytest.mark.parametrize(
    ("variable", "value", "finding"),
    [
        ("DAGSTER_HOME", "data/dagster_home", "it must be an absolute path"),
        ("DAGSTER_HOME", "/nonexistent", "has no dagster.yaml"),
        ("FUNDING_VENUES", "binance,mtgox", "there is no venue 'mtgox'"),
        ("FUNDING_VENUE_URLS", '{"mtgox": "http://127.0.0.1"}', "there is no venue 'mtgox'"),
    ],
)
def test_doctor_names_what_is_wrong(
    funding: Funding, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, finding: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = funding("doctor")
    assert result.exit_code == 1
    (bad,) = [line for line in result.output.splitlines() if line.startswith("bad")]
    assert finding in bad


# --- what is not there


@pytest.mark.parametrize(
    "arguments",
    [
        ["collect", "mtgox"],
        ["backfill", "mtgox", "--from", "2026-01"],
        ["coverage", "--venue", "mtgox"],
        ["curves", "BTC", "--venue", "mtgox"],
        ["opportunities", "--venue", "mtgox"],
        ["opportunities", "--exclude-venue", "mtgox"],
    ],
    ids=" ".join,
)
def test_an_unknown_venue_is_an_error_not_an_empty_answer(
    funding: Funding, arguments: list[str]
) -> None:
    message = explained(funding(*arguments))
    assert "there is no venue 'mtgox'" in message
    assert f"registered are: {', '.join(venue_names())}" in message


# --- the command itself


def test_help_lists_every_command_with_a_sentence() -> None:
    output = run("--help").output
    for name, command in main.commands.items():
        assert isinstance(command, click.Command)
        assert re.search(rf"^  {name} +\S", output, re.M), name


def test_a_traceback_is_shown_when_asked_for(
    funding: Funding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_TRACEBACK", "1")
    result = funding("query", "DROP TABLE core.instruments")
    assert type(result.exception).__name__ == "QueryRefusedError"


def test_a_wrong_setting_is_explained(funding: Funding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_LAKE_THREADS", "0")
    assert "lake_threads" in explained(funding("coverage"))


def test_the_demo_refuses_a_home_without_settings(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(checkout.root)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    message = explained(run("demo", "--symbols", "3"))
    assert f"DAGSTER_HOME {tmp_path} holds no dagster.yaml" in message
    assert "hint: " in message

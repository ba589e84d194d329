"""The ``funding`` command in the working copy: the demo, upkeep, the doctor, and its own errors."""

import re
from pathlib import Path

import click
import duckdb
import pytest

from funding_platform.cli import main
from funding_platform_tests.checkout import Checkout
from funding_platform_tests.command import Funding, explained, run, stored

pytestmark = pytest.mark.world

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


def test_the_demo_trades_on_paper_or_says_why_it_opened_nothing(checkout: Checkout) -> None:
    """The made-up market is that of the day, and so small that at some hours nothing pays."""
    traded = "Paper trading: held for" in checkout.demo_output
    assert traded != ("it opened nothing: " in checkout.demo_output)
    assert traded == ("a difference of 0.000000" in checkout.demo_output)


def test_the_demo_keeps_the_events_of_its_runs_off_the_terminal(checkout: Checkout) -> None:
    assert " - DEBUG - " not in checkout.demo_output
    assert "dbt command" not in checkout.demo_output


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
        ["ok "] * 18
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

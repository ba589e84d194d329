"""``funding trade``: what it says of a store, and what it does to one where nobody trades."""

import json
from pathlib import Path

import polars as pl
import pytest

from funding_platform.execution.store.store import open_store
from funding_platform.settings import Settings
from funding_platform_tests.command import explained, run
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues
from funding_platform_tests.execution.cycle.test_trader import ROWS
from funding_platform_tests.flows.execution.test_mirror import trade


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
    return Settings()


@pytest.fixture
def traded(settings: Settings) -> Settings:
    """A pair is held, after one cycle."""
    venues = PaperVenues()
    venues.list_(ROWS)
    trade(settings, venues, close=False)
    return settings


def test_before_the_first_cycle_it_says_what_runs_one(settings: Settings) -> None:
    said = explained(run("trade", "status"))
    assert "no cycle has been run yet" in said
    assert "funding trade run" in said


def test_status_shows_sums_accounts_pairs_and_events(traded: Settings) -> None:
    shown = run("trade", "status").stdout
    assert "paper: 1 pairs, 1,000 USD a leg" in shown
    for title in ("Sums, USD", "Accounts", "Pairs held", "Last events"):
        assert title in shown
    (pair,) = json.loads(run("trade", "status", "--format", "json").stdout)
    assert (pair["base"], pair["long"], pair["short"]) == ("BTC", "aster", "binance")


def test_positions_and_history_are_the_table_of_the_lake(traded: Settings, tmp_path: Path) -> None:
    (held,) = json.loads(run("trade", "positions", "--format", "json").stdout)
    assert held["state"] == "open"
    assert held["net_base"] == 0.0
    file = tmp_path / "pairs.parquet"
    written = run("trade", "history", "--format", "parquet", "--output", str(file))
    assert written.exit_code == 0, written.output
    assert pl.read_parquet(file)["pair_id"].to_list() == [held["pair_id"]]
    assert (
        run("trade", "history", "--since", "2100-01-01", "--format", "csv").stdout.count("\n") == 1
    )


def test_halt_survives_and_resume_ends_it(settings: Settings) -> None:
    assert "halted" in run("trade", "halt", "--reason", "the index looks wrong").stdout
    with open_store(settings.execution_store, trades=False) as store:
        halt = store.halted()
        assert halt.halted
        assert halt.reason == "the index looks wrong"
        assert halt.actor.endswith("by hand")
    assert "resumed" in run("trade", "resume").stdout
    with open_store(settings.execution_store, trades=False) as store:
        assert not store.halted().halted
        assert [event.kind for event in store.events()] == ["halted", "resumed"]


@pytest.mark.parametrize("command", [("run",), ("reconcile",), ("close-all",), ("close", "ab12")])
def test_a_configuration_that_cannot_be_used_places_nothing_and_is_an_event(
    settings: Settings, tmp_path: Path, command: tuple[str, ...]
) -> None:
    file = tmp_path / "trader.yaml"
    file.write_text("venues: [binanse, okx]\n")
    said = explained(run("trade", *command, "--config", str(file)))
    assert "'binanse'; did you mean binance?" in said
    with open_store(settings.execution_store, trades=False) as store:
        (event,) = store.events()
        assert event.kind == "config_refused"
        assert "did you mean binance" in event.reason


def test_an_address_that_is_no_sandbox_is_refused_with_what_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_VENUE_URLS", json.dumps({"okx": "http://127.0.0.1:9"}))
    monkeypatch.setenv("FUNDING_VENUES", "binance,okx")
    said = explained(run("trade", "reconcile"))
    assert "there is no account on okx" in said
    assert "funding sandbox" in said


def test_where_somebody_trades_a_command_is_handed_in(
    traded: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from funding_platform.flows.execution import asking

    monkeypatch.setattr(asking, "_LOOK_SECONDS", 0.01)
    with open_store(traded.execution_store) as trader:
        outcome = asking.ask(traded, "reconcile", wait_seconds=0.05)
        assert outcome.startswith("handed in as command 1")
        (command,) = trader.commands("asked")
        assert command.name == "reconcile"
        trader.finish_command(command.command_id, "no", refused=True)

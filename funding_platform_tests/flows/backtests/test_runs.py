"""Backtests over a real lake: stored whole, found, read back, compared."""

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import DataError, IdentityError
from funding_platform.backtest.results.metrics import measure
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.core.tables.backtests.ledgers import COMPONENTS, FRAMES
from funding_platform.core.tables.backtests.runs import BACKTEST_TABLES
from funding_platform.flows.backtests import runs as backtests
from funding_platform.flows.backtests.runs import compare_runs, config_changes, run_and_store
from funding_platform.flows.backtests.store import newest_snapshot
from funding_platform.flows.errors import FlowError, UnknownRunError
from funding_platform.flows.queries.trading.runs import StoredRun, load_run, run_row, stored_runs
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import LakeMissingError
from funding_platform.settings import Settings
from funding_platform_tests.flows.backtests.lakes import CONFIG, rows_in, setting
from funding_platform_tests.reading import read

# --- what is stored of a run


def test_a_run_comes_back_as_it_was(lake: Settings, stored: StoredRun) -> None:
    again = read(load_run, lake, stored.run_id)
    assert stored.result is not None
    assert again.result is not None
    assert again.result.trades.height > 4
    for table in FRAMES:
        assert getattr(again.result, table.name).equals(getattr(stored.result, table.name))
    assert again.config == CONFIG == again.result.config
    assert again.result.warnings == stored.result.warnings
    assert dict(again.row) == dict(stored.row)


def test_its_row_says_what_it_achieved(stored: StoredRun) -> None:
    row, result = stored.row, stored.result
    assert result is not None
    metrics = measure(result.equity, result.positions)
    assert row["name"] == "first"
    assert row["strategy"] == "cross_venue_carry"
    assert (row["sharpe"], row["n_trades"]) == (metrics.sharpe, metrics.trades)
    assert row["worst_day_at"].date() == metrics.worst_day
    assert row["net_pnl_usd"] == pytest.approx(result.equity["equity"][-1] - 100_000, abs=1e-6)
    signed = [row[name] * (1 if name in COMPONENTS[:2] else -1) for name in COMPONENTS]
    assert math.fsum(signed) == pytest.approx(row["net_pnl_usd"], abs=1e-9)
    shares = [value for name, value in row.items() if name.endswith("_share")]
    assert len(shares) == len(COMPONENTS)
    assert math.fsum(shares) == pytest.approx(1.0)
    assert row["identity_error"] <= 1e-9


def test_all_of_a_run_is_one_commit_that_names_it(own_lake: Settings) -> None:
    before = newest_snapshot(own_lake)
    run = run_and_store(own_lake, CONFIG)
    assert run.row["name"] == "cross_venue_carry"
    assert run.row["lake_snapshot_id"] == before
    assert newest_snapshot(own_lake) == before + 1
    with connect(own_lake) as connection:
        (author,) = connection.execute(
            "SELECT author FROM lake.snapshots() WHERE snapshot_id = ?", [before + 1]
        ).fetchall()
    assert author == (run.run_id,)


@pytest.mark.world
def test_reading_one_run_opens_its_files_only(own_lake: Settings) -> None:
    runs = [run_and_store(own_lake, setting(max_positions=most)) for most in (4, 5, 6)]
    with connect(own_lake) as connection:
        plan = connection.execute(
            "EXPLAIN ANALYZE SELECT * FROM backtest.ledger WHERE run_id = ?", [runs[1].run_id]
        ).fetchall()[0][1]
    assert "Total Files Read: 1" in plan


def test_a_run_that_lost_money_is_refused(
    own_lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loses_a_cent(config: BacktestConfig, provider: Any) -> BacktestResult:
        result = run_backtest(config, provider)
        lost = result.equity.with_columns(pl.col("equity") - 0.01)
        return BacktestResult(config, result.trades, lost, result.ledger, result.exposure, (), "")

    monkeypatch.setattr(backtests, "run_backtest", loses_a_cent)
    with pytest.raises(IdentityError, match=r"off by 1\.00e-07 of the capital"):
        run_and_store(own_lake, CONFIG)
    assert [rows_in(own_lake, table.full_name) for table in BACKTEST_TABLES] == [0] * 6


def test_a_run_that_fails_leaves_nothing(own_lake: Settings) -> None:
    with pytest.raises(DataError):
        run_and_store(own_lake, setting(bases=("DOGE",)))
    assert rows_in(own_lake, "backtest.runs") == 0


def test_without_a_lake_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(LakeMissingError):
        run_and_store(Settings(data_dir=tmp_path / "nothing"), CONFIG)


# --- finding runs


def test_runs_are_found_by_beginning_and_as_the_latest(lake: Settings, stored: StoredRun) -> None:
    newer = run_and_store(lake, setting(max_positions=9))
    assert read(load_run, lake, newer.run_id[:-2]).run_id == newer.run_id
    assert read(load_run, lake, "latest").run_id == newer.run_id
    assert read(stored_runs, lake)["run_id"].to_list()[:2] == [newer.run_id, stored.run_id]
    with pytest.raises(UnknownRunError, match="begins the ids of several"):
        read(load_run, lake, "run-")
    with pytest.raises(UnknownRunError, match="no backtest 'nothing'"):
        read(load_run, lake, "nothing")


@pytest.mark.world
def test_a_lake_from_before_backtests_has_none(own_lake: Settings) -> None:
    with connect(own_lake, read_only=False) as connection:
        for table in BACKTEST_TABLES:
            connection.execute(f"DROP TABLE {table.full_name}")
        connection.execute("DROP SCHEMA backtest")
    assert read(stored_runs, own_lake).is_empty()
    with pytest.raises(UnknownRunError):
        read(load_run, own_lake, "latest")
    run_and_store(own_lake, CONFIG)
    assert read(stored_runs, own_lake).height == 1


# --- side by side


@pytest.mark.world
def test_two_runs_side_by_side(lake: Settings, stored: StoredRun) -> None:
    dear = run_and_store(lake, setting(costs={"flat_fee_bps": 30.0}))
    rows = [read(run_row, lake, one.run_id) for one in (stored, dear)]
    found = compare_runs(*rows)
    fees = found.row(by_predicate=pl.col("figure") == "fees_usd", named=True)
    assert fees["change"] == dear.row["fees_usd"] - stored.row["fees_usd"]
    changes = {row[0]: row[1:] for row in config_changes(*rows).rows()}
    assert changes["costs.flat_fee_bps"] == ("None", "30.0")
    assert changes["costs.slippage.impact"] == ("depth", "none")
    assert len(changes) == 2
    with pytest.raises(FlowError, match="one run"):
        compare_runs(stored.row, stored.row)

"""Backtests over a real lake: stored whole, read back, run again, compared, swept."""

import math
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import ConfigError, DataError, IdentityError, SweepError
from funding_platform.backtest.results.metrics import measure
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.results.returns import daily_returns
from funding_platform.backtest.results.run_row import frame_digest
from funding_platform.backtest.search.parameters import SweepPlan
from funding_platform.backtest.search.walk_forward import WalkForwardPlan
from funding_platform.core import source_code
from funding_platform.core.tables.backtest import BACKTEST_TABLES, COMPONENTS, FRAMES
from funding_platform.flows.backtests import data as backtest_data
from funding_platform.flows.backtests import runs as backtests
from funding_platform.flows.backtests import store as backtest_store
from funding_platform.flows.backtests import sweeps as backtest_sweeps
from funding_platform.flows.backtests.data import provider_from_lake
from funding_platform.flows.backtests.runs import compare_runs, config_changes, rerun, run_and_store
from funding_platform.flows.backtests.store import newest_snapshot
from funding_platform.flows.backtests.sweeps import sweep_and_store, walk_forward_and_store
from funding_platform.flows.errors import FlowError, RerunDiffersError, UnknownRunError
from funding_platform.flows.queries.runs import (
    StoredRun,
    load_run,
    load_sweep,
    run_row,
    stored_runs,
)
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import LakeMissingError, SnapshotExpiredError
from funding_platform.lake.maintenance import maintain
from funding_platform.settings import Settings
from funding_platform_tests.backtest.markets import HOUR, START, drawn_market
from funding_platform_tests.flows.backtests.test_data import fill, setting
from funding_platform_tests.lake.conftest import age
from funding_platform_tests.reading import read

CONFIG = setting()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with a market, which tests add runs to and change nothing else in."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("lake") / "data")
    fill(settings, drawn_market(3))
    return settings


@pytest.fixture(scope="module")
def stored(lake: Settings) -> StoredRun:
    return run_and_store(lake, CONFIG, name="first")


@pytest.fixture
def own_lake(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data")
    fill(settings, drawn_market(3))
    return settings


def rows_in(settings: Settings, table: str) -> int:
    with connect(settings) as connection:
        return int(connection.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0])


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


# --- run again


def test_a_rerun_is_identical_whatever_was_written_since(own_lake: Settings) -> None:
    run = run_and_store(own_lake, CONFIG)
    with connect(own_lake, read_only=False) as connection:
        connection.execute("UPDATE core.funding_rates SET funding_rate = 2 * funding_rate")
        connection.execute("DELETE FROM core.fee_schedules")
        connection.execute("UPDATE core.instruments SET min_size = 1000")
    maintain(own_lake, keep_days=30)
    again = rerun(own_lake, run.run_id)
    assert again.row == run.row
    assert again.result is not None
    assert run.result is not None
    assert all(
        getattr(again.result, table.name).equals(getattr(run.result, table.name))
        for table in FRAMES
    )
    now = run_backtest(setting(costs={"flat_fee_bps": 2.0}), provider_from_lake(own_lake, CONFIG))
    assert not now.ledger.equals(run.result.ledger)


def test_a_rerun_says_what_differs(own_lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtests, "code_of", lambda config: "0.0.9+then")
    run = run_and_store(own_lake, CONFIG)
    monkeypatch.undo()
    with connect(own_lake, read_only=False) as connection:
        connection.execute("UPDATE backtest.trades SET fees_usd = fees_usd + 1 WHERE trade_id = 3")
    with pytest.raises(RerunDiffersError) as caught:
        rerun(own_lake, run.run_id)
    message = str(caught.value)
    assert "trades: 1 values of fees_usd differ, the first in row 3" in message
    assert "ledger" not in message
    assert "the code has changed: it was 0.0.9+then" in message


def test_a_rerun_on_other_data_says_so(own_lake: Settings) -> None:
    run = run_and_store(own_lake, CONFIG)
    with connect(own_lake, read_only=False) as connection:
        connection.execute("UPDATE core.funding_rates SET funding_rate = 2 * funding_rate")
        connection.execute(
            "UPDATE backtest.runs SET lake_snapshot_id = lake_snapshot_id + 2 WHERE run_id = ?",
            [run.run_id],
        )
    with pytest.raises(
        RerunDiffersError, match=r"the data is not what was read.*ledger: "
    ) as caught:
        rerun(own_lake, run.run_id)
    assert "the code is what it was" in str(caught.value)


def test_an_expired_snapshot_is_an_error_of_its_own(own_lake: Settings) -> None:
    run = run_and_store(own_lake, CONFIG)
    run_and_store(own_lake, CONFIG)
    age(own_lake, timedelta(days=1.5))
    maintain(own_lake, keep_days=0)
    with pytest.raises(SnapshotExpiredError, match="keep-days"):
        rerun(own_lake, run.run_id)


def test_a_digest_knows_every_bit_but_the_sign_of_zero() -> None:
    frame = pl.DataFrame({"a": [0.1 + 0.2, -0.0, None]})
    same = pl.DataFrame({"a": [0.30000000000000004, 0.0, None]})
    assert frame_digest(frame) == frame_digest(same)
    assert frame_digest(frame) != frame_digest(pl.DataFrame({"a": [0.3, 0.0, None]}))
    assert frame_digest(frame) != frame_digest(frame.rename({"a": "b"}))
    assert frame_digest(frame) != frame_digest(frame.reverse())


def test_the_code_version_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code_version = backtest_store.code_version.__wrapped__
    version = code_version()
    unread = shutil.ignore_patterns("__pycache__")
    copied = shutil.copytree(source_code.PACKAGE, tmp_path / "copy", ignore=unread)
    monkeypatch.setattr(source_code, "PACKAGE", copied)
    assert code_version() == version
    for name in ("core/units.py", "backtest/kernel/margins.py", "flows/backtests/data.py"):
        source = copied / name
        source.write_text(source.read_text() + "\n")
        assert code_version() != version
        version = code_version()
    (copied / "flows/backtests/runs.py").write_text("")
    assert code_version() == version


# --- side by side


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


# --- many runs


AXES = {"strategy.entry_threshold": (5e-5, 1e-4, 1.0), "costs.flat_fee_bps": (1.0, 4.0)}


def test_a_sweep_is_stored_with_what_its_best_is_worth(lake: Settings) -> None:
    found = sweep_and_store(lake, CONFIG, SweepPlan(axes=AXES), name="thresholds")
    row, trials = read(load_sweep, lake, found.row["sweep_id"])
    assert trials["trial"].to_list() == list(range(6))
    assert (row["n_trials"], row["failures"], row["method"]) == (6, [], "grid")
    best = trials.row(by_predicate=pl.col("run_id") == row["best_run_id"], named=True)
    assert best["sharpe"] == trials["sharpe"].max() == row["sharpe"]
    assert 0 <= row["deflated_sharpe"] <= 1
    never = trials.filter(pl.col("trial") == 4).row(0, named=True)
    assert (never["n_trades"], never["sharpe"], never["hit_rate"]) == (0, None, None)
    assert read(load_run, lake, best["run_id"]).result is None
    whole = rerun(lake, best["run_id"]).result
    assert whole is not None
    assert whole.trades.height == 2 * best["n_trades"]
    assert read(stored_runs, lake, trials=True).filter(sweep_id=row["sweep_id"]).height == 6
    assert read(stored_runs, lake).filter(sweep_id=row["sweep_id"]).is_empty()


def test_luck_is_what_the_formula_gives(lake: Settings) -> None:
    axes = {"strategy.entry_threshold": (5e-5, 1e-4, 2e-4)}
    found = sweep_and_store(lake, CONFIG, SweepPlan(axes=axes))
    ratios = [one.figures["moments"].sharpe for one in found.trials]
    mean = sum(ratios) / 3
    deviation = math.sqrt(sum((one - mean) ** 2 for one in ratios) / 2)
    # Z^-1(2/3) and Z^-1(1 - 1/(3 e)), from a table of the normal distribution
    luck = deviation * (0.4227843351 * 0.4307272993 + 0.5772156649 * 1.1604138)
    assert found.row["luck_sharpe"] == pytest.approx(luck * math.sqrt(365), rel=1e-5)


def test_two_processes_find_what_one_does(lake: Settings) -> None:
    plan = SweepPlan(axes={"costs.flat_fee_bps": (1.0, 2.0)})
    one, two = (sweep_and_store(lake, CONFIG, plan, workers=workers) for workers in (1, 2))
    digests = [[trial.figures["ledger_digest"] for trial in found.trials] for found in (one, two)]
    assert digests[0] == digests[1]


def test_a_trial_that_cannot_run_costs_itself_only(lake: Settings) -> None:
    plan = SweepPlan(axes={"bases": (("B1",), ("DOGE",)), "capital_usd": (1e5, -1.0)})
    found = sweep_and_store(lake, CONFIG, plan)
    row, trials = read(load_sweep, lake, found.row["sweep_id"])
    assert trials["trial"].to_list() == [0]
    assert [failure[:2] for failure in row["failures"]] == ["1:", "2:", "3:"]
    assert "capital_usd" in row["failures"][0]
    assert "no instrument of those" in row["failures"][1]
    assert rerun(lake, trials["run_id"][0]).result is not None


def test_a_sweep_over_nothing_says_so_before_it_starts(lake: Settings) -> None:
    plan = SweepPlan(axes={"costs.flat_fee_bps": (1.0, 2.0)})
    with pytest.raises(DataError, match="no instrument of those"):
        sweep_and_store(lake, setting(bases=("DOGE",)), plan, workers=2)


def test_a_walk_forward_keeps_its_folds_whole(lake: Settings) -> None:
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3)
    plan = SweepPlan(axes={"strategy.entry_threshold": (5e-5, 2e-4)})
    found = walk_forward_and_store(lake, setting(costs={}), plan, division)
    row, trials = read(load_sweep, lake, found.row["sweep_id"])
    assert row["method"] == "walk_forward"
    assert trials.height == 2 == len(found.folds)
    results = [read(load_run, lake, one).result for one in trials["run_id"]]
    pieces = [one.equity for one in results if one is not None]
    assert len(pieces) == 2
    assert pieces[0]["time"][0] == START + timedelta(days=4)
    assert pieces[0]["equity"][-1] == pieces[1]["equity"][0]
    assert found.equity["equity"][-1] == pieces[1]["equity"][-1]
    assert row["total_return"] == pytest.approx(pieces[1]["equity"][-1] / 1e5 - 1)
    assert daily_returns(found.equity).height == 6
    for one in trials["run_id"]:
        rerun(lake, one)


def test_a_fold_that_was_sat_out_has_no_run(lake: Settings) -> None:
    plan = SweepPlan(axes={"strategy.entry_threshold": (1.0,)})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3)
    found = walk_forward_and_store(lake, setting(costs={}), plan, division)
    row, trials = read(load_sweep, lake, found.row["sweep_id"])
    assert trials.is_empty()
    assert (row["sharpe"], row["total_return"], len(found.folds)) == (None, 0.0, 2)


def test_a_walk_forward_reads_what_its_points_ask_for(lake: Settings) -> None:
    """Also what the configuration that they vary does not; what cannot be read is named."""
    plan = SweepPlan(axes={"bases": (("DOGE",), ("B1",))})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3)
    found = walk_forward_and_store(lake, setting(costs={}, bases=("B0",)), plan, division)
    assert [fold.point for fold in found.folds] == [{"bases": ("B1",)}] * 2
    row, trials = read(load_sweep, lake, found.row["sweep_id"])
    assert [failure[:5] for failure in row["failures"]] == ["0 in "] * 2
    assert all("no instrument of those" in failure for failure in row["failures"])
    results = [read(load_run, lake, one).result for one in trials["run_id"]]
    assert {base for one in results if one for base in one.trades["base"]} == {"B1"}


def test_a_walk_forward_refuses_what_makes_no_sense(lake: Settings) -> None:
    plan = SweepPlan(axes={"strategy.entry_threshold": (5e-5,)})
    with pytest.raises(SweepError, match="leaves nothing after"):
        walk_forward_and_store(
            lake, CONFIG, plan, WalkForwardPlan(in_sample_days=60, out_of_sample_days=3)
        )
    with pytest.raises(ConfigError, match="position_usd"):
        walk_forward_and_store(
            lake,
            setting(end=START + 200 * HOUR),
            SweepPlan(axes={"position_usd": (-1.0,)}),
            WalkForwardPlan(in_sample_days=4, out_of_sample_days=3),
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [("start", START + HOUR), ("end", START + 200 * HOUR), ("capital_usd", 5e4)],
)
def test_a_walk_forward_varies_nothing_that_its_folds_decide(
    lake: Settings, name: str, value: object
) -> None:
    plan = SweepPlan(axes={"strategy.erosion": (0.5,), name: (value,)})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3)
    with pytest.raises(SweepError, match=f"cannot vary {name}:"):
        walk_forward_and_store(lake, CONFIG, plan, division)


def test_a_walk_forward_without_one_run_in_sample_is_refused(own_lake: Settings) -> None:
    """Nothing was chosen in any fold, hence what it would have earned is not 0."""
    plan = SweepPlan(axes={"bases": (("DOGE",), ("PEPE",))})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3)
    said = r"none of 4 runs in sample succeeded, the first: 0 in .*no instrument of those"
    with pytest.raises(SweepError, match=said):
        walk_forward_and_store(own_lake, CONFIG, plan, division)
    assert rows_in(own_lake, "backtest.sweeps") == 0


def test_a_walk_forward_hands_on_each_warning_once(lake: Settings) -> None:
    plan = SweepPlan(axes={"strategy.entry_threshold": (5e-5, 2e-4)})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3)
    found = walk_forward_and_store(lake, setting(costs={}), plan, division)
    trials = read(load_sweep, lake, found.row["sweep_id"])[1]
    said = [warning for one in trials.sort("trial")["warnings"] for warning in one]
    assert trials.height == 2
    assert found.warnings == tuple(dict.fromkeys(said)) != ()


def test_a_sweep_reads_as_far_back_as_its_points_look(
    own_lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[float] = []

    def noted(settings: Settings, config: BacktestConfig, snapshot: int) -> FundingDataProvider:
        read.append(config.look_back_hours)
        return provider_from_lake(settings, config, snapshot)

    for module in (backtest_sweeps, backtest_data):
        monkeypatch.setattr(module, "provider_from_lake", noted)
    plan = SweepPlan(axes={"look_back_hours": (168.0, 300.0), "costs.flat_fee_bps": (1.0, 2.0)})
    found = sweep_and_store(own_lake, CONFIG, plan)
    assert [one.error for one in found.trials] == [None] * 4
    assert read == [168.0, 300.0]

"""Many runs over a real lake: sweeps, and walks forward."""

import math
from datetime import timedelta

import polars as pl
import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.errors import ConfigError, DataError, SweepError
from funding_platform.backtest.results.returns import daily_returns
from funding_platform.backtest.search.parameters import SweepPlan
from funding_platform.backtest.search.walk_forward import WalkForwardPlan
from funding_platform.flows.backtests import data as backtest_data
from funding_platform.flows.backtests import sweeps as backtest_sweeps
from funding_platform.flows.backtests.data import provider_from_lake
from funding_platform.flows.backtests.runs import rerun
from funding_platform.flows.backtests.sweeps import sweep_and_store
from funding_platform.flows.backtests.walk_forwards import walk_forward_and_store
from funding_platform.flows.queries.trading.runs import load_run, load_sweep, stored_runs
from funding_platform.settings import Settings
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.markets import HOUR, START
from funding_platform_tests.flows.backtests.lakes import CONFIG, rows_in, setting
from funding_platform_tests.reading import read

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


@pytest.mark.world
def test_two_processes_find_what_one_does(lake: Settings) -> None:
    plan = SweepPlan(axes={"costs.flat_fee_bps": (1.0, 2.0)})
    one, two = (sweep_and_store(lake, CONFIG, plan, workers=workers) for workers in (1, 2))
    digests = [[trial.figures["ledger_digest"] for trial in found.trials] for found in (one, two)]
    assert digests[0] == digests[1]


@pytest.mark.world
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


@pytest.mark.world
def test_a_walk_forward_keeps_its_folds_whole(lake: Settings) -> None:
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3, floor=None)
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


@pytest.mark.world
def test_a_walk_forward_in_two_processes_is_that_of_one(lake: Settings) -> None:
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3, floor=None)
    plan = SweepPlan(axes={"strategy.entry_threshold": (5e-5, 2e-4), "bases": ((), ("DOGE",))})
    one, two = (
        walk_forward_and_store(lake, setting(costs={}), plan, division, workers=workers)
        for workers in (1, 2)
    )
    assert one.folds == two.folds
    assert one.equity.equals(two.equity)
    assert one.row["failures"] == two.row["failures"] != []


def test_a_walk_forward_trades_nothing_where_every_point_lost(lake: Settings) -> None:
    """Fees that no divergence of this market pays for."""
    plan = SweepPlan(axes={"costs.flat_fee_bps": (90.0, 95.0)})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3)
    losing = setting(strategy=CrossVenueCarry(entry_threshold=-1.0))
    found = walk_forward_and_store(lake, losing, plan, division)
    assert all(fold.score is not None and fold.score < 0 for fold in found.folds)
    assert [fold.point for fold in found.folds] == [None, None]
    assert found.row["total_return"] == 0.0


@pytest.mark.world
def test_a_fold_that_was_sat_out_has_no_run(lake: Settings) -> None:
    plan = SweepPlan(axes={"strategy.entry_threshold": (1.0,)})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3, floor=None)
    found = walk_forward_and_store(lake, setting(costs={}), plan, division)
    row, trials = read(load_sweep, lake, found.row["sweep_id"])
    assert trials.is_empty()
    assert (row["sharpe"], row["total_return"], len(found.folds)) == (None, 0.0, 2)


@pytest.mark.world
def test_a_walk_forward_reads_what_its_points_ask_for(lake: Settings) -> None:
    """Also what the configuration that they vary does not; what cannot be read is named."""
    plan = SweepPlan(axes={"bases": (("DOGE",), ("B1",))})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3, floor=None)
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
            WalkForwardPlan(in_sample_days=4, out_of_sample_days=3, floor=None),
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [("start", START + HOUR), ("end", START + 200 * HOUR), ("capital_usd", 5e4)],
)
def test_a_walk_forward_varies_nothing_that_its_folds_decide(
    lake: Settings, name: str, value: object
) -> None:
    plan = SweepPlan(axes={"strategy.erosion": (0.5,), name: (value,)})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3, floor=None)
    with pytest.raises(SweepError, match=f"cannot vary {name}:"):
        walk_forward_and_store(lake, CONFIG, plan, division)


def test_a_walk_forward_without_one_run_in_sample_is_refused(own_lake: Settings) -> None:
    """Nothing was chosen in any fold, hence what it would have earned is not 0."""
    plan = SweepPlan(axes={"bases": (("DOGE",), ("PEPE",))})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3, floor=None)
    said = r"none of 4 runs in sample succeeded, the first: 0 in .*no instrument of those"
    with pytest.raises(SweepError, match=said):
        walk_forward_and_store(own_lake, CONFIG, plan, division)
    assert rows_in(own_lake, "backtest.sweeps") == 0


@pytest.mark.world
def test_a_walk_forward_hands_on_each_warning_once(lake: Settings) -> None:
    plan = SweepPlan(axes={"strategy.entry_threshold": (5e-5, 2e-4)})
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3, floor=None)
    found = walk_forward_and_store(lake, setting(costs={}), plan, division)
    trials = read(load_sweep, lake, found.row["sweep_id"])[1]
    said = [warning for one in trials.sort("trial")["warnings"] for warning in one]
    assert trials.height == 2
    assert found.warnings == tuple(dict.fromkeys(said)) != ()


@pytest.mark.world
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

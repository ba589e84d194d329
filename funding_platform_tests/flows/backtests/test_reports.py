"""What people read of runs and sweeps: tables that add up, sentences that are true."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.deflated_sharpe import ReturnMoments
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.search.sweeps import Trial
from funding_platform.backtest.search.walk_forward import Fold, FoldResult
from funding_platform.core.time_grid import Window
from funding_platform.flows.backtests.reports import (
    by_group,
    fold_table,
    sweep_verdict,
    walk_verdict,
    write_report,
)
from funding_platform.flows.errors import FlowError
from funding_platform.flows.queries.trading.runs import StoredRun
from funding_platform.settings import Settings
from funding_platform.views.tables import trial_table
from funding_platform_tests.backtest.markets import START, drawn_market
from funding_platform_tests.flows.backtests.lakes import setting


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    provider = FundingDataProvider.from_frames(drawn_market(3))
    return run_backtest(setting(costs={"flat_fee_bps": 1.0}), provider)


@pytest.mark.parametrize("name", ["venues", "exit_reason", "base"])
def test_groups_add_up_to_the_run(result: BacktestResult, name: str) -> None:
    found = by_group(result, name)
    assert found["positions"].sum() == result.positions.height > 4
    assert found["net_usd"].sum() == pytest.approx(result.equity["equity"][-1] - 100_000)
    parts = found["funding_usd"] + found["price_usd"] - found["costs_usd"]
    assert parts.to_list() == pytest.approx(found["net_usd"].to_list())
    assert found["net_usd"].is_sorted(descending=True)
    assert found["hit_rate"].is_between(0, 1).all()


def test_a_trial_has_no_report(tmp_path: Path) -> None:
    trial = StoredRun({"run_id": "sweep-1-0001"}, None)
    with pytest.raises(FlowError, match="sweep-1-0001 is a trial of a sweep"):
        write_report(Settings(data_dir=tmp_path), trial)
    assert not list(tmp_path.iterdir())


def test_a_table_of_trials_shows_what_was_varied_and_what_went_wrong() -> None:
    good = Trial(0, {"costs.flat_fee_bps": 1.0}, {"sharpe": 1.5, "n_trades": 3, "config": "{}"})
    bad = Trial(1, {"costs.flat_fee_bps": -99.0}, error="ConfigError: out of bounds")
    assert trial_table([good, bad]).rows(named=True) == [
        {"number": 0, "costs.flat_fee_bps": 1.0, "sharpe": 1.5, "n_trades": 3, "error": None},
        {
            "number": 1,
            "costs.flat_fee_bps": -99.0,
            "sharpe": None,
            "n_trades": None,
            "error": "ConfigError: out of bounds",
        },
    ]
    assert "error" not in trial_table([good]).columns


def test_a_table_of_trials_leaves_moments_out() -> None:
    """A point without trades has none, an invalid one never ran."""
    moments = ReturnMoments(0.1, 10, 0.0, 3.0)
    trials = [
        Trial(0, {"strategy.erosion": 0.5}, {"sharpe": 1.9, "moments": moments}),
        Trial(1, {"strategy.erosion": 0.6}, {"sharpe": None, "moments": None}),
        Trial(2, {"strategy.erosion": 7}, error="ConfigError: erosion"),
    ]
    assert trial_table(trials).rows() == [
        (0, 0.5, 1.9, None), (1, 0.6, None, None), (2, 7.0, None, "ConfigError: erosion"),
    ]  # fmt: skip


def test_folds_may_choose_a_whole_number_and_a_fraction() -> None:
    window = Window(START, START + timedelta(days=1))
    folds = [
        FoldResult(Fold(window, window), {"costs.flat_fee_bps": fee}, 1.0, 0.0) for fee in (1, 2.5)
    ]
    assert fold_table(folds)["costs.flat_fee_bps"].to_list() == [1.0, 2.5]


@pytest.mark.parametrize("where", ["/proc/nope/x.html", "file/x.html", "."])
def test_a_report_that_cannot_be_written_is_said(
    result: BacktestResult, where: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    names = ("name", "strategy", "code_version", "data_fingerprint", "lake_snapshot_id")
    row = {
        **dict.fromkeys(names, "x"), "run_id": "run-1", "capital_usd": 1e5, "identity_error": 0.0,
        **dict.fromkeys(("window_start", "window_end", "started_at"), START),
        "config": result.config.model_dump_json(),
    }  # fmt: skip
    path = tmp_path / where
    said = rf"(?s)^{re.escape(str(path))}: the report cannot be written: .*hint: give --output"
    with pytest.raises(FlowError, match=said):
        write_report(Settings(data_dir=tmp_path), StoredRun(row, result), path)


def test_the_verdict_on_a_sweep() -> None:
    row = {
        "n_trials": 9, "best_run_id": "s-0004", "sharpe": 2.226, "total_return": 0.0123,
        "luck_sharpe": 15.73, "deflated_sharpe": 0.034,
    }  # fmt: skip
    assert sweep_verdict(row) == (
        "best s-0004: Sharpe ratio 2.23, return 1.23%; the best of 9 trials without any skill "
        "would show 15.73: deflated Sharpe ratio 3.4%"
    )
    assert sweep_verdict({**row, "deflated_sharpe": None}).endswith("what that is worth")
    assert sweep_verdict({"n_trials": 2}) == "none of 2 trials has a Sharpe ratio"


def test_a_fold_that_was_sat_out_shows_no_choice() -> None:
    day = timedelta(days=1)
    spans = [Window(START + k * day, START + (k + 1) * day) for k in range(3)]
    folds = [
        FoldResult(Fold(spans[0], spans[1]), {"strategy.erosion": 0.5}, 1.25, 0.01),
        FoldResult(Fold(spans[1], spans[2]), None, None, 0.0),
    ]
    sat_out = "sat out in cash"
    assert fold_table(folds).rows() == [
        (START + day, START + 2 * day, 0.5, 1.25, 0.01, None),
        (START + 2 * day, START + 3 * day, None, None, 0.0, sat_out),
    ]
    names = [
        "from", "to", "strategy.erosion", "Sharpe in sample", "return out of sample", "note",
    ]  # fmt: skip
    for some in (folds, folds[::-1]):
        assert fold_table(some).columns == names
    assert fold_table(folds[1:])["note"].to_list() == [sat_out]
    assert "note" not in fold_table(folds[:1]).columns
    assert walk_verdict({"sharpe": None, "total_return": 0.01}) == (
        "out of sample: return 1.00%, Sharpe ratio undefined"
    )

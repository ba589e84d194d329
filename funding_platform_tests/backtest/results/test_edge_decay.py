"""The edge-decay monitor: the windows, the bound, and what it says without trades."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.backtest.results.edge_decay import (
    TRADES_IN_WINDOW,
    edge_decay,
    rolling_trade_sharpe,
)

PROMISED = np.random.default_rng(0).normal(0.004, 0.01, 400)


@given(st.lists(st.floats(-0.1, 0.1), max_size=30), st.integers(2, 6))
def test_windows_equal_plain_statistics(returns: list[float], window: int) -> None:
    found = rolling_trade_sharpe(np.array(returns), window)
    assert len(found) == max(len(returns) - window + 1, 0)
    for k, ratio in enumerate(found):
        part = returns[k : k + window]
        deviation = statistics.stdev(part)
        if deviation > 1e-9:
            assert ratio == pytest.approx(statistics.fmean(part) / deviation, rel=1e-6)


def test_without_trades_there_is_nothing_to_judge() -> None:
    assert edge_decay(np.empty(0), PROMISED).verdict == "no live trades"


@pytest.mark.parametrize(
    ("live", "backtest"),
    [
        (PROMISED[: TRADES_IN_WINDOW - 1], PROMISED),
        (PROMISED, PROMISED[: TRADES_IN_WINDOW - 1]),
        (np.full(40, -0.001), PROMISED[: TRADES_IN_WINDOW - 1]),
        (np.full(TRADES_IN_WINDOW - 1, -0.001), PROMISED),
        (PROMISED, np.full(40, 0.01)),
    ],
)
def test_a_window_without_a_ratio_is_not_judged(live: np.ndarray, backtest: np.ndarray) -> None:
    found = edge_decay(live, backtest)
    assert found.verdict == "too few trades"
    assert found.live_sharpe is None


@pytest.mark.parametrize("backtest", [PROMISED, np.full(40, 0.01)], ids=["varied", "flat"])
@pytest.mark.parametrize(
    ("each", "verdict"), [(-0.001, "decayed"), (0.0, "as expected"), (0.001, "as expected")]
)
def test_trades_that_do_not_vary_are_judged_by_their_sign(
    each: float, verdict: str, backtest: np.ndarray
) -> None:
    live = np.concatenate([PROMISED[:10], np.full(40, each)])
    found = edge_decay(live, backtest)
    assert (found.verdict, found.live_trades, found.live_sharpe) == (verdict, 50, None)


def test_trades_like_the_backtests_are_as_expected() -> None:
    live = np.random.default_rng(1).normal(0.004, 0.01, 200)
    found = edge_decay(live, PROMISED)
    assert found.verdict == "as expected"
    assert found.live_sharpe == pytest.approx(rolling_trade_sharpe(live)[-1])
    assert found.backtest_sharpe == pytest.approx(np.median(rolling_trade_sharpe(PROMISED)))


def test_an_edge_that_died_alerts_although_older_trades_were_good() -> None:
    live = np.concatenate([PROMISED[:100], np.random.default_rng(2).normal(-0.004, 0.01, 30)])
    found = edge_decay(live, PROMISED)
    assert found.verdict == "decayed"
    assert found.live_sharpe is not None
    assert found.alert_below is not None
    assert found.live_sharpe < found.alert_below < (found.backtest_sharpe or 0)


def test_alerts_on_an_edge_that_is_still_there_are_rare() -> None:
    generator = np.random.default_rng(3)
    alerts = [
        edge_decay(generator.normal(0.004, 0.01, 30), PROMISED).verdict == "decayed"
        for _ in range(400)
    ]
    assert np.mean(alerts) < 0.12

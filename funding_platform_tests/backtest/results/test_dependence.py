"""The Sharpe ratio of returns that resemble one another: Lo's factor, interval and days."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.backtest.results.dependence import (
    adjusted_sharpe,
    autocorrelations,
    bandwidth,
    effective_days,
    long_run_variance,
    time_factor,
)
from funding_platform.backtest.results.ratios import sharpe

YEARS = 365


def ar1(slope: float, count: int, seed: int, mean: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = np.empty(count)
    values[0] = generator.normal() / math.sqrt(1 - slope**2)
    for k in range(1, count):
        values[k] = slope * values[k - 1] + generator.normal()
    return values * math.sqrt(1 - slope**2) + mean


@pytest.mark.parametrize(
    ("slope", "periods"), [(0.9, 12), (0.5, 365), (0.2, 12), (0.0, 365), (-0.2, 52)]
)
def test_the_factor_of_an_ar1_is_that_of_its_closed_form(slope: float, periods: int) -> None:
    """``sqrt(q) / sqrt(1 + 2 rho / (1 - rho) (1 - (1 - rho^q) / (q (1 - rho))))``."""
    exact = slope ** np.arange(1.0, periods)
    bracket = 1 - (1 - slope**periods) / (periods * (1 - slope))
    closed = math.sqrt(periods / (1 + 2 * slope / (1 - slope) * bracket))
    assert time_factor(exact, periods) == pytest.approx(closed)


def test_independent_returns_keep_their_ratio() -> None:
    returns = np.random.default_rng(4).normal(0.001, 0.01, 2_000)
    found, plain = adjusted_sharpe(returns), sharpe(returns)
    assert found is not None
    assert plain is not None
    assert found.ratio == pytest.approx(plain, rel=0.08)
    assert found.low < found.ratio < found.high
    assert found.effective_days > 1_700


def test_returns_that_persist_have_less_than_they_show() -> None:
    """Of an AR(1) with 0.6 a year's deviation is twice that of independent days."""
    returns = ar1(0.6, 4_000, 5, mean=0.2)
    found, plain = adjusted_sharpe(returns), sharpe(returns)
    assert found is not None
    assert plain is not None
    assert found.ratio == pytest.approx(plain / 2, rel=0.12)
    assert found.effective_days == pytest.approx(1_000, rel=0.25)


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_the_interval_covers_the_true_ratio(slope: float) -> None:
    """Nineteen times of twenty, or a little less: histories are finite."""
    mean, covered, tries = 0.1, 0, 300
    memory = math.sqrt((1 - slope) / (1 + slope))
    truth = mean * memory * math.sqrt(YEARS)
    for seed in range(tries):
        found = adjusted_sharpe(ar1(slope, 730, seed, mean=mean))
        assert found is not None
        covered += found.low <= truth <= found.high
    assert 0.88 * tries <= covered <= 0.99 * tries


@pytest.mark.parametrize("returns", [[], [0.01], [0.01, 0.02] * 4, [0.01] * 50])
def test_what_says_nothing_has_none(returns: list[float]) -> None:
    assert adjusted_sharpe(np.array(returns)) is None


@given(st.integers(0, 10_000), st.integers(10, 300), st.floats(-0.95, 0.95))
def test_bounds_hold_for_any_returns(seed: int, days: int, slope: float) -> None:
    returns = ar1(slope, days, seed)
    assert long_run_variance(returns) >= 0
    assert 0 < effective_days(returns) <= days
    assert 0 <= bandwidth(returns) <= days // 2
    assert np.abs(autocorrelations(returns, bandwidth(returns))).max(initial=0) <= 1


def test_scale_does_not_matter() -> None:
    returns = ar1(0.4, 200, 9, mean=0.05)
    one, other = adjusted_sharpe(returns), adjusted_sharpe(1e-4 * returns)
    assert one is not None
    assert other is not None
    assert (other.ratio, other.low, other.effective_days) == pytest.approx(
        (one.ratio, one.low, one.effective_days)
    )

"""Daily returns and the ratios over them: worked by hand, and against slow implementations."""

import math
from datetime import datetime, timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.backtest.results.bootstrap import Bootstrap, stationary_indices
from funding_platform.backtest.results.ratios import (
    annualised,
    deepest_drawdown,
    sharpe,
    sharpe_interval,
    sortino,
    volatility,
)
from funding_platform.backtest.results.returns import daily_returns, monthly_returns
from funding_platform.core.arrays import Floats
from funding_platform_tests.backtest.results.equities import (
    DAY,
    START,
    daily,
    equity_frame,
    slow_daily_returns,
    slow_drawdown,
    slow_sharpe,
)

HOUR = timedelta(hours=1)

curves = st.lists(
    st.tuples(st.integers(0, 24 * 9), st.floats(10.0, 1e6)),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[0],
).map(lambda rows: [(START + 5 * HOUR + hour * HOUR, value) for hour, value in sorted(rows)])

return_series = st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=60)


def test_a_settlement_at_midnight_belongs_to_the_day_that_it_closes() -> None:
    rows = [
        (START + 6 * HOUR, 100.0),
        (START + 7 * HOUR, 90.0),
        (START + 24 * HOUR, 110.0),
        (START + 25 * HOUR, 99.0),
        (START + 96 * HOUR + HOUR, 198.0),
    ]
    returns = daily_returns(equity_frame(rows))
    assert [f"{day:%m-%d}" for day in returns["day"]] == [
        "03-01",
        "03-02",
        "03-03",
        "03-04",
        "03-05",
    ]
    assert returns["return"].to_list() == pytest.approx([0.10, -0.10, 0.0, 0.0, 1.0])


@given(curves)
def test_daily_returns_equal_a_walk_from_midnight_to_midnight(
    rows: list[tuple[datetime, float]],
) -> None:
    found = daily_returns(equity_frame(rows))
    expected = slow_daily_returns(rows)
    assert found["day"].to_list() == [day for day, _ in expected]
    assert found["return"].to_list() == pytest.approx([one for _, one in expected], abs=1e-12)


@given(curves, st.randoms())
def test_the_order_of_rows_does_not_matter(
    rows: list[tuple[datetime, float]], random: Random
) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)
    assert daily_returns(equity_frame(shuffled)).equals(daily_returns(equity_frame(rows)))


def test_nothing_is_earned_on_nothing() -> None:
    returns = daily_returns(daily(100.0, 0.0, 50.0, 60.0))["return"].to_list()
    assert returns == [-1.0, None, pytest.approx(0.2)]


def test_months_compound_their_days() -> None:
    begin = START - 2 * DAY  # 27 February
    months = monthly_returns(daily(100, 110, 121, 60.5, start=begin))
    assert months.rows() == [(2025, 2, pytest.approx(0.21)), (2025, 3, pytest.approx(-0.5))]


def test_a_month_with_a_day_that_has_no_return_has_none() -> None:
    assert monthly_returns(daily(100, 0, 50))["return"].to_list() == [None]


def test_ratios_worked_by_hand() -> None:
    returns = np.array([0.01, -0.02, 0.04, 0.01])
    # mean 0.01; squared deviations 0, 9e-4, 9e-4, 0 over 3: s = sqrt(6e-4)
    assert volatility(returns) == pytest.approx(math.sqrt(6e-4 * 365))
    assert sharpe(returns) == pytest.approx(0.01 / math.sqrt(6e-4) * math.sqrt(365))
    # one loss of 2 % in four days: sqrt(4e-4 / 4) = 1 %
    assert sortino(returns) == pytest.approx(math.sqrt(365))


@given(return_series)
def test_sharpe_equals_plain_python(returns: list[float]) -> None:
    found = sharpe(np.array(returns))
    if max(returns) - min(returns) < 1e-9:
        return
    assert found == pytest.approx(slow_sharpe(returns), rel=1e-6)


@pytest.mark.parametrize("returns", [[], [0.01], [0.01] * 30, [0.0] * 30])
def test_a_ratio_over_no_variation_is_absent(returns: list[float]) -> None:
    assert sharpe(np.array(returns)) is None
    assert sharpe_interval(np.array(returns), Bootstrap()) is None


def test_steady_growth_has_no_sharpe_despite_rounding() -> None:
    values = [100.0 * 1.0003**k for k in range(400)]
    returns = daily_returns(daily(*values))["return"].to_numpy()
    assert returns.std(ddof=1) > 0  # by rounding only
    assert sharpe(returns) is None
    assert sortino(returns) is None


@pytest.mark.parametrize(
    ("total", "elapsed", "expected"),
    [
        (0.21, 730 * DAY, 0.1),
        (0.1, 365 * DAY, 0.1),
        (-1.0, 30 * DAY, -1.0),
        (-1.2, 30 * DAY, None),
        (0.01, 23 * HOUR, None),
        (50.0, DAY, None),
    ],
)
def test_annualised(total: float, elapsed: timedelta, expected: float | None) -> None:
    found = annualised(total, elapsed)
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_drawdown_lasts_from_its_peak_to_its_recovery() -> None:
    fall = deepest_drawdown(daily(100, 120, 120, 90, 100, 119, 120, 130, 125))
    assert fall is not None
    assert fall.depth == pytest.approx(0.25)
    assert (fall.began_at, fall.ended_at) == (START + 2 * DAY, START + 6 * DAY)
    assert fall.recovered
    assert fall.days == 4


def test_a_drawdown_that_never_recovers_lasts_to_the_end() -> None:
    fall = deepest_drawdown(daily(100, 80, 90))
    assert fall is not None
    assert (fall.days, fall.recovered) == (2, False)


def test_equity_that_never_falls_has_no_drawdown() -> None:
    assert deepest_drawdown(daily(100, 100, 101)) is None


@given(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=40))
def test_the_deepest_drawdown_equals_every_pair(values: list[float]) -> None:
    fall = deepest_drawdown(daily(*values))
    assert (fall.depth if fall else 0.0) == pytest.approx(slow_drawdown(values), abs=1e-12)


@given(st.integers(1, 50), st.floats(1.0, 20.0), st.integers(0, 99))
def test_bootstrap_blocks_run_on_and_wrap(days: int, mean_block: float, seed: int) -> None:
    drawn = stationary_indices(np.random.default_rng(seed), 200, days, mean_block)
    assert drawn.shape == (200, days)
    assert drawn.min() >= 0
    assert drawn.max() < days
    if mean_block == 1.0 or days == 1:
        return
    goes_on = drawn[:, 1:] == (drawn[:, :-1] + 1) % days
    assert goes_on.mean() >= (1 - 1 / mean_block) - 0.2


def test_the_mean_length_of_blocks_is_as_asked() -> None:
    drawn = stationary_indices(np.random.default_rng(1), 400, 500, 8.0)
    breaks = (drawn[:, 1:] != (drawn[:, :-1] + 1) % 500).mean()
    assert breaks == pytest.approx((1 / 8) * (1 - 1 / 500), rel=0.03)


def test_an_interval_repeats_with_its_seed_and_covers_the_ratio() -> None:
    returns = np.random.default_rng(3).normal(4e-4, 4e-3, 700)
    drawn = sharpe_interval(returns, Bootstrap(seed=5))
    assert drawn == sharpe_interval(returns, Bootstrap(seed=5))
    assert drawn != sharpe_interval(returns, Bootstrap(seed=6))
    found = sharpe(returns)
    assert drawn is not None
    assert found is not None
    low, high = drawn
    assert low < found < high
    # Of independent returns the ratio's standard error is near sqrt(365 / days).
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(365 / 700), rel=0.15)


def test_persistent_returns_widen_the_interval() -> None:
    noise = np.random.default_rng(4).normal(0, 1e-3, 800)
    persistent = np.convolve(noise, np.ones(20), mode="valid") + 1e-3
    single, blocks = (
        sharpe_interval(persistent, Bootstrap(mean_block_days=days)) for days in (1.0, 30.0)
    )
    assert single is not None
    assert blocks is not None
    assert blocks[1] - blocks[0] > 2 * (single[1] - single[0])


def test_drawing_in_pieces_keeps_every_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def count(histories: Floats) -> Floats:
        seen.append(len(histories))
        means: Floats = histories.mean(axis=1)
        return means

    monkeypatch.setattr("funding_platform.backtest.results.bootstrap._CELLS_AT_ONCE", 1_000)
    assert Bootstrap(resamples=25).interval(np.arange(100.0), count) is not None
    assert seen == [10, 10, 5]


def test_no_interval_where_the_statistic_is_mostly_undefined() -> None:
    undefined = lambda histories: np.full(len(histories), np.nan)  # noqa: E731
    assert Bootstrap().interval(np.arange(10.0), undefined) is None

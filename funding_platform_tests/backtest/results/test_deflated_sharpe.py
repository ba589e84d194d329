"""Probabilistic and deflated Sharpe ratios: the paper's own example, and plain simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest

from funding_platform.backtest.results.deflated_sharpe import (
    ReturnMoments,
    deflated_sharpe,
    expected_best_sharpe,
    probabilistic_sharpe,
)
from funding_platform_tests.known import known

DAYS_A_YEAR = 250
"""The paper's."""

CHOSEN = ReturnMoments(
    sharpe=2.5 / math.sqrt(DAYS_A_YEAR), observations=1250, skewness=-3.0, kurtosis=10.0
)
VARIANCE = 0.5 / DAYS_A_YEAR


def test_the_example_of_the_paper() -> None:
    assert expected_best_sharpe(100, VARIANCE) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(CHOSEN, 100, VARIANCE) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(CHOSEN, 46, VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_the_example_of_the_paper_with_normal_returns() -> None:
    normal = ReturnMoments(CHOSEN.sharpe, CHOSEN.observations, 0.0, 3.0)
    assert deflated_sharpe(normal, 88, VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_a_single_trial_is_not_deflated() -> None:
    assert deflated_sharpe(CHOSEN, 1, VARIANCE) == probabilistic_sharpe(CHOSEN)


def test_more_trials_deflate_more() -> None:
    values = [
        known(deflated_sharpe(CHOSEN, trials, VARIANCE)) for trials in (1, 2, 10, 100, 10_000)
    ]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("trials", [5, 50, 500])
def test_the_expected_best_of_trials_without_skill_equals_a_simulation(trials: int) -> None:
    drawn = np.random.default_rng(0).normal(0, 0.3, (4_000, trials))
    assert expected_best_sharpe(trials, 0.09) == pytest.approx(drawn.max(axis=1).mean(), rel=0.03)


def test_the_probability_equals_the_share_of_simulated_track_records() -> None:
    true, days = 0.05, 500
    records = np.random.default_rng(1).normal(true, 1.0, (4_000, days))
    ratios = records.mean(axis=1) / records.std(axis=1, ddof=1)
    moments = ReturnMoments(true, days, 0.0, 3.0)
    for benchmark in (0.0, 0.03, 0.08):
        # By symmetry of the normal: that the truth exceeds x is as likely as a record above 2m - x.
        share = (ratios < 2 * true - benchmark).mean()
        assert probabilistic_sharpe(moments, benchmark) == pytest.approx(share, abs=0.02)


def test_moments_worked_by_hand() -> None:
    moments = ReturnMoments.of(np.array([0.0, 0.0, 0.0, 0.04]))
    assert moments is not None
    # mean 0.01; deviations -0.01 (three times) and 0.03: m2 = 3e-4, m3 = 6e-6, m4 = 2.1e-7
    assert moments.sharpe == pytest.approx(0.01 / 0.02)
    assert moments.skewness == pytest.approx(6e-6 / 3e-4**1.5)
    assert moments.kurtosis == pytest.approx(2.1e-7 / 9e-8)


@pytest.mark.parametrize("returns", [[], [0.1], [0.1, 0.1, 0.1]])
def test_returns_that_do_not_vary_have_no_moments(returns: list[float]) -> None:
    assert ReturnMoments.of(np.array(returns)) is None


def test_an_impossible_variance_gives_no_probability() -> None:
    assert probabilistic_sharpe(ReturnMoments(2.0, 5, 3.0, 2.0)) is None


def test_days_that_resemble_one_another_prove_less() -> None:
    """Each return twice in a row: half as many independent days, the same moments."""
    once = np.random.default_rng(8).normal(0.1, 1.0, 200)
    moments, repeated = ReturnMoments.of(once), ReturnMoments.of(np.repeat(once, 2))
    assert moments is not None
    assert repeated is not None
    assert repeated.observations == 400
    assert repeated.effective == pytest.approx(200, rel=0.35)
    alone, twice = probabilistic_sharpe(moments), probabilistic_sharpe(repeated)
    assert alone is not None
    assert twice is not None
    assert twice < alone + 0.05
    as_if_independent = probabilistic_sharpe(replace(repeated, effective=None))
    assert as_if_independent is not None
    assert twice < as_if_independent

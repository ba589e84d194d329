"""Half-lives: none for white noise, debiased for the rest, and nothing made of a constant."""

import math

import numpy as np
import pytest

from funding_platform.core.market.persistence import persistence


def ar1(slope: float, count: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = np.empty(count)
    values[0] = generator.normal() / math.sqrt(1 - slope**2)
    for k in range(1, count):
        values[k] = slope * values[k - 1] + generator.normal()
    return values


@pytest.mark.parametrize("count", [21, 90, 500])
def test_white_noise_is_not_persistent(count: int) -> None:
    verdicts = [
        persistence(np.random.default_rng(seed).normal(size=count), 8).verdict
        for seed in range(1_000)
    ]
    assert set(verdicts) <= {"not persistent", "persistent", "no decay seen"}
    assert verdicts.count("not persistent") >= 980


@pytest.mark.parametrize("interval", [4, 8])
def test_settlements_spread_over_hours_remember_nothing_beyond_them(interval: int) -> None:
    """Case 22: independent settlements, each repeated for every hour that it pays for."""
    found = []
    for seed in range(300):
        settled = np.random.default_rng(seed).normal(size=720 // interval)
        found.append(persistence(np.repeat(settled, interval), 1.0, lag=interval).verdict)
    assert found.count("not persistent") >= 290


@pytest.mark.parametrize(("slope", "count"), [(0.8, 60), (0.9, 120), (0.5, 100)])
def test_the_slope_is_debiased(slope: float, count: int) -> None:
    """Plain least squares falls short by about ``(1 + 3 phi) / n``."""
    found = [persistence(ar1(slope, count, seed), 1.0) for seed in range(2_000)]
    plain = np.mean([one.slope for one in found if one.slope is not None])
    short = slope - plain
    assert short == pytest.approx((1 + 3 * slope) / count, rel=0.3)
    corrected = (count * plain + 1) / (count - 3)
    assert abs(corrected - slope) < 0.25 * short


def test_the_half_life_of_a_long_series_is_that_of_its_slope() -> None:
    found = persistence(ar1(0.9, 50_000, 7), 8.0)
    assert found.verdict == "persistent"
    assert found.half_life_hours == pytest.approx(8 * math.log(0.5) / math.log(0.9), rel=0.06)


def test_most_random_walks_show_no_decay() -> None:
    """Plain least squares would give nearly each of them a half-life."""
    walks = [np.cumsum(np.random.default_rng(seed).normal(size=60)) for seed in range(300)]
    found = [persistence(walk, 1.0) for walk in walks]
    assert sum(one.slope is not None and one.slope < 1 for one in found) >= 280
    assert sum(one.verdict == "no decay seen" for one in found) >= 100


def test_missing_values_break_pairs_and_nothing_else() -> None:
    values = ar1(0.9, 400, 1)
    values[100:110] = np.nan
    found = persistence(values, 1.0)
    assert found.pairs == 399 - 11
    assert found.verdict == "persistent"


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 1.0], [0.5] * 50, [math.nan] * 50])
def test_of_too_little_nothing_is_known(values: list[float]) -> None:
    found = persistence(np.array(values), 8.0)
    assert (found.verdict, found.half_life_hours) == ("unknown", None)

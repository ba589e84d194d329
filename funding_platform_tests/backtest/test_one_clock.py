"""Both legs of a pair at prices of one instant, whenever their marks are stated."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.result import BacktestResult
from funding_platform_tests.backtest.legs import PAIR, A, B, leg
from funding_platform_tests.backtest.markets import Told, config, provider_of, settlement

HOURS = 96
UNGUARDED = {"leverage": 2.0, "rebalance_threshold": None}


def path(hour: float, size: float = 0.05) -> float:
    """A price that moves all the time."""
    return 100.0 * math.exp(size * math.sin(hour / 5) + size / 3 * math.sin(1.7 * hour))


def one_price(marks_a: list[int], marks_b: list[int], *, gap_b: float = 1.0) -> FundingDataProvider:
    """The same price on both legs, seen at some hours only; ``b`` stands a constant gap apart."""
    return provider_of(
        *(
            settlement("a", hour, 1e-4, 8.0, path(hour) if hour in marks_a else None)
            for hour in range(HOURS + 1)
        ),
        *(
            settlement("b", hour, 2e-4, 8.0, gap_b * path(hour) if hour in marks_b else None)
            for hour in range(HOURS + 1)
        ),
    )


def said(result: BacktestResult, text: str) -> list[str]:
    return [warning for warning in result.warnings if text in warning]


def test_marks_on_two_clocks_make_no_price_profit() -> None:
    data = one_price(list(range(0, HOURS + 1, 8)), list(range(HOURS + 1)))
    told = Told({3.0: (A, B)}, closes=(77.0,))
    result = run_backtest(config(HOURS, margin=UNGUARDED), data, told)
    assert result.trades.height == 2
    assert result.trades["price_pnl_usd"].sum() == pytest.approx(0.0, abs=1e-9)
    assert result.equity["price_pnl_usd"].to_list() == pytest.approx([0.0] * (HOURS + 1), abs=1e-9)
    assert leg(result, "a")["entry_price"] == pytest.approx(path(3), rel=1e-12)
    assert leg(result, "a")["exit_price"] == pytest.approx(path(77), rel=1e-12)


marked = st.lists(st.integers(0, HOURS - 1), min_size=0, max_size=60)


@settings(max_examples=60, deadline=None)
@given(marked, marked, st.integers(0, 40), st.integers(41, HOURS))
def test_one_true_price_makes_no_price_profit_whatever_the_marks(
    of_a: list[int], of_b: list[int], opened: int, closed: int
) -> None:
    data = one_price(of_a, of_b)
    setting = config(HOURS, margin=UNGUARDED, max_price_age_hours=HOURS)
    result = run_backtest(setting, data, Told({float(opened): (A, B)}, closes=(float(closed),)))
    assert result.trades["price_pnl_usd"].sum() == pytest.approx(0.0, abs=1e-9)


def test_each_leg_keeps_its_own_basis_between_its_marks() -> None:
    data = one_price(list(range(0, HOURS + 1, 8)), list(range(HOURS + 1)), gap_b=1.005)
    told = Told({3.0: (A, B)}, closes=(77.0,))
    result = run_backtest(config(HOURS, margin=UNGUARDED), data, told)
    assert leg(result, "a")["entry_price"] == pytest.approx(path(3), rel=1e-12)
    assert leg(result, "b")["entry_price"] == pytest.approx(1.005 * path(3), rel=1e-12)


def test_a_third_venue_prices_both_legs_between_their_marks() -> None:
    data = provider_of(
        *(settlement(venue, hour, 1e-4, 8.0, path(hour)) for venue in "ab" for hour in (0, 8, 16)),
        *(settlement("c", hour, 1e-4, 1.0, 1.003 * path(hour)) for hour in range(17)),
    )
    result = run_backtest(config(16), data, Told({3.0: (A, B)}, closes=(13.0,)))
    for venue in "ab":
        assert leg(result, venue)["entry_price"] == pytest.approx(path(3), rel=1e-12)
        assert leg(result, venue)["exit_price"] == pytest.approx(path(13), rel=1e-12)


def test_the_source_and_the_age_of_every_price_are_recorded() -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 8.0, path(hour)) for hour in (0, 8, 16)),
        *(settlement("b", hour, 1e-4, 2.0, path(hour)) for hour in range(0, 17, 2)),
    )
    result = run_backtest(config(16), data, Told({3.0: (A, B)}, closes=(12.0,)))
    a, b = leg(result, "a"), leg(result, "b")
    assert (a["price_source"], a["price_age_hours"]) == ("reference", 1.0)
    assert (b["price_source"], b["price_age_hours"]) == ("mark", 1.0)
    assert (a["exit_price_source"], a["exit_price_age_hours"]) == ("reference", 0.0)
    assert (b["exit_price_source"], b["exit_price_age_hours"]) == ("mark", 0.0)


def test_prices_beyond_the_bound_of_age_open_nothing_and_close_with_a_word() -> None:
    data = provider_of(
        *(settlement(venue, hour, 1e-4, 8.0, 100.0) for venue in "ab" for hour in range(0, 25, 8))
    )
    late = run_backtest(config(24), data, Told({3.0: (A, B)}))
    assert late.trades.is_empty()
    assert said(late, "1 positions were not opened: no price was known within max_price_age_hours")
    patient = run_backtest(config(24, max_price_age_hours=3), data, Told({3.0: (A, B)}))
    assert patient.trades["price_age_hours"].to_list() == [3.0, 3.0]
    closed = run_backtest(config(24), data, Told(PAIR, closes=(12.0,)))
    assert closed.trades["exit_price_age_hours"].to_list() == [4.0, 4.0]
    assert said(closed, "2 legs were closed at a price older than max_price_age_hours")


def test_a_reference_of_one_source_is_said() -> None:
    data = one_price(list(range(0, HOURS + 1, 8)), list(range(HOURS + 1)))
    result = run_backtest(config(HOURS), data, Told({3.0: (A, B)}, closes=(77.0,)))
    (text,) = said(result, "moved with the prices of a single other market")
    assert text.endswith("(a BTC-PERP)")

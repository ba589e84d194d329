"""What the rules do where a market falls silent, steps differ, or the book is full."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.results.run_row import run_figures
from funding_platform.strategies.contract import Book, Close, MarketView, Open, Order
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.markets import START, Told, config, provider_of, settlement

A, B = ("a", "BTC-PERP"), ("b", "BTC-PERP")
PAIR = {0.0: (A, B)}


def flat(venue: str, *hours: int, mark: float | None = 100.0, rate: float = 1e-4) -> Iterator[Any]:
    return (settlement(venue, hour, rate, 8.0, mark) for hour in hours)


def said(result: BacktestResult, text: str) -> list[str]:
    return [warning for warning in result.warnings if text in warning]


# --- markets that fall silent


def test_a_price_that_stops_while_settlements_go_on_moves_with_the_others_and_it_is_said() -> None:
    hours = range(0, 401, 8)
    data = provider_of(
        *(settlement("a", hour, 0.0, 8.0, 100.0 + hour) for hour in hours),
        *(settlement("b", hour, 0.0, 8.0, 100.0 + hour if hour < 24 else None) for hour in hours),
    )
    result = run_backtest(config(400), data, Told(PAIR, closes=(100.0,)))
    (warning,) = said(result, "1 legs had no price of their own for longer than")
    assert warning.endswith("(b BTC-PERP)")
    stale = result.trades.filter(venue="b").row(0, named=True)
    assert (stale["exit_reason"], stale["exit_price_source"]) == ("told to", "reference")
    assert stale["exit_price"] == pytest.approx(196.0)
    assert stale["closed_at"] == START + timedelta(hours=100)


@pytest.mark.parametrize("hours", [(0, 8, 16), range(300, 401, 8)], ids=["gone", "to come"])
def test_what_is_not_trading_is_not_opened_at_the_other_legs_price(hours: Any) -> None:
    data = provider_of(*flat("a", *range(0, 401, 8)), *flat("b", *hours))
    result = run_backtest(config(400), data, Told({120.0: (A, B)}))
    assert result.trades.is_empty()
    assert said(result, "1 positions were not opened: a leg had not been seen trading") != []


def test_a_leg_that_settles_without_a_price_of_its_own_is_seen_by_its_settlements() -> None:
    data = provider_of(*flat("a", *range(0, 81, 8)), *flat("b", *range(0, 41, 8), mark=None))
    freeze = config(80, outages={"when_stale": "freeze"})
    result = run_backtest(freeze, data, Told(PAIR, closes=(72.0,)))
    assert result.trades["price_source"].to_list() == ["mark", "proxy"]
    assert said(result, "could not be closed in time") != []  # 32 hours after its last settlement


def test_an_order_long_on_its_way_meets_the_market_of_its_fill() -> None:
    data = provider_of(*flat("a", *range(0, 97, 8)), *flat("b", *range(0, 97, 8)))
    rules = {"stale_after_hours": 10, "delisted_after_hours": 168}
    slow = config(
        96,
        decision_hours=24,
        entry_delay_minutes=20 * 60,
        outages=rules,
        max_price_age_hours=8,
    )
    result = run_backtest(slow, data, Told(PAIR, closes=(24.0,)))
    assert result.trades["exit_reason"].to_list() == ["told to", "told to"]
    assert result.warnings == (
        "sizes of 2 legs were not rounded: order step unknown (a BTC-PERP, b BTC-PERP)",
    )


# --- order steps


def sized(
    steps: tuple[float, float], price: float, size_usd: float, *, inverse: str = "", swapped: bool
) -> dict[str, float]:
    """The notional of both legs by venue, opened as wished."""
    facts = pl.DataFrame(
        {
            "venue": ["a", "b"],
            "venue_symbol": ["BTC-PERP"] * 2,
            "base": ["BTC"] * 2,
            "contract_type": ["inverse" if venue == inverse else "linear" for venue in "ab"],
            "min_size": list(steps),
        }
    )
    data = provider_of(
        *flat("a", 0, 8, mark=price), *flat("b", 0, 8, mark=price), instruments=facts
    )
    legs = (B, A) if swapped else (A, B)
    setting = config(8, position_usd=size_usd, capital_usd=1e7)
    trades = run_backtest(setting, data, Told({0.0: legs})).trades
    return dict(trades.select("venue", "notional_usd").rows())


@pytest.mark.parametrize("swapped", [False, True])
def test_an_inverse_leg_takes_the_dollars_nearest_to_the_linear_one(swapped: bool) -> None:
    found = sized((0.01, 100.0), 91_234.0, 10_000.0, inverse="b", swapped=swapped)
    assert found == {"a": pytest.approx(0.10 * 91_234.0), "b": pytest.approx(9_100.0)}


@pytest.mark.parametrize("swapped", [False, True])
def test_steps_that_do_not_divide_leave_half_the_finer_one_at_most(swapped: bool) -> None:
    found = sized((7.0, 5.0), 170.0, 3_400.0, swapped=swapped)
    assert found == {"a": pytest.approx(14 * 170.0), "b": pytest.approx(15 * 170.0)}


@given(
    steps=st.tuples(*[st.floats(1e-3, 5.0)] * 2),
    size_usd=st.floats(1_000.0, 50_000.0),
    inverse=st.sampled_from(["", "a", "b"]),
)
def test_legs_differ_by_half_the_finer_step_whichever_is_long(
    steps: tuple[float, float], size_usd: float, inverse: str
) -> None:
    one, other = (
        sized(steps, 100.0, size_usd, inverse=inverse, swapped=swapped) for swapped in (False, True)
    )
    assert one == other
    usd = [
        step * (1.0 if venue == inverse else 100.0) for venue, step in zip("ab", steps, strict=True)
    ]
    assert abs(one["a"] - one["b"]) <= min(usd) / 2 + 1e-6
    assert max(usd) - 1e-6 <= max(one.values()) <= size_usd + min(usd) / 2 + 1e-6


# --- orders that cannot be filled


class Greedy:
    """Opens one pair more often than there is room, and closes all at hour 24."""

    def __init__(self, pairs: int, again_at: float = -1.0) -> None:
        self.pairs, self.again_at = pairs, again_at

    def __len__(self) -> int:
        return 0

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        hour = (market.time - START) / timedelta(hours=1)
        if hour == self.again_at:
            for position in book:
                yield Close(position.position_id, "make room")
        if hour in (0.0, self.again_at):
            for _ in range(self.pairs):
                yield Open(market.index(*A), market.index(*B))


def both(hours: int = 48) -> FundingDataProvider:
    return provider_of(*flat("a", *range(0, hours + 1, 8)), *flat("b", *range(0, hours + 1, 8)))


def test_what_exceeds_max_positions_is_left_out_and_counted() -> None:
    result = run_backtest(config(48, max_positions=1), both(), Greedy(3))
    assert result.trades.height == 2
    assert said(result, "2 positions were not opened: max_positions was reached") != []


@pytest.mark.parametrize("delay", [0, 30])
def test_what_replaces_a_position_is_opened_when_that_is_closed(delay: int) -> None:
    setting = config(48, max_positions=1, entry_delay_minutes=delay)
    result = run_backtest(setting, both(), Greedy(1, again_at=24.0))
    assert result.trades["exit_reason"].to_list() == ["make room"] * 2 + ["end of the run"] * 2


def test_orders_still_on_their_way_at_the_end_are_counted() -> None:
    result = run_backtest(config(8, entry_delay_minutes=9 * 60), both(), Greedy(1))
    assert result.trades.is_empty()
    assert said(result, "1 orders were still on their way at the end") != []


# --- what was run, and what it confesses


def test_a_strategy_that_is_handed_over_is_the_one_that_runs() -> None:
    setting = config(48, strategy=CrossVenueCarry(entry_threshold=0.0))
    result = run_backtest(setting, both(), Greedy(0))
    assert result.trades.is_empty()
    assert result.config.strategy is None
    assert run_figures(result)["strategy"] == "custom"


@pytest.mark.parametrize(
    ("hours", "intervals", "opened", "missing"),
    [
        ((0, 8, 16, 17, 18), (8, 8, 8, 1, 1), 0.0, 0),
        ((0, 8, 16, 24, 25), (8, 8, 8, 1, 1), 0.0, 0),
        ((0, 1, 58, 59), (1, 1, 1, 1), 57.0, 0),
        ((0, 1, 58, 59), (1, 1, 1, 1), 55.0, 2),
        ((0, 8, 32, 40), (8, 8, 8, 8), 0.0, 2),
    ],
    ids=["shorter", "shorter after a pause", "opened in the gap", "gap in part", "whole gap"],
)
def test_settlements_are_missed_only_while_a_leg_is_held(
    hours: tuple[int, ...], intervals: tuple[int, ...], opened: float, missing: int
) -> None:
    data = provider_of(
        *(
            settlement("a", hour, 1e-4, float(interval), 100.0)
            for hour, interval in zip(hours, intervals, strict=True)
        )
    )
    outages = {"stale_after_hours": 100, "delisted_after_hours": 168}
    setting = config(hours[-1], outages=outages, max_price_age_hours=100)
    result = run_backtest(setting, data, Told({opened: (A, None)}))
    assert result.trades.height == 1
    found = said(result, "settlements look missing")
    assert [text.split()[0] for text in found] == ([str(missing)] if missing else [])


def test_losses_beyond_all_capital_are_kept_and_said() -> None:
    data = provider_of(settlement("a", 0, 0.0, 8.0, 100.0), settlement("a", 8, 0.0, 8.0, 500.0))
    setting = config(8, capital_usd=10_000.0, margin={"leverage": 2.0})
    result = run_backtest(setting, data, Told({0.0: (None, A)}))
    assert result.equity["equity"][-1] < -30_000
    assert said(result, "equity fell to -") != []


def test_what_came_before_the_start_can_be_looked_up() -> None:
    class Looking:
        seen = 0

        def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
            self.seen = max(self.seen, len(market.past_rates(0, 100)))
            return iter(())

    data = provider_of(*flat("a", *range(-160, 9, 8)))
    looking = Looking()
    run_backtest(config(8, look_back_hours=80), data, looking)
    assert looking.seen == 11

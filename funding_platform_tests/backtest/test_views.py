"""What a strategy sees of the market and of its own account, and how large its positions are."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.strategies.contract import Book, Close, MarketView, Open, Order
from funding_platform_tests.backtest.legs import A, B
from funding_platform_tests.backtest.markets import (
    HOUR,
    START,
    config,
    drawn_market,
    provider_of,
    settlement,
)
from funding_platform_tests.examples import costly
from funding_platform_tests.known import known

HOURS = 96


class Looking:
    """Opens the pair at the start, and asks a question at every decision."""

    def __init__(self, question: Callable[[MarketView, Book], Any]) -> None:
        self.question = question
        self.answers: list[Any] = []

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        if market.time == START:
            yield Open(market.index(*A), market.index(*B))
        else:
            self.answers.append(self.question(market, book))


def asked(question: Callable[[MarketView, Book], Any], **changes: Any) -> list[Any]:
    """What is known at hours 1, 2 and 3 of two markets whose prices part."""
    frames = {
        "snapshots": pl.DataFrame(
            {
                "venue": ["a", "a", "b"],
                "venue_symbol": ["BTC-PERP"] * 3,
                "observed_at": [START + hour * HOUR for hour in (1, 2.5, 2)],
                "predicted_rate": [1e-4, 2e-4, 3e-4],
                "volume_24h_usd": [1e6, 2e6, 3e6],
            }
        ),
        "prices": pl.DataFrame(
            {
                "venue": ["a"] * 2,
                "venue_symbol": ["BTC-PERP"] * 2,
                "time": [START + hour * HOUR for hour in (1.5, 3)],
                "low": [99.0, 98.0],
                "high": [102.0, 104.0],
                "price": [101.0, 103.0],
            }
        ),
    }
    data = provider_of(
        *(settlement("a", hour, 1e-3, 1.0, 100.0 + hour) for hour in range(5)),
        *(settlement("b", hour, 1e-3, 1.0, 100.0) for hour in range(5)),
        **frames,
    )
    looking = Looking(question)
    run_backtest(config(4, **changes), data, looking)
    return looking.answers


def test_predicted_rates_and_volumes_are_the_last_that_were_shown() -> None:
    predicted = asked(lambda market, _: market.predicted_rate.tolist())
    assert predicted[0] == [1e-4, pytest.approx(np.nan, nan_ok=True)]
    assert predicted[1:] == [[1e-4, 3e-4], [2e-4, 3e-4]]
    volumes = asked(lambda market, _: market.volume_24h_usd.tolist())
    assert volumes[1:] == [[1e6, 3e6], [2e6, 3e6]]


def test_past_prices_are_those_up_to_now_with_their_bars() -> None:
    seen = asked(lambda market, _: market.past_prices(0, 3))
    assert seen[0].price.tolist() == [100.0, 101.0]
    assert seen[1].price.tolist() == [101.0, 101.0, 102.0]
    assert seen[1].low.tolist() == pytest.approx([np.nan, 99.0, np.nan], nan_ok=True)
    assert seen[2].high.tolist() == pytest.approx([102.0, np.nan, 104.0], nan_ok=True)
    assert [(time - int(START.timestamp() * 1e6)) / 3.6e9 for time in seen[2].time_us] == [
        1.5,
        2,
        3,
    ]


def test_the_profit_of_each_position_is_seen_with_its_costs() -> None:
    costs = {"flat_fee_bps": 1.0, "slippage": {"half_spread_bps": 0.0}}
    amount = 10_000 / 100
    seen = asked(lambda _, book: book.pnl_usd.tolist(), costs=costs)
    for hour, (pnl,) in enumerate(seen, start=1):
        funding = -1e-3 * amount * sum(range(hour + 1))
        assert pnl == pytest.approx(amount * hour + funding - 2.0)


def test_equity_free_margin_and_profit_agree() -> None:
    seen = asked(lambda _, book: (book.equity_usd, book.free_usd, book.pnl_usd.sum()))
    for equity, free, pnl in seen:
        assert equity == pytest.approx(100_000 + pnl)
        assert free == pytest.approx(equity - 10_000)


# --- sizes


def opened_at(sizing: dict[str, Any], prices: list[float]) -> pl.DataFrame:
    """Notionals of positions opened one after another, each doubling the account's money."""
    data = provider_of(
        *(settlement("a", hour, -1e-3, 1.0, price) for hour, price in enumerate(prices)),
        *(settlement("b", hour, 1e-3, 1.0, price) for hour, price in enumerate(prices)),
    )

    class Steps:
        def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
            for position in book:
                yield Close(position.position_id, "again")
            yield Open(market.index(*A), market.index(*B))

    setting = config(len(prices) - 1, sizing=sizing, decision_hours=8)
    return run_backtest(setting, data, Steps()).trades


def test_a_share_of_equity_compounds() -> None:
    trades = opened_at({"by": "equity", "share": 0.2}, [100.0] * 25)
    first, *later = trades.filter(side="long")["notional_usd"].to_list()
    earned = 1 + 8 * 2e-3 * 0.2
    assert first == pytest.approx(20_000)
    assert later == pytest.approx([20_000 * earned, 20_000 * earned**2])


def test_a_position_risks_a_share_of_equity_on_a_usual_day() -> None:
    up, down = 100.0, 100.0 * np.exp(0.01)
    prices = [up if hour % 2 else down for hour in range(73)]
    trades = opened_at({"by": "risk", "share": 0.02}, prices)
    sizes = trades.filter(pl.col("opened_at") >= START + 32 * HOUR)["notional_usd"]
    volatility = 0.01 * np.sqrt(24)
    assert sizes.to_list() == pytest.approx([0.02 * 100_000 / volatility] * len(sizes), rel=0.2)
    assert known(trades["opened_at"].min()) >= START + 24 * HOUR  # before that the risk is unknown


# --- nothing of what is to come


class Curious:
    """Acts on everything it is shown."""

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        worth = np.nan_to_num(market.predicted_rate) + 1e-4 * np.nan_to_num(market.price)
        for row in range(len(worth)):
            bars = market.past_prices(row, 5)
            worth[row] += 1e-3 * np.nan_to_num(bars.high - bars.low + bars.price).sum()
            worth[row] += market.past_rates(row, 3).sum()
        worth += 1e-9 * np.nan_to_num(market.volume_24h_usd)
        for position, pnl in zip(book, book.pnl_usd, strict=True):
            if pnl + 1e-6 * book.free_usd > 1.0 + worth.sum() % 2.0:
                yield Close(position.position_id, "enough")
        for base in range(int(market.base.max()) + 1):
            legs = np.flatnonzero((market.base == base) & market.tradable)
            if len(legs) > 1 and book.room > 0:
                low, high = legs[[worth[legs].argmin(), worth[legs].argmax()]]
                yield Open(int(low), int(high))


def market_frames(seed: int, hour: int, *, disturbed: bool) -> dict[str, pl.DataFrame]:
    """Settlements, snapshots and bars; those after an hour are others where disturbed."""
    funding = drawn_market(seed, HOURS)
    wild = np.random.default_rng(seed + 1)
    key = funding.select("venue", "venue_symbol", time="funding_time")
    snapshots = key.select(
        "venue",
        "venue_symbol",
        observed_at=pl.col("time"),
        predicted_rate=pl.Series(wild.normal(0, 1e-4, len(key))),
        volume_24h_usd=pl.Series(1e6 * wild.random(len(key)) + 1),
    )
    bars = funding.select(
        "venue",
        "venue_symbol",
        time="funding_time",
        price="mark_price",
        low=pl.col("mark_price") * (1 - pl.Series(wild.random(len(key))) / 20),
        high=pl.col("mark_price") * (1 + pl.Series(wild.random(len(key))) / 20),
    )
    frames = {"funding_rates": funding, "snapshots": snapshots, "prices": bars}
    times = {"funding_rates": "funding_time", "snapshots": "observed_at", "prices": "time"}
    if not disturbed:
        return frames
    return {
        name: frame.with_columns(
            pl.when(pl.col(times[name]) > START + hour * HOUR)
            .then(pl.col(column) * 1.5)
            .otherwise(pl.col(column))
            for column, kind in frame.schema.items()
            if kind == pl.Float64
        )
        for name, frame in frames.items()
    }


def until(result: BacktestResult, hour: int) -> list[Any]:
    """Ledger and equity up to an hour."""
    before = pl.col("time") <= START + hour * HOUR
    return [frame.filter(before).rows() for frame in (result.ledger, result.equity)]


@costly(12)
@given(st.integers(0, 10_000), st.integers(1, HOURS - 1))
def test_nothing_that_is_shown_comes_from_later(seed: int, hour: int) -> None:
    setting = config(
        HOURS,
        max_positions=3,
        sizing={"by": "risk", "share": 0.001},
        costs={"flat_fee_bps": 1.0, "slippage": {"impact": "depth"}},
        margin={"leverage": 5, "cross_venues": ("venue1",)},
        max_price_gap_bps=None,
    )
    results = [
        run_backtest(
            setting,
            FundingDataProvider.from_frames(**market_frames(seed, hour, disturbed=disturbed)),
            Curious(),
        )
        for disturbed in (False, True)
    ]
    assert until(results[0], hour) == until(results[1], hour)
    assert results[0].identity_error < 1e-9

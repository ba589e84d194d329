"""Margin that legs share: cross venues, tiers, transfers that take time, and spot re-hedged."""

from collections.abc import Iterator

import polars as pl
import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.strategies.contract import Book, Close, MarketView, Order
from funding_platform_tests.backtest.legs import PAIR, leg
from funding_platform_tests.backtest.markets import (
    FREE,
    HOUR,
    START,
    Told,
    config,
    provider_of,
    settlement,
)
from funding_platform_tests.backtest.test_margins import ISOLATED, bars, facts


def two_bases(last: float) -> tuple[FundingDataProvider, Told]:
    """Long X and short Y on one venue; both fall alike."""
    data = provider_of(
        *(
            settlement("a", hour, 0.0, 8.0, price, symbol=base, base=base)
            for base in "XY"
            for hour, price in ((0, 100.0), (1, 80.0), (2, last), (8, last))
        )
    )
    return data, Told({0.0: (("a", "X"), None), 0.5: (None, ("a", "Y"))})


@pytest.mark.parametrize(("cross", "reasons"), [
    ((), ["liquidation", "end of the run"]),
    (("a",), ["end of the run", "end of the run"]),
])  # fmt: skip
def test_on_a_cross_venue_the_gain_of_one_leg_carries_the_loss_of_another(
    cross: tuple[str, ...], reasons: list[str]
) -> None:
    data, told = two_bases(40.0)
    setting = config(
        8, decision_hours=0.5, margin={**ISOLATED, "leverage": 2, "cross_venues": cross}
    )
    result = run_backtest(setting, data, told)
    assert result.trades.sort("venue_symbol")["exit_reason"].to_list() == reasons
    assert result.identity_error < 1e-12


def test_a_cross_venue_liquidates_where_all_its_legs_together_fall_short() -> None:
    data = provider_of(
        *(
            settlement("a", hour, 0.0, 8.0, price, symbol=base, base=base)
            for base in "XY"
            for hour, price in ((0, 100.0), (1, 80.0), (2, 45.0), (8, 45.0))
        )
    )
    told = Told({0.0: (("a", "X"), None), 0.5: (("a", "Y"), None)})
    margin = {**ISOLATED, "leverage": 2, "cross_venues": ("a",)}
    result = run_backtest(config(8, decision_hours=0.5, margin=margin), data, told)
    assert "liquidation" in result.trades["exit_reason"].to_list()
    assert result.identity_error < 1e-12


class ClosesX(Told):
    """Holds X long and Y short on one venue, and closes X at the second hour."""

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        yield from super().decide(market, book)
        x = market.index("a", "X")
        for position in book:
            if market.time == START + 2 * HOUR and position.long == x:
                yield Close(position.position_id, "told to")


@pytest.mark.parametrize(
    ("cross", "fallen", "price"),
    # 5,000 posted for Y: 5,000 + 100 (100 - p) = 2 % of 100 p; of X at 40, 1,000 is missing.
    [(("a",), 40.0, 14_000 / 102), (("a",), 60.0, 15_000 / 102), ((), 60.0, 15_000 / 102)],
)
def test_what_a_leg_lost_beyond_its_collateral_is_gone_from_the_others_on_a_cross_venue(
    cross: tuple[str, ...], fallen: float, price: float
) -> None:
    data = provider_of(
        *(
            settlement("a", hour, 0.0, 8.0, mark, symbol=base, base=base)
            for base, last in (("X", fallen), ("Y", 100.0))
            for hour, mark in ((0, 100.0), (1, last), (8, last))
        ),
        prices=bars(("a", 3, 99.0, 200.0, 100.0)).with_columns(venue_symbol=pl.lit("Y")),
    )
    told = ClosesX({0.0: (("a", "X"), None), 0.5: (None, ("a", "Y"))})
    margin = {**ISOLATED, "leverage": 2, "cross_venues": cross}
    result = run_backtest(config(8, decision_hours=0.5, margin=margin), data, told)
    reasons = dict(result.trades.select("venue_symbol", "exit_reason").iter_rows())
    assert reasons == {"X": "told to", "Y": "liquidation"}
    assert result.trades.filter(venue_symbol="Y")["exit_price"][0] == pytest.approx(price)
    assert result.identity_error < 1e-12


def rising(hours: float) -> BacktestResult:
    """A short that is rebalanced at hour 2, and in need at hour 4; transfers take some hours."""
    data = provider_of(
        *(
            settlement(venue, hour, 0.0, 8.0, price)
            for venue in "ab"
            for hour, price in ((0, 100.0), (2, 130.0), (4, 150.0), (8, 150.0))
        )
    )
    costs = {**FREE, "transfer_usd": 7.0, "transfer_hours": hours}
    margin = {"leverage": 2, "rebalance_threshold": 0.5}
    return run_backtest(config(8, margin=margin, costs=costs), data, Told(PAIR))


@pytest.mark.parametrize(("hours", "reason"), [
    (0.0, "end of the run"), (1.5, "end of the run"), (3.0, "liquidation"),
])  # fmt: skip
def test_collateral_that_arrives_too_late_saves_nothing(hours: float, reason: str) -> None:
    result = rising(hours)
    assert leg(result, "b")["exit_reason"] == reason
    assert result.trades["borrow_usd"].sum() == 7.0
    assert result.identity_error < 1e-12


def test_a_perpetual_that_needs_collateral_is_made_smaller_with_its_spot() -> None:
    hours = {0: 100.0, 2: 130.0, 4: 150.0, 6: 175.0, 8: 200.0}
    data = provider_of(
        *(settlement("b", hour, 0.0, 8.0, price) for hour, price in hours.items()),
        instruments=facts(a="spot", b="linear"),
        prices=pl.DataFrame(
            [("a", "BTC-PERP", START + hour * HOUR, price) for hour, price in hours.items()],
            schema=["venue", "venue_symbol", "time", "price"],
            orient="row",
        ),
    )
    costs = {"flat_fee_bps": 5.0, "slippage": {"half_spread_bps": 0.0}}
    margin = {"leverage": 2, "rebalance_threshold": 0.5}
    result = run_backtest(config(8, margin=margin, costs=costs), data, Told(PAIR))
    spot, short = leg(result, "a"), leg(result, "b")
    assert short["exit_reason"] == "end of the run"
    assert result.ledger.filter(kind="rebalance").height >= 4
    assert spot["price_pnl_usd"] + short["price_pnl_usd"] == pytest.approx(0.0, abs=1e-9)
    assert result.ledger["price_pnl_usd"].sum() == pytest.approx(0.0, abs=1e-9)
    assert spot["fees_usd"] == pytest.approx(short["fees_usd"])
    assert result.identity_error < 1e-12
    never = BacktestConfig(**{**result.config.model_dump(), "margin": ISOLATED, "strategy": None})
    assert leg(run_backtest(never, data, Told(PAIR)), "b")["exit_reason"] == "liquidation"


@pytest.mark.parametrize(("row", "fault"), [
    (("a", 1, 101.0, 100.0, 100.5), "high is below its low"),
    (("a", 1, 0.0, 100.0, 99.0), "not positive"),
    (("a", 1, 90.0, 100.0, 101.0), "outside low and high"),
    (("a", 1, -1.0, 100.0, 99.0), "not positive"),
])  # fmt: skip
def test_a_bar_that_cannot_be_is_refused(
    row: tuple[str, float, float, float, float], fault: str
) -> None:
    with pytest.raises(Exception, match=fault):
        provider_of(settlement("a", 0, 0.0, 8.0, 100.0), prices=bars(row))

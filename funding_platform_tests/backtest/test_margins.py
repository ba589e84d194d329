"""Margin as venues do it: in coin, by tiers, shared on a venue, and at a bar's extreme."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import ConfigError, UnknownInstrumentError
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.strategies.contract import Book, Close, MarketView, Order
from funding_platform_tests.backtest.legs import PAIR, A, leg
from funding_platform_tests.backtest.markets import (
    FREE,
    HOUR,
    START,
    Told,
    config,
    provider_of,
    settlement,
)

ISOLATED: dict[str, Any] = {"maintenance_rate": 0.02, "rebalance_threshold": None}


def bars(*rows: tuple[str, float, float, float, float]) -> pl.DataFrame:
    """Bars by venue, the hour at which they end, low, high and close."""
    return pl.DataFrame(
        [(venue, "BTC-PERP", START + hour * HOUR, low, high, close, "mark")
         for venue, hour, low, high, close in rows],
        schema=["venue", "venue_symbol", "time", "low", "high", "price", "kind"],
        orient="row",
    )  # fmt: skip


def facts(**kinds: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "venue": list(kinds),
            "venue_symbol": ["BTC-PERP"] * len(kinds),
            "base": ["BTC"] * len(kinds),
            "contract_type": list(kinds.values()),
        }
    )


def single(
    side: str, kind: str, low: float, high: float, close: float, **changes: Any
) -> BacktestResult:
    """One leg entered at 100, and one bar after it."""
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 100.0),
        settlement("a", 8, 0.0, 8.0),
        instruments=facts(a=kind),
        prices=bars(("a", 1, low, high, close)),
    )
    legs = (A, None) if side == "long" else (None, A)
    return run_backtest(config(8, **changes), data, Told({0.0: legs}))


# --- in coin


@pytest.mark.parametrize(("side", "price"), [("long", 85.0), ("short", 122.5)])
def test_a_coin_margined_leg_at_5x_is_liquidated_where_its_coins_run_out(
    side: str, price: float
) -> None:
    found = single(side, "inverse", 70.0, 140.0, 100.0, margin={**ISOLATED, "leverage": 5})
    assert leg(found, "a")["exit_reason"] == "liquidation"
    assert leg(found, "a")["exit_price"] == pytest.approx(price, rel=1e-9)


@pytest.mark.parametrize(("side", "price"), [("long", 85.0), ("short", 122.5)])
def test_a_coin_margined_leg_stays_as_long_as_the_price_does_not_get_there(
    side: str, price: float
) -> None:
    low, high = (price + 0.01, 101.0) if side == "long" else (99.0, price - 0.01)
    found = single(side, "inverse", low, high, 100.0, margin={**ISOLATED, "leverage": 5})
    assert leg(found, "a")["exit_reason"] == "end of the run"


def test_a_coin_margined_short_at_1x_is_never_liquidated() -> None:
    found = single("short", "inverse", 90.0, 1e6, 1e6, margin={**ISOLATED, "leverage": 1})
    assert leg(found, "a")["exit_reason"] == "end of the run"


def test_funding_of_a_coin_margined_leg_is_collateral_in_coin() -> None:
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 100.0),
        settlement("a", 1, -0.05, 8.0, 50.0),  # 500 dollars, 10 coins: a tenth of the size at entry
        settlement("a", 8, 0.0, 8.0),
        instruments=facts(a="inverse"),
        prices=bars(("a", 2, 10.0, 60.0, 55.0)),
    )
    setting = config(8, margin={**ISOLATED, "leverage": 1.02, "maintenance_rate": 0.01})
    found = leg(run_backtest(setting, data, Told({0.0: (A, None)})), "a")
    coins = 100.0 / 1.02 + 10.0
    assert found["exit_reason"] == "liquidation"
    assert found["exit_price"] == pytest.approx(10_000 * 1.01 / (coins + 100.0), rel=1e-9)


# --- at the extreme of a bar


def test_a_leg_is_liquidated_at_the_low_of_a_bar_that_closes_far_above() -> None:
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 220.0),
        settlement("a", 8, 0.0, 8.0),
        prices=bars(("a", 1, 146.57, 221.0, 187.25)),  # SOL on Bybit, 2025-10-10 21:00
    )
    setting = config(8, margin={**ISOLATED, "leverage": 3})
    found = leg(run_backtest(setting, data, Told({0.0: (A, None)})), "a")
    assert found["exit_reason"] == "liquidation"
    assert found["exit_price"] == pytest.approx(220 * (1 - 1 / 3) / (1 - 0.02), rel=1e-9)


def test_the_hedge_is_closed_at_the_price_of_that_instant() -> None:
    marks = [settlement(venue, hour, 0.0, 8.0, 100.0) for venue in "ab" for hour in (0, 8)]
    data = provider_of(
        *marks, prices=bars(("a", 1, 50.0, 101.0, 95.0), ("b", 1, 60.0, 101.0, 95.0))
    )
    setting = config(8, margin={**ISOLATED, "leverage": 3})
    result = run_backtest(setting, data, Told(PAIR))
    long, short = leg(result, "a"), leg(result, "b")
    assert (long["exit_reason"], short["exit_reason"]) == ("liquidation", "other leg liquidated")
    assert long["exit_price"] == pytest.approx(100 * (1 - 1 / 3) / 0.98, rel=1e-9)
    assert short["exit_price"] == pytest.approx(long["exit_price"], rel=1e-12)
    assert result.identity_error < 1e-12


def test_a_wick_on_one_venue_alone_leaves_the_hedge_where_its_own_bar_was() -> None:
    marks = [settlement(venue, hour, 0.0, 8.0, 100.0) for venue in "ab" for hour in (0, 8)]
    data = provider_of(
        *marks, prices=bars(("a", 1, 50.0, 101.0, 95.0), ("b", 1, 90.0, 101.0, 95.0))
    )
    result = run_backtest(config(8, margin={**ISOLATED, "leverage": 3}), data, Told(PAIR))
    assert leg(result, "b")["exit_price"] == pytest.approx(90.0)


def test_a_bar_that_ends_with_a_mark_keeps_its_extremes() -> None:
    data = provider_of(
        *(settlement("a", hour, 0.0, 1.0, 100.0) for hour in range(9)),
        prices=bars(("a", 1, 50.0, 101.0, 100.0)),
    )
    setting = config(8, margin={**ISOLATED, "leverage": 3})
    assert leg(run_backtest(setting, data, Told({0.0: (A, None)})), "a")["exit_reason"] == (
        "liquidation"
    )


# --- tiers


def test_maintenance_grows_with_the_notional() -> None:
    tiers = {
        "a": [
            {"notional_usd": 0, "maintenance_rate": 0.005},
            {"notional_usd": 50_000, "maintenance_rate": 0.05},
        ]
    }
    margin = {**ISOLATED, "leverage": 4, "tiers": tiers}
    found = single("short", "linear", 99.0, 140.0, 100.0, margin=margin, position_usd=100_000)
    # 25,000 of collateral: 125,000 - 1,000 p = 0.05 * 1,000 p - 50,000 * 0.045
    price = (125_000 + 2_250) / 1_050
    assert leg(found, "a")["exit_price"] == pytest.approx(price, rel=1e-9)


def test_a_size_that_its_tier_would_liquidate_at_once_is_not_opened() -> None:
    tiers = {
        "a": [
            {"notional_usd": 0, "maintenance_rate": 0.005},
            {"notional_usd": 10_000, "maintenance_rate": 0.6},
        ]
    }
    margin = {**ISOLATED, "leverage": 4, "tiers": tiers}
    found = single("short", "linear", 99.0, 101.0, 100.0, margin=margin, position_usd=100_000)
    assert found.trades.is_empty()
    assert "venue's tier requires" in found.warnings[0]


@pytest.mark.parametrize("rows", [[], [(5.0, 0.01)], [(0.0, 0.02), (5.0, 0.01)]])
def test_tiers_that_leave_a_gap_or_fall_are_refused(rows: list[tuple[float, float]]) -> None:
    tiers = [{"notional_usd": size, "maintenance_rate": rate} for size, rate in rows]
    with pytest.raises(ConfigError, match="tiers of a"):
        config(8, margin={"tiers": {"a": tiers}})


@pytest.mark.parametrize(
    "given",
    [
        {"tiers": {"x": [{"notional_usd": 0, "maintenance_rate": 0.01}]}},
        {"cross_venues": ["x"]},
    ],
)
def test_a_venue_that_the_data_does_not_have_is_refused(given: dict[str, Any]) -> None:
    data = provider_of(*(settlement("a", hour, 0.0, 8.0, 100.0) for hour in (0, 8)))
    with pytest.raises(UnknownInstrumentError, match=r"margin\.\w+: no venue 'x'"):
        run_backtest(config(8, margin=given), data, Told({}))


# --- shared on a venue


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


# --- collateral on its way


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


# --- spot against a perpetual


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


# --- bars that cannot be


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

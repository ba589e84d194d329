"""What a cycle decides: the strategy's orders, the exits of the house, the limits, the refusals."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from funding_platform.execution.config import TradingConfig
from funding_platform.execution.cycle.decide import decide
from funding_platform.execution.cycle.facts import Decisions, Exit, Refusal
from funding_platform.execution.pair.pairs import InstrumentRef
from funding_platform.strategies import CrossVenueCarry, CurveTimedCarry
from funding_platform.strategies.contract import Book, Close, MarketView, Open, Order
from funding_platform_tests.execution.cycle.seen import (
    MINUTE,
    NOW,
    RICH,
    held,
    instrument,
    opportunity,
    poor,
    seen,
)

CARRY = CrossVenueCarry(better_by=None, erosion=1.0, max_age_hours=None)

WIDE = [
    instrument("aster", "BTC", 0.0),
    instrument("binance", "BTC", 0.001),
    instrument("aster", "ETH", 0.0),
    instrument("okx", "ETH", 0.002),
]
"""Two bases whose pairs net 9 - 2 (5 + 5) / 10_000 = 0.7 % and 1.6 % over three days."""

OFFERED = [opportunity("BTC", "aster", "binance"), opportunity("ETH", "aster", "okx")]


def config(**sections: Any) -> TradingConfig:
    return TradingConfig.model_validate({"strategy": CARRY, **sections})


def reasons(decisions: Decisions) -> list[Refusal]:
    return [refused.reason for refused in decisions.refused]


def test_the_best_pair_is_opened_first_as_the_strategy_orders() -> None:
    found = decide(CARRY, seen(WIDE, OFFERED), config())
    assert [(o.base, o.long.venue, o.short.venue) for o in found.opens] == [
        ("ETH", "aster", "okx"),
        ("BTC", "aster", "binance"),
    ]
    assert [o.size_usd for o in found.opens] == [1_000.0, 1_000.0]
    assert found.opens[0].memo == pytest.approx(0.002)
    assert found.opens[0].divergence_8h == pytest.approx(0.002)
    assert not found.closes
    assert not found.refused


def test_the_same_sight_gives_the_same_decisions() -> None:
    sight = seen(WIDE, OFFERED, [held("a", "SOL", "okx", "aster")])
    assert decide(CARRY, sight, config()) == decide(CARRY, sight, config())


@pytest.mark.parametrize(
    ("changes", "reason", "said"),
    [
        ({"halted": "somebody said so"}, Refusal.HALTED, "somebody said so"),
        (
            {"opportunities_at": NOW - 31 * MINUTE},
            Refusal.STALE_OPPORTUNITIES,
            "31 minutes old; opportunities.max_age_minutes is 30",
        ),
        ({"opportunities_at": None}, Refusal.NO_OPPORTUNITIES, "funding transform"),
    ],
)
def test_some_things_forbid_everything_and_are_told_once(
    changes: dict[str, Any], reason: Refusal, said: str
) -> None:
    found = decide(CARRY, seen(WIDE, OFFERED, **changes), config())
    assert not found.opens
    assert reasons(found) == [reason]
    assert said in found.refused[0].words


@pytest.mark.parametrize(
    ("venues", "reason", "said"),
    [
        ({"binance": RICH, "okx": RICH}, Refusal.MISSING_VENUE, "aster is none of the venues"),
        (
            {"aster": poor(reachable=False, trouble="HTTP 503"), "binance": RICH, "okx": RICH},
            Refusal.VENUE_UNREACHABLE,
            "HTTP 503",
        ),
        (
            {"aster": poor(skew_seconds=-6.0), "binance": RICH, "okx": RICH},
            Refusal.CLOCK_SKEW,
            "the clock of aster is -6.0 s from ours",
        ),
        (
            {"aster": poor(free_usd=300.0), "binance": RICH, "okx": RICH},
            Refusal.INSUFFICIENT_BALANCE,
            "free on aster: 300.00 USD; a leg of 1,000 USD needs 333.33",
        ),
        (
            {"aster": poor(free_usd=None), "binance": RICH, "okx": RICH},
            Refusal.INSUFFICIENT_BALANCE,
            "free on aster: unknown",
        ),
    ],
)
def test_a_venue_that_cannot_be_traded_on_refuses_its_pairs(
    venues: dict[str, Any], reason: Refusal, said: str
) -> None:
    found = decide(CARRY, seen(WIDE, OFFERED, venues=venues), config())
    assert not found.opens
    assert reasons(found) == [reason, reason]
    assert said in found.refused[0].words


def test_balance_is_used_up_by_what_is_admitted_before() -> None:
    venues = {"aster": poor(free_usd=400.0), "binance": RICH, "okx": RICH}
    found = decide(CARRY, seen(WIDE, OFFERED, venues=venues), config())
    assert [o.base for o in found.opens] == ["ETH"]
    assert reasons(found) == [Refusal.INSUFFICIENT_BALANCE]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_new_per_cycle": 1}, Refusal.CYCLE_LIMIT),
        ({"max_total_usd": 1_500}, Refusal.TOTAL_LIMIT),
        ({"max_venue_usd": 1_500}, Refusal.VENUE_LIMIT),
    ],
)
def test_a_limit_lets_in_the_best_and_refuses_the_rest(
    limits: dict[str, Any], reason: Refusal
) -> None:
    found = decide(CARRY, seen(WIDE, OFFERED), config(limits=limits))
    assert [o.base for o in found.opens] == ["ETH"]
    assert reasons(found) == [reason]
    assert found.refused[0].base == "BTC"


def test_what_is_held_counts_against_the_limit_of_its_base() -> None:
    other = held("a", "ETH", "binance", "bybit", notional_usd=1_500.0)
    rows = [*WIDE, instrument("binance", "ETH", 0.0), instrument("bybit", "ETH", 0.001)]
    found = decide(Twice(), seen(rows, OFFERED, [other]), config())
    assert reasons(found) == [Refusal.BASE_LIMIT]
    assert "of ETH 2,500 USD would be held; limits.max_base_usd is 2,000" in found.refused[0].words


def test_a_base_rests_after_a_close() -> None:
    until = NOW + 10 * MINUTE
    found = decide(CARRY, seen(WIDE, OFFERED, resting={"ETH": until}), config())
    assert [o.base for o in found.opens] == ["BTC"]
    assert reasons(found) == [Refusal.COOLING_DOWN]
    later = seen(WIDE, OFFERED, resting={"ETH": NOW})
    assert len(decide(CARRY, later, config()).opens) == 2


def test_only_what_passes_the_filter_and_is_young_is_opened() -> None:
    old = opportunity("BTC", "aster", "binance", observed_at=NOW - 40 * MINUTE)
    found = decide(CARRY, seen(WIDE, [old, OFFERED[1]]), config())
    assert [o.base for o in found.opens] == ["ETH"]
    assert reasons(found) == [Refusal.FILTERED_OUT]


def test_a_leg_that_pays_in_another_coin_is_refused_by_name_and_the_rest_is_opened() -> None:
    coin = InstrumentRef("okx", "BTC-USD-SWAP")
    found = decide(CARRY, seen(WIDE, OFFERED, untraded={coin: "quanto"}), config())
    assert len(found.opens) == 2
    (refused,) = found.refused
    assert (refused.reason, refused.long) == (Refusal.CONTRACT_NOT_TRADED, coin)
    assert "BTC-USD-SWAP is of type quanto" in refused.words


def test_a_single_leg_is_refused() -> None:
    class OneLeg(CrossVenueCarry):
        def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
            yield Open(None, 0)

    assert reasons(decide(OneLeg(), seen(WIDE, OFFERED), config())) == [Refusal.NOT_A_PAIR]


def test_a_strategy_that_lacks_data_opens_nothing_and_the_exits_of_the_house_stand() -> None:
    old = held("a", "BTC", "aster", "binance", ordered_at=NOW - timedelta(days=8))
    found = decide(CurveTimedCarry(), seen(WIDE, OFFERED, [old]), config())
    assert reasons(found) == [Refusal.STRATEGY_FAILED]
    assert "feature 'level'" in found.refused[0].words
    assert [(c.pair.pair_id, c.reason) for c in found.closes] == [("a", Exit.OLD)]


@pytest.mark.parametrize(
    ("orders", "reason"),
    [
        ([Close(7, "none such")], Refusal.STRATEGY_FAILED),
        ([Close(-1, "none such")], Refusal.STRATEGY_FAILED),
        ([Open(0, 99)], Refusal.STRATEGY_FAILED),
        ([Open(0, 1, size_usd=float("nan"))], Refusal.IMPOSSIBLE_SIZE),
        ([Open(0, 1, size_usd=-5.0)], Refusal.IMPOSSIBLE_SIZE),
    ],
)
def test_an_order_of_what_does_not_exist_is_refused_and_the_house_goes_on(
    orders: list[Order], reason: Refusal
) -> None:
    class Wrong(CrossVenueCarry):
        def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
            yield from orders

    old = held("a", *BTC, ordered_at=NOW - timedelta(days=8))
    found = decide(Wrong(), seen(WIDE, OFFERED, [old]), config())
    assert reasons(found) == [reason]
    assert [close.reason for close in found.closes] == [Exit.OLD]
    assert not found.opens


def test_a_strategy_with_a_bug_stops_nothing_else() -> None:
    class Broken(CrossVenueCarry):
        def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
            raise ZeroDivisionError("by hand")

    old = held("a", *BTC, ordered_at=NOW - timedelta(days=8))
    found = decide(Broken(), seen(WIDE, OFFERED, [old]), config())
    assert [one.words for one in found.refused] == ["ZeroDivisionError('by hand')"]
    assert [close.reason for close in found.closes] == [Exit.OLD]


BTC = ("BTC", "aster", "binance")


class Twice(CrossVenueCarry):
    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        yield Open(market.index("aster", "ETHUSDT"), market.index("okx", "ETHUSDT"))

"""What a cycle closes: the exits of the house, room for better pairs, and what it may look at."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from funding_platform.execution.cycle.decide import decide, readmit
from funding_platform.execution.cycle.facts import Exit, Refusal, Seen
from funding_platform.execution.pair.pairs import InstrumentRef
from funding_platform.strategies import CrossVenueCarry
from funding_platform.strategies.contract import Book, MarketView, Order
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
from funding_platform_tests.execution.cycle.test_decide import (
    BTC,
    CARRY,
    OFFERED,
    WIDE,
    Twice,
    config,
    reasons,
)


@pytest.mark.parametrize(
    ("pair", "rates", "reason"),
    [
        ({}, (0.0, -0.001), Exit.FLIPPED),
        ({"divergence_8h": 0.0021}, (0.0, 0.001), Exit.ERODED),
        ({"ordered_at": NOW - timedelta(days=7)}, (0.0, 0.001), Exit.OLD),
        ({"divergence_8h": 0.0019}, (0.0, 0.001), None),
        ({"divergence_8h": None}, (0.0, 0.001), None),
        ({}, (None, 0.001), None),
        ({"closing": True}, (0.0, -0.001), None),
    ],
)
def test_the_house_closes_for_its_reasons_and_for_none_that_it_does_not_know(
    pair: dict[str, Any], rates: tuple[float | None, float | None], reason: Exit | None
) -> None:
    rows = [instrument("aster", "BTC", rates[0]), instrument("binance", "BTC", rates[1])]
    found = decide(Nothing(), seen(rows, pairs=[held("a", *BTC, **pair)]), config())
    assert [c.reason for c in found.closes] == ([reason] if reason else [])


class Nothing(CrossVenueCarry):
    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        yield from ()


def test_a_silent_venue_closes_what_stands_on_it() -> None:
    rows = [
        instrument("aster", "BTC", 0.0, seen_at=NOW - 31 * MINUTE),
        instrument("binance", "BTC", 0.001),
        instrument("okx", "ETH", 0.0),
        instrument("binance", "ETH", 0.001),
    ]
    pairs = [held("a", *BTC), held("b", "ETH", "okx", "binance")]
    found = decide(Nothing(), seen(rows, pairs=pairs), config())
    assert [(c.pair.pair_id, c.reason) for c in found.closes] == [("a", Exit.VENUE_SILENT)]


def test_what_is_no_longer_listed_is_closed_not_forgotten() -> None:
    pairs = [held("a", "GONE", "aster", "binance")]
    found = decide(CARRY, seen([instrument("okx", "ETH", 0.0)], pairs=pairs), config())
    assert [c.reason for c in found.closes] == [Exit.VENUE_SILENT]


def test_low_margin_closes_the_largest_pair_on_the_venue() -> None:
    rows = [*WIDE, instrument("okx", "BTC", 0.001), instrument("binance", "ETH", 0.002)]
    pairs = [
        held("small", "BTC", "aster", "okx"),
        held("large", "ETH", "aster", "binance", notional_usd=2_000.0),
    ]
    low = {"aster": poor(equity_usd=140.0, maintenance_usd=100.0), "binance": RICH, "okx": RICH}
    found = decide(Nothing(), seen(rows, pairs=pairs, venues=low), config())
    assert [(c.pair.pair_id, c.reason) for c in found.closes] == [("large", Exit.MARGIN_LOW)]


def test_a_leg_that_is_low_on_coins_of_its_own_is_closed_with_its_pair() -> None:
    rows = [*WIDE, instrument("okx", "BTC", 0.001), instrument("binance", "ETH", 0.002)]
    pairs = [
        held("coins", "BTC", "aster", "okx"),
        held("large", "ETH", "aster", "binance", notional_usd=2_000.0),
    ]
    low = poor(own_ratios={"BTCUSDT": 1.4}, maintenance_usd=10.0)
    venues = {"aster": RICH, "binance": RICH, "okx": low}
    found = decide(Nothing(), seen(rows, pairs=pairs, venues=venues), config())
    assert [(c.pair.pair_id, c.reason) for c in found.closes] == [("coins", Exit.MARGIN_LOW)]


def test_what_is_locked_behind_single_legs_is_no_margin_of_the_others() -> None:
    account = poor(equity_usd=1_000.0, locked_usd=900.0, maintenance_usd=80.0)
    assert account.margin_ratio == 1.25
    assert replace(account, own_ratios={"BTCUSD": 1.1}).lowest_ratio == 1.1
    assert replace(account, own_ratios={"BTCUSD": 9.0}).lowest_ratio == 1.25
    assert RICH.lowest_ratio is None


def test_a_full_book_makes_room_for_what_is_better_by_enough() -> None:
    full = {"limits": {"max_pairs": 1}}
    poorest = [held("a", *BTC)]
    better = opportunity("ETH", "aster", "okx", divergence_8h=0.002, cost_bps=20.0)
    # 0.002 * 9 - 0.002 = 0.016 against 0.001 * 9 = 0.009: better by 0.007.
    sight = seen(WIDE, [better], poorest)
    found = decide(Nothing(), sight, config(**full, exits={"better_by": 0.0069}))
    assert [c.reason for c in found.closes] == [Exit.BETTERED]
    found = decide(Nothing(), sight, config(**full, exits={"better_by": 0.0071}))
    assert not found.closes
    roomy = config(limits={"max_pairs": 2}, exits={"better_by": 0.0069})
    assert not decide(Nothing(), sight, roomy).closes


def test_what_closes_makes_room_in_the_same_cycle_unless_it_stays() -> None:
    pairs = [held("old", "SOL", "okx", "binance", ordered_at=NOW - timedelta(days=8))]
    limits = {"max_pairs": 2}
    sight = seen(WIDE, OFFERED, pairs)
    found = decide(CARRY, sight, config(limits=limits))
    assert [c.pair.pair_id for c in found.closes] == ["old"]
    assert [o.base for o in found.opens] == ["ETH", "BTC"]
    opens, refused = readmit(found.opens, sight, config(limits=limits), gone=())
    assert [o.base for o in opens] == ["ETH"]
    assert [one.reason for one in refused] == [Refusal.PAIRS_LIMIT]


def test_a_leg_is_in_one_pair_only() -> None:
    taken = held("a", "ETH", "aster", "binance")
    rows = [*WIDE, instrument("binance", "ETH", 0.001)]
    found = decide(Twice(), seen(rows, OFFERED, [taken]), config())
    assert reasons(found) == [Refusal.ALREADY_HELD]


def test_the_market_shows_nothing_that_is_too_old() -> None:
    rows = [instrument("aster", "BTC", 0.001, seen_at=NOW - timedelta(hours=27)), WIDE[1]]
    market = seen(rows).market
    assert list(market.tradable) == [False, True]
    assert np.isnan(market.rate_8h[0])
    assert np.isnan(market.price[0])
    assert market.row[InstrumentRef("binance", "BTCUSDT")] == 1


def test_a_sight_is_a_market_and_a_book_for_any_strategy() -> None:
    sight: Seen = seen(WIDE, OFFERED)
    view: MarketView = sight.market
    assert view.index("okx", "ETHUSDT") == 3
    assert list(view.past_rates(3, 2)) == []
    assert list(view.past_prices(3, 5).price) == [100.0]

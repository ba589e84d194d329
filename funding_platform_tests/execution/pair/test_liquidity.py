"""What a book bears."""

from decimal import Decimal

import pytest

from funding_platform.core.trading import Level, OrderBook, Side
from funding_platform.execution.pair.liquidity import bound_price, look, slippage_bps
from funding_platform_tests.execution.virtual_time import START
from funding_platform_tests.execution.world import LIMITS

BOOK = OrderBook(
    venue_symbol="BTC",
    bids=(Level(Decimal(99), Decimal(1)), Level(Decimal(98), Decimal(2))),
    asks=(Level(Decimal(101), Decimal(1)), Level(Decimal(102), Decimal(2))),
    seen_at=START,
)


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, 102), (Side.SELL, 98)])
def test_walking_a_book_costs_alike_on_both_sides(side: Side, price: int) -> None:
    found = look(BOOK, side, Decimal(2), Decimal(100), Decimal(300))
    assert found.mid == 100
    assert found.fillable == 2
    assert found.slippage_bps == Decimal(150)
    assert found.within_bound == 1
    assert found.score == Decimal("0.125")  # a quarter of twice the quantity, half of the limit
    assert slippage_bps(side, Decimal(price), Decimal(100)) == 200


def test_what_is_not_there_is_not_filled() -> None:
    found = look(BOOK, Side.BUY, Decimal(5), Decimal(500), Decimal(300))
    assert (found.fillable, found.within_bound) == (Decimal(3), Decimal(3))
    nothing = look(BOOK, Side.BUY, Decimal(0), Decimal(500), Decimal(300))
    assert nothing.slippage_bps is None
    assert nothing.score == 0


def test_a_bound_is_on_the_step_never_worse_and_within_the_band() -> None:
    assert bound_price(Side.BUY, Decimal("33.337"), Decimal(10), LIMITS) == Decimal("33.37")
    assert bound_price(Side.SELL, Decimal("33.337"), Decimal(10), LIMITS) == Decimal("33.31")
    assert bound_price(Side.BUY, Decimal(100), Decimal(5_000), LIMITS) == Decimal("110.00")

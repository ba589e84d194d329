"""What a book bears: the cost of taking from it, and how much stands within a bound.

    slippage = side * (average price / mid - 1), in basis points; positive is worse than the mid
    score    = min(1, quantity within the bound / (2 * quantity)) * max(0, 1 - slippage / limit)

The score is 1 where twice what is wanted stands at the mid, and 0 where taking costs the limit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from funding_platform.core.trading import ZERO, InstrumentLimits, OrderBook, Side, payoffs

BPS: Final = Decimal(10_000)
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidity:
    """What one order would meet.

    Parameters
    ----------
    mid
        Of the book.
    fillable
        What of the quantity stands in the levels that are known; less than it where they end.
    slippage_bps
        Of what is fillable; None where nothing is.
    within_bound
        What stands at prices no worse than the bound.
    score
        Between 0 and 1.
    """

    mid: Decimal
    fillable: Decimal
    slippage_bps: Decimal | None
    within_bound: Decimal
    score: Decimal


def slippage_bps(side: Side, price: Decimal, mid: Decimal) -> Decimal:
    """Return how much worse a price is than the mid, in basis points."""
    return side.sign * (price / mid - 1) * BPS


def bound_price(side: Side, mid: Decimal, bps: Decimal, limits: InstrumentLimits) -> Decimal:
    """Return the worst price to accept: so far from the mid, within what the venue allows."""
    share = bps / BPS
    if limits.price_band is not None:
        share = min(share, limits.price_band)
    return limits.round_price(mid * (1 + side.sign * share), side)


def look(
    book: OrderBook,
    side: Side,
    quantity: Decimal,
    bound_bps: Decimal,
    limit_bps: Decimal,
    *,
    inverse: bool = False,
) -> Liquidity:
    """Walk the side of a book that an order takes; both of its sides must stand.

    Parameters
    ----------
    bound_bps
        How far from the mid a price may be for ``within_bound``.
    limit_bps
        The slippage at which the score is 0.
    inverse
        Whether quantities are US dollars.
    """
    mid = book.mid
    assert mid is not None, "a book with an empty side has been refused before"
    fillable = cost = within = ZERO
    for level in book.against(side):
        taken = min(level.quantity, quantity - fillable)
        fillable += taken
        cost += payoffs.settled(inverse, taken, level.price)
        if slippage_bps(side, level.price, mid) <= bound_bps:
            within += level.quantity
    slipped = None
    if fillable:
        slipped = slippage_bps(side, payoffs.average_price(inverse, fillable, cost), mid)
    return Liquidity(
        mid=mid,
        fillable=fillable,
        slippage_bps=slipped,
        within_bound=within,
        score=_score(quantity, within, slipped, limit_bps),
    )


def _score(
    quantity: Decimal, within: Decimal, slipped: Decimal | None, limit_bps: Decimal
) -> Decimal:
    if slipped is None or not quantity:
        return ZERO
    return min(_ONE, within / (2 * quantity)) * min(_ONE, max(ZERO, 1 - slipped / limit_bps))


def standing_within(
    levels: Iterable[tuple[Decimal, Decimal]], side: Side, price: Decimal
) -> Decimal:
    """Return what stands at a price or better, of (price, quantity)."""
    return sum((size for at, size in levels if side.sign * (price - at) >= 0), ZERO)

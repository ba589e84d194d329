"""The walk through one side of a book, level by level, in exact decimals."""

from collections.abc import Sequence
from decimal import Decimal, localcontext

DIGITS = 60

Side = Sequence[tuple[Decimal, Decimal]]
"""Prices and sizes, best first."""


def cost_bps(side: Side, mid: Decimal, notional: Decimal) -> Decimal | None:
    """How much worse than mid the whole notional trades; None where the side does not reach."""
    with localcontext(prec=DIGITS):
        left, base = notional, Decimal(0)
        for price, size in side:
            taken = min(left, price * size)
            base += taken / price
            left -= taken
        if left > 0:
            return None
        return abs(notional / base / mid - 1) * 10_000


def within(side: Side, mid: Decimal, reach_bps: Decimal) -> Decimal:
    """What rests at prices no further than that from mid."""
    with localcontext(prec=DIGITS):
        furthest = mid * reach_bps / 10_000
        near = (price * size for price, size in side if abs(price - mid) <= furthest)
        return sum(near, start=Decimal(0))

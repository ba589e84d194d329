"""How far two prices lie apart, and from where on they are not of one asset.

One ticker may stand for two assets, and a multiplier may be missing: the legs of such a pair look
like the best of opportunities. The rule is the same for opportunities, backtests and execution.
"""

from typing import Final

MAX_PRICE_GAP_BPS: Final = 100.0
"""Prices of one asset on two venues do not lie further apart: one per cent."""

PRICE_GAP_BPS_SQL: Final = "({short_price} / nullif({long_price}, 0) - 1) * 1e4"
"""``price_gap_bps`` in SQL; null where a price is."""


def price_gap_bps(long_price: float, short_price: float) -> float:
    """``(short / long - 1) * 1e4``: the gap in basis points of the long leg's price.

    Parameters
    ----------
    long_price, short_price
        Of both legs at one instant, per canonical base; above zero.
    """
    return (short_price / long_price - 1.0) * 1e4

"""What is wrong with an order, in words: a strategy is someone else's code."""

from collections.abc import Container

import numpy as np

from funding_platform.backtest.books import EXIT_REASONS
from funding_platform.backtest.market import ReplayedMarket
from funding_platform.strategies.contract import Close, Open


def fault_of(
    order: object, positions: Container[int], market: ReplayedMarket, position_usd: float
) -> str | None:
    """Say why an order makes no sense; None where it does.

    Parameters
    ----------
    positions
        Numbers of those that are open, or on their way.
    position_usd
        The size of an order that names none.
    """
    if isinstance(order, Close):
        if order.position_id not in positions:
            return f"there is no position {order.position_id} to close"
        return _fault_of_reason(order)
    if not isinstance(order, Open):
        return f"{order!r} is no order"
    legs = [leg for leg in (order.long, order.short) if leg is not None]
    if not legs or order.long == order.short:
        return f"{order} needs one or two different legs"
    count = market.instruments.height
    if not all(isinstance(leg, int | np.integer) and 0 <= leg < count for leg in legs):
        return f"{order} names an instrument outside 0..{count - 1}"
    size = position_usd if order.size_usd is None else order.size_usd
    if not (np.isfinite(size) and size > 0 and np.isfinite(order.memo)):
        return f"{order} has a size or memo that is no (positive) number"
    if len({int(market.base[leg]) for leg in legs}) > 1:
        return f"{order} has legs on two bases"
    return None


def _fault_of_reason(order: Close) -> str | None:
    """Say what is wrong with a reason.

    Trades are grouped by their reasons, and the engine's own must mean what they say.
    """
    if not isinstance(order.reason, str) or not order.reason.strip():
        return f"{order} has a reason that is no text"
    if order.reason in EXIT_REASONS:
        return f"{order} has a reason that only the engine gives"
    return None

"""Legs that fall below maintenance, and collateral moved between legs before they do.

Each leg stands on its own collateral; it is liquidated where collateral, funding and P&L fall below
maintenance, and the other leg is closed with it. Before that, at the rebalancing threshold, the
other leg's surplus is moved to it; where there is none, it is left to its maintenance.
"""

import math
from typing import Any

from funding_platform.backtest.books import HEDGE_GONE, LIQUIDATED, REBALANCE, Books, Rules
from funding_platform.backtest.data.panel import Panel
from funding_platform.backtest.kernel.accounts import new_entry, pay
from funding_platform.backtest.kernel.closing import close_leg, close_position
from funding_platform.backtest.kernel.pricing import notional_of, price_pnl_of
from funding_platform.core.compiled import compiled_in_place


@compiled_in_place
def _value(leg: Any) -> float:
    """Compute what a leg's collateral is worth now."""
    return float(leg.margin + price_pnl_of(leg, leg.price))


@compiled_in_place
def _can_rebalance(rules: Rules, one: Any, other: Any) -> bool:
    """Tell whether a transfer would leave both legs above the threshold."""
    if not (one.active and other.active) or one.spot or other.spot:  # coins are no collateral
        return False
    total = _value(one) + _value(other) - rules.transfer_usd
    left = 1.0 - rules.rebalance_threshold
    return bool(total > left * (one.collateral + other.collateral))


@compiled_in_place
def _rebalance(rules: Rules, books: Books, first: int, time: int) -> None:
    """Share out collateral in proportion to what the legs began with; the richer one pays."""
    one, other = books.legs[first], books.legs[first + 1]
    if not _can_rebalance(rules, one, other):
        one.floor = -math.inf
        other.floor = -math.inf
        return
    of_one, of_other = _value(one), _value(other)
    share = one.collateral / (one.collateral + other.collateral)
    moved = share * (of_one + of_other - rules.transfer_usd) - of_one
    one.margin += moved
    other.margin -= moved + rules.transfer_usd
    payer = one if of_one > of_other else other
    payer.borrow += rules.transfer_usd
    payer.transfers += rules.transfer_usd
    pay(books.account[0], -rules.transfer_usd)
    new_entry(books, time, REBALANCE, payer, payer.price).borrow = rules.transfer_usd
    for leg in (one, other):
        leg.floor = (1.0 - rules.rebalance_threshold) * leg.collateral


@compiled_in_place
def intervene(panel: Panel, rules: Rules, books: Books, first: int, time: int) -> None:
    """Liquidate legs below maintenance, and close the other; else rebalance."""
    liquidated = False
    for slot in (first, first + 1):
        leg = books.legs[slot]
        required = rules.maintenance_rate * notional_of(leg, leg.price)
        if leg.active and leg.margined and _value(leg) < required:
            close_leg(panel, rules, books, slot, time, LIQUIDATED)
            liquidated = True
    if liquidated:
        close_position(panel, rules, books, first, time, HEDGE_GONE)
    else:
        _rebalance(rules, books, first, time)

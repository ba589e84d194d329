"""Legs that fall below maintenance, and collateral moved between legs before they do.

Each leg stands on its own collateral, or on its account's at a venue with cross margin; it is
liquidated where collateral, funding and P&L fall below maintenance, and the other leg is closed
with it at the same instant. Before that, at the rebalancing threshold, the other leg's surplus is
moved to it, or part of a spot hedge is sold for it; where there is none, it is left to its
maintenance.
"""

import math
from typing import Any

from funding_platform.backtest.books import (
    HEDGE_GONE,
    LIQUIDATED,
    NEVER,
    REBALANCE,
    Books,
    Rules,
)
from funding_platform.backtest.data.panel import Panel
from funding_platform.backtest.kernel.accounts import new_entry, pay
from funding_platform.backtest.kernel.closing import close_leg, close_position
from funding_platform.backtest.kernel.maintenance import (
    credit,
    liquidation_price,
    spare,
    within_bar,
    worst_price,
    worth_of,
)
from funding_platform.backtest.kernel.rehedging import rehedge
from funding_platform.core.system.compiled import compiled_in_place


@compiled_in_place
def _guard(rules: Rules, leg: Any) -> None:
    """Have a leg rebalanced where it has lost the threshold of its collateral."""
    leg.floor = (1.0 - rules.rebalance_threshold) * leg.collateral


@compiled_in_place
def _can_rebalance(rules: Rules, one: Any, other: Any) -> bool:
    """Tell whether a transfer would leave both legs above the threshold."""
    if not (one.active and other.active) or one.spot or other.spot:  # coins are no collateral
        return False
    total = worth_of(one, one.price) + worth_of(other, other.price) - rules.transfer_usd
    left = 1.0 - rules.rebalance_threshold
    return bool(total > left * (one.collateral + other.collateral))


@compiled_in_place
def _rebalance(rules: Rules, books: Books, first: int, time: int) -> None:
    """Share out collateral in proportion to what the legs began with; the richer one pays.

    What is moved leaves at once, and arrives when the transfer has taken its time: until then
    nothing more is moved.
    """
    one, other = books.legs[first], books.legs[first + 1]
    one.floor = other.floor = -math.inf
    if not _can_rebalance(rules, one, other):
        return
    of_one, of_other = worth_of(one, one.price), worth_of(other, other.price)
    share = one.collateral / (one.collateral + other.collateral)
    moved = share * (of_one + of_other - rules.transfer_usd) - of_one
    payer = one if of_one > of_other else other
    arriving = moved if moved > 0.0 else -moved - rules.transfer_usd
    poor, rich = (one, other) if moved > 0.0 else (other, one)
    credit(rich, -arriving - rules.transfer_usd)
    payer.borrow += rules.transfer_usd
    payer.transfers += rules.transfer_usd
    pay(books.account[0], -rules.transfer_usd)
    new_entry(books, time, REBALANCE, payer, payer.price).borrow = rules.transfer_usd
    poor.arriving = arriving
    poor.arrives_us = time + rules.transfer_us
    if rules.transfer_us == 0:
        receive(rules, books, first, time)


@compiled_in_place
def receive(rules: Rules, books: Books, first: int, time: int) -> None:
    """Credit a position's legs with what has arrived by now."""
    for slot in (first, first + 1):
        leg = books.legs[slot]
        if leg.active and leg.arrives_us <= time:
            credit(leg, leg.arriving)
            leg.arriving = 0.0
            leg.arrives_us = NEVER
            _guard(rules, books.legs[first])
            _guard(rules, books.legs[first + 1])


@compiled_in_place
def _is_low(leg: Any) -> bool:
    """Whether a leg has lost so much that it is to be rebalanced."""
    return bool(leg.active and leg.margined and worth_of(leg, leg.price) < leg.floor)


@compiled_in_place
def _liquidate(panel: Panel, rules: Rules, books: Books, first: int, time: int) -> bool:
    """Liquidate legs below maintenance, and close the other at that instant's price.

    Within a bar, the other leg is taken to have moved along, as far as its own bar did.
    """
    move = 1.0
    liquidated = False
    for slot in (first, first + 1):
        leg = books.legs[slot]
        if not (leg.active and leg.margined):
            continue
        worst = worst_price(panel.prices, leg, time)
        if spare(panel, rules, books, slot, worst) < 0.0:
            price = liquidation_price(panel, rules, books, slot, worst, time)
            move = price / leg.price
            leg.price = price
            close_leg(panel, rules, books, slot, time, LIQUIDATED)
            liquidated = True
    if liquidated:
        for slot in (first, first + 1):
            leg = books.legs[slot]
            if leg.active:
                leg.price = within_bar(panel.prices, leg, leg.price * move, time)
        close_position(panel, rules, books, first, time, HEDGE_GONE)
    return liquidated


@compiled_in_place
def intervene(panel: Panel, rules: Rules, books: Books, first: int, time: int) -> None:
    """Liquidate a position's legs below maintenance, and close the other; else rebalance."""
    if _liquidate(panel, rules, books, first, time):
        return
    one, other = books.legs[first], books.legs[first + 1]
    if not (_is_low(one) or _is_low(other)):
        return
    if one.active and other.active and one.spot != other.spot:
        rehedge(panel, rules, books, first, time)
    else:
        _rebalance(rules, books, first, time)

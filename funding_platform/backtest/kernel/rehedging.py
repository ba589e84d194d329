"""A perpetual held against spot, made smaller with it where its collateral runs out.

Coins that are owned are no collateral of a short perpetual: as the price rises, the short loses
what the coins gain. Selling the share ``f`` of both gives the short collateral again:

``f = (q p / L - V) / (q s (1 - c_s) - q p c_p + q p / L)``

with size ``q``, prices ``p`` and ``s`` of perpetual and spot, costs ``c`` of a fill of each,
leverage ``L``, and ``V`` what the short's collateral is worth before.
"""

import math
from typing import Any

from funding_platform.backtest.books import REBALANCE, Books, Rules
from funding_platform.backtest.data.coins import NO_COIN
from funding_platform.backtest.data.panel import Panel
from funding_platform.backtest.kernel.accounts import new_entry, pay
from funding_platform.backtest.kernel.maintenance import worth_of
from funding_platform.backtest.kernel.pricing import (
    fee_rate,
    impact_rate,
    notional_of,
    open_pnl_of,
)
from funding_platform.core.system.compiled import compiled_in_place


@compiled_in_place
def _cost_rate(panel: Panel, rules: Rules, leg: Any, time: int) -> float:
    """Compute a fill's cost per notional; impact is that of the whole leg, the most it can be."""
    notional = notional_of(leg, leg.price)
    fee = fee_rate(rules, panel.facts.venue[leg.instrument], time)
    return fee + rules.half_spread + impact_rate(panel, rules, leg.instrument, notional, time)


@compiled_in_place
def _reduce(panel: Panel, rules: Rules, books: Books, slot: int, share: float, time: int) -> float:
    """Close a share of a leg; what that leaves in cash, costs paid."""
    leg, account = books.legs[slot], books.account[0]
    notional = share * notional_of(leg, leg.price)
    pnl = share * open_pnl_of(leg, leg.price)
    impact = impact_rate(panel, rules, leg.instrument, notional, time) * notional
    fee = fee_rate(rules, panel.facts.venue[leg.instrument], time) * notional
    slippage = rules.half_spread * notional + impact
    for amount in (pnl, -fee, -slippage):
        pay(account, amount)
    leg.size *= 1.0 - share
    leg.realised += pnl
    leg.fees += fee
    leg.slippage += slippage
    leg.impact += impact
    leg.traded += notional
    entry = new_entry(books, time, REBALANCE, leg, leg.price)
    entry.price_pnl = pnl
    entry.fees = fee
    entry.slippage = slippage
    if leg.spot:
        return notional - fee - slippage
    leg.margin += pnl - fee - slippage
    return 0.0


@compiled_in_place
def rehedge(panel: Panel, rules: Rules, books: Books, first: int, time: int) -> None:
    """Sell spot, and close as much of the short perpetual, until that has its collateral again.

    Where that cannot be, the spot is borrowed, or the perpetual's collateral is a coin, it is left
    to its maintenance.
    """
    spot, short = first, first + 1
    if not books.legs[spot].spot:
        spot, short = short, spot
    coins, leg = books.legs[spot], books.legs[short]
    coins.floor = leg.floor = -math.inf
    if coins.sign < 0 or leg.inverse or leg.coin != NO_COIN:
        return
    wanted = notional_of(leg, leg.price) / rules.leverage
    freed = notional_of(coins, coins.price) * (1.0 - _cost_rate(panel, rules, coins, time))
    paid = notional_of(leg, leg.price) * _cost_rate(panel, rules, leg, time)
    share = (wanted - worth_of(leg, leg.price)) / (freed - paid + wanted)
    if not 0.0 < share < 1.0:
        return
    leg.margin += _reduce(panel, rules, books, spot, share, time)
    _reduce(panel, rules, books, short, share, time)
    coins.collateral *= 1.0 - share
    leg.collateral = notional_of(leg, leg.price) / rules.leverage
    leg.floor = (1.0 - rules.rebalance_threshold) * leg.collateral

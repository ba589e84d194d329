"""Closing legs: the last fill of each, and what it leaves in the books."""

from typing import Any

from funding_platform.backtest.books import CLOSE, LIQUIDATED, LIQUIDATION, NEVER, Books, Rules
from funding_platform.backtest.data.panel import Panel
from funding_platform.backtest.kernel.accounts import (
    accrue_borrow,
    add_to_component,
    new_entry,
    pay,
)
from funding_platform.backtest.kernel.maintenance import credit, worth_of
from funding_platform.backtest.kernel.pricing import (
    fee_rate,
    impact_rate,
    kind_of_price,
    notional_of,
    open_pnl_of,
)
from funding_platform.core.system.compiled import compiled_in_place, compiled_into_callers


@compiled_in_place
def _share_loss(books: Books, venue: int, loss: float) -> None:
    """Take what a leg lost beyond its collateral from that of the others on a cross venue.

    In proportion to what each has; where none has anything left, it is the account's alone.
    """
    total = 0.0
    for slot in range(len(books.legs)):
        one = books.legs[slot]
        if one.active and one.margined and one.venue == venue:
            total += max(0.0, worth_of(one, one.price))
    for slot in range(len(books.legs)):
        one = books.legs[slot]
        if total > 0.0 and one.active and one.margined and one.venue == venue:
            credit(one, -loss * max(0.0, worth_of(one, one.price)) / total)


@compiled_into_callers
def _describe(trade: Any, leg: Any) -> None:
    """Write down of a leg what its trade tells of it."""
    trade.opened_us = leg.opened_us
    trade.price_age_us = leg.price_age_us
    trade.entry = leg.entry
    trade.quantity = leg.quantity
    trade.notional = leg.notional
    trade.funding = leg.funding
    trade.fees = leg.fees
    trade.slippage = leg.slippage
    trade.borrow = leg.borrow
    trade.penalty = leg.penalty
    trade.impact = leg.impact
    trade.traded = leg.traded
    trade.trade = leg.trade
    trade.position = leg.position
    trade.instrument = leg.instrument
    trade.settlements = leg.settlements
    trade.source_kind = leg.source_kind
    trade.sign = leg.sign
    trade.lone = leg.lone


@compiled_in_place
def close_leg(panel: Panel, rules: Rules, books: Books, slot: int, time: int, reason: int) -> None:
    """Close a leg at its last price; pays fee and slippage, and the penalty if liquidated."""
    leg = books.legs[slot]
    account = books.account[0]
    accrue_borrow(rules, books, leg, time)
    price = leg.price
    worth = worth_of(leg, price)
    notional = notional_of(leg, price)
    pnl = open_pnl_of(leg, price)
    impact = impact_rate(panel, rules, leg.instrument, notional, time) * notional
    fee = fee_rate(rules, panel.facts.venue[leg.instrument], time) * notional
    slippage = rules.half_spread * notional + impact
    penalty = rules.penalty_rate * notional if reason == LIQUIDATED else 0.0
    for amount in (pnl, -fee, -slippage, -penalty):
        pay(account, amount)
    leg.fees += fee
    leg.slippage += slippage
    leg.impact += impact
    leg.penalty += penalty
    leg.traded += notional
    entry = new_entry(books, time, LIQUIDATION if reason == LIQUIDATED else CLOSE, leg, price)
    entry.price_pnl = pnl
    entry.fees = fee
    entry.slippage = slippage
    entry.borrow = leg.borrow - leg.transfers
    entry.penalty = penalty
    for component, amount in enumerate(
        (leg.funding, leg.realised + pnl, leg.fees, leg.slippage, leg.borrow, leg.penalty)
    ):
        add_to_component(books.sums, component, amount)
    trade = books.closed[account.n_closed]
    _describe(trade, leg)
    trade.closed_us = time
    trade.exit = price
    trade.exit_kind = kind_of_price(panel.prices.kind, leg)
    trade.exit_age_us = time - leg.priced_us
    trade.price_pnl = leg.realised + pnl
    trade.reason = reason
    trade.delisted = leg.stops_us == time
    account.n_closed += 1
    leg.active = False
    leg.next_us = NEVER
    worth -= fee + slippage + penalty
    if leg.margined and rules.cross[leg.venue] and worth < 0.0:
        _share_loss(books, leg.venue, -worth)


@compiled_in_place
def close_position(
    panel: Panel, rules: Rules, books: Books, first: int, time: int, reason: int
) -> None:
    """Close whatever legs of a position are open; ``first`` is its first slot."""
    for slot in (first, first + 1):
        if books.legs[slot].active:
            close_leg(panel, rules, books, slot, time, reason)

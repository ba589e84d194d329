"""The accounting: what happens to open legs as time passes, to the last cent.

Formulas, with side ``s`` = +1 long, -1 short, entry price ``e`` and price ``p`` per canonical base:

linear, spot
    size ``q`` in base; notional ``q p``; price P&L ``s q (p - e)``; funding ``-s q p r``.
inverse
    size ``N`` in US dollars; notional ``N``; P&L in base ``s N (1/e - 1/p)``, converted at the
    mark: ``s N (p/e - 1)``; funding in base ``-s N r / p``, converted at receipt: ``-s N r``.

A position earns a settlement at ``T`` if it was opened before ``T`` and closed at or after it: at
one instant, prices come first, then settlements, then margins are checked, then fills. Each leg
stands on its own collateral; it is liquidated where collateral, funding and P&L fall below
maintenance, and the other leg is closed with it. Before that, at the rebalancing threshold, the
other leg's surplus is moved to it; where there is none, it is left to its maintenance.

Money is summed with Neumaier's compensation: nothing is lost to rounding in millions of events.
"""

import math
from typing import Any

import numpy as np

from funding_platform.arbitrage import costs
from funding_platform.backtest.books import (
    CLOSE,
    DEPTH_IMPACT,
    HEDGE_GONE,
    LINEAR_IMPACT,
    LIQUIDATED,
    LIQUIDATION,
    REBALANCE,
    SETTLEMENT,
    Books,
    Rules,
)
from funding_platform.backtest.compiled import compiled
from funding_platform.backtest.panel import US_PER_HOUR, Panel, Prices, Settlements
from funding_platform.core.units import HOURS_PER_YEAR

_BPS = costs.BPS
_US_PER_YEAR = float(HOURS_PER_YEAR * US_PER_HOUR)
_NEVER = np.iinfo(np.int64).max
_FULL = np.iinfo(np.int64).min
_ENTRIES_OF_AN_INTERVENTION = 4
_linear_impact_bps = compiled(costs.linear_impact_bps)
_depth_impact_bps = compiled(costs.depth_impact_bps)


@compiled
def notional_of(leg: Any, price: float) -> float:
    """What a leg's size is worth at a price."""
    return float(leg.size if leg.inverse else leg.size * price)


@compiled
def price_pnl_of(leg: Any, price: float) -> float:
    """What a leg has gained since its entry, at a price."""
    if leg.inverse:
        return float(leg.sign * leg.size * (price / leg.entry - 1.0))
    return float(leg.sign * leg.size * (price - leg.entry))


@compiled
def last_known(times: Any, begin: int, end: int, time: int) -> int:
    """The last row in ``begin..end`` with a time at or before ``time``; ``begin - 1`` if none."""
    while begin < end:
        middle = (begin + end) // 2
        if times[middle] <= time:
            begin = middle + 1
        else:
            end = middle
    return begin - 1


@compiled
def fee_rate(rules: Rules, venue: int, time: int) -> float:
    """The fee in force, as a fraction; NaN where none is."""
    begin = rules.fee_first[venue]
    row = last_known(rules.fee_since_us, begin, rules.fee_first[venue + 1], time)
    return float(rules.fee_bps[row] * _BPS) if row >= begin else math.nan


@compiled
def impact_rate(panel: Panel, rules: Rules, instrument: int, notional: float, time: int) -> float:
    """Impact as a fraction of notional; NaN where the volume it depends on is unknown."""
    if rules.impact_model == LINEAR_IMPACT:
        return float(_linear_impact_bps(notional, rules.bps_per_million) * _BPS)
    if rules.impact_model == DEPTH_IMPACT:
        begin = panel.volumes.first[instrument]
        end = panel.volumes.first[instrument + 1]
        row = last_known(panel.volumes.time_us, begin, end, time)
        if row < begin:
            return math.nan
        volume = panel.volumes.volume_usd[row]
        return float(_depth_impact_bps(notional, volume, rules.depth_share) * _BPS)
    return 0.0


@compiled
def pay(account: Any, amount: float) -> None:
    """Add to cash, keeping what rounding takes (Neumaier 1974)."""
    total = account.cash + amount
    if abs(account.cash) >= abs(amount):
        account.cash_rest += (account.cash - total) + amount
    else:
        account.cash_rest += (amount - total) + account.cash
    account.cash = total


@compiled
def _sum(sums: Any, component: int, amount: float) -> None:
    """Add to a closed component, keeping what rounding takes."""
    before = sums[component, 0]
    total = before + amount
    if abs(before) >= abs(amount):
        sums[component, 1] += (before - total) + amount
    else:
        sums[component, 1] += (amount - total) + before
    sums[component, 0] = total


@compiled
def new_entry(books: Books, time: int, kind: int, leg: Any, price: float) -> Any:
    """A fresh ledger entry, amounts still zero."""
    account = books.account[0]
    entry = books.entries[account.n_entries]
    account.n_entries += 1
    entry.time_us = time
    entry.kind = kind
    entry.trade = leg.trade
    entry.price = price
    entry.rate = math.nan
    entry.funding = 0.0
    entry.price_pnl = 0.0
    entry.fees = 0.0
    entry.slippage = 0.0
    entry.borrow = 0.0
    entry.penalty = 0.0
    return entry


@compiled
def _accrue_borrow(rules: Rules, books: Books, leg: Any, time: int) -> None:
    """Charge a spot short for the time since it was last charged."""
    if leg.spot and leg.sign < 0 and rules.borrow_apr > 0:
        years = (time - leg.accrued_us) / _US_PER_YEAR
        amount = rules.borrow_apr * leg.notional * years
        leg.borrow += amount
        pay(books.account[0], -amount)
    leg.accrued_us = time


@compiled
def close_leg(panel: Panel, rules: Rules, books: Books, slot: int, time: int, reason: int) -> None:
    """Close a leg at its last price; pays fee and slippage, and the penalty if liquidated."""
    leg = books.legs[slot]
    account = books.account[0]
    _accrue_borrow(rules, books, leg, time)
    price = leg.price
    notional = notional_of(leg, price)
    pnl = price_pnl_of(leg, price)
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
        (leg.funding, pnl, leg.fees, leg.slippage, leg.borrow, leg.penalty)
    ):
        _sum(books.sums, component, amount)
    books.closed[account.n_closed].leg = leg
    trade = books.closed[account.n_closed]
    trade.closed_us = time
    trade.exit = price
    trade.price_pnl = pnl
    trade.reason = reason
    account.n_closed += 1
    leg.active = False
    leg.next_us = _NEVER


@compiled
def close_position(
    panel: Panel, rules: Rules, books: Books, first: int, time: int, reason: int
) -> None:
    """Close whatever legs of a position are open; ``first`` is its first slot."""
    for slot in (first, first + 1):
        if books.legs[slot].active:
            close_leg(panel, rules, books, slot, time, reason)


@compiled
def _value(leg: Any) -> float:
    """What a leg's collateral is worth now."""
    return float(leg.margin + price_pnl_of(leg, leg.price))


@compiled
def _can_rebalance(rules: Rules, one: Any, other: Any) -> bool:
    """Whether a transfer would leave both legs above the threshold."""
    if not (one.active and other.active) or one.spot or other.spot:  # coins are no collateral
        return False
    total = _value(one) + _value(other) - rules.transfer_usd
    left = 1.0 - rules.rebalance_threshold
    return bool(total > left * (one.collateral + other.collateral))


@compiled
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


@compiled
def _intervene(panel: Panel, rules: Rules, books: Books, first: int, time: int) -> None:
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


@compiled
def _walk(
    settlements: Settlements,
    prices: Prices,
    leg: Any,
    account: Any,
    entries: Any,
    limit: int,
    until: int,
    maintenance_rate: float,
) -> int:
    """Let one leg pass through its prices and settlements up to and including ``until``.

    Plain local numbers instead of records: this loop is where the time of a run goes.

    Returns
    -------
    int
        ``_NEVER``; or the instant after whose price and settlement the leg fell below its floor or
        its maintenance requirement; or ``_FULL`` when the ledger has reached ``limit``.
    """
    times, marks, rates = settlements.time_us, settlements.price, settlements.rate
    hours, points, quotes = settlements.interval_hours, prices.time_us, prices.price
    row, point = leg.next_settlement, leg.next_price
    first_row, end = settlements.first[leg.instrument], settlements.first[leg.instrument + 1]
    last_point = prices.first[leg.source + 1]
    sign, size, entry_price, inverse = leg.sign, leg.size, leg.entry, leg.inverse
    floor, margined, trade = leg.floor, leg.margined, leg.trade
    price, margin, funding = leg.price, leg.margin, leg.funding
    cash, rest, count, missed = account.cash, account.cash_rest, account.n_entries, 0
    begun = row
    stopped = _NEVER
    while True:
        settles = times[row] if row < end else _NEVER
        quoted = points[point] if point < last_point else _NEVER
        now = min(settles, quoted)
        if now > until:
            break
        if count >= limit:
            stopped = _FULL
            break
        if quoted == now:
            price = quotes[point]
            point += 1
        if settles == now:
            mark = marks[row]
            if math.isnan(mark):
                mark = price
            amount = -sign * (size if inverse else size * mark) * rates[row]
            margin += amount
            funding += amount
            total = cash + amount  # as in ``pay``
            if abs(cash) >= abs(amount):
                rest += (cash - total) + amount
            else:
                rest += (amount - total) + cash
            cash = total
            if row > first_row and now - times[row - 1] > 1.5 * hours[row] * US_PER_HOUR:
                missed += round((now - times[row - 1]) / (hours[row] * US_PER_HOUR)) - 1
            entry = entries[count]
            entry.time_us = now
            entry.kind = SETTLEMENT
            entry.trade = trade
            entry.price = mark
            entry.rate = rates[row]
            entry.funding = amount
            entry.price_pnl = 0.0
            entry.fees = 0.0
            entry.slippage = 0.0
            entry.borrow = 0.0
            entry.penalty = 0.0
            count += 1
            row += 1
        if margined:
            move = price / entry_price - 1.0 if inverse else price - entry_price
            value = margin + sign * size * move
            required = maintenance_rate * (size if inverse else size * price)
            if value < required or value < floor:
                stopped = now
                break
    leg.next_settlement = row
    leg.next_price = point
    leg.settlements += row - begun
    leg.price = price
    leg.margin = margin
    leg.funding = funding
    account.cash = cash
    account.cash_rest = rest
    account.n_entries = count
    account.missed += missed
    leg.next_us = min(
        times[row] if row < end else _NEVER, points[point] if point < last_point else _NEVER
    )
    return stopped


@compiled
def _walk_both(panel: Panel, rules: Rules, books: Books, first: int, until: int, limit: int) -> int:
    """Walk the open legs of a position; the earliest instant at which one stopped."""
    stopped = _NEVER
    for slot in (first, first + 1):
        if books.legs[slot].active:
            stopped = min(
                stopped,
                _walk(
                    panel.settlements,
                    panel.prices,
                    books.legs[slot],
                    books.account[0],
                    books.entries,
                    limit,
                    until,
                    rules.maintenance_rate,
                ),
            )
    return stopped


@compiled
def _advance_position(
    panel: Panel, rules: Rules, books: Books, first: int, until: int, limit: int
) -> bool:
    """Let time pass for a position; False if the ledger is full, and nothing has happened.

    Legs walk one after the other. Where one stops for its margin, both begin again and walk to
    that instant only, so that none has seen what came after.
    """
    while min(books.legs[first].next_us, books.legs[first + 1].next_us) <= until:
        books.saved_legs[0] = books.legs[first]
        books.saved_legs[1] = books.legs[first + 1]
        books.saved_account[0] = books.account[0]
        stopped = _walk_both(panel, rules, books, first, until, limit)
        if stopped == _NEVER:
            break
        books.legs[first] = books.saved_legs[0]
        books.legs[first + 1] = books.saved_legs[1]
        books.account[0] = books.saved_account[0]
        if stopped == _FULL:
            return False
        if _walk_both(panel, rules, books, first, stopped, limit) == _FULL:
            return False
        _intervene(panel, rules, books, first, stopped)
    return True


@compiled
def advance(panel: Panel, rules: Rules, books: Books, until: int) -> bool:
    """Let time pass up to and including ``until`` for every open leg.

    Returns
    -------
    bool
        False if the ledger is full: enlarge it and call again, nothing is done twice.
    """
    limit = len(books.entries) - len(books.legs) - _ENTRIES_OF_AN_INTERVENTION
    for first in range(0, len(books.legs), 2):
        if not _advance_position(panel, rules, books, first, until, limit):
            return False
    for slot in range(len(books.legs)):
        if books.legs[slot].active:
            _accrue_borrow(rules, books, books.legs[slot], until)
    return True


@compiled
def take_stock(books: Books, capital: float) -> None:
    """Value the account: equity, notionals and locked collateral, at the legs' last prices."""
    account = books.account[0]
    unrealised = gross = net = locked = 0.0
    for slot in range(len(books.legs)):
        leg = books.legs[slot]
        if leg.active:
            notional = notional_of(leg, leg.price)
            unrealised += price_pnl_of(leg, leg.price)
            gross += notional
            net += leg.sign * notional
            locked += leg.collateral
    account.unrealised = unrealised
    account.gross = gross
    account.net = net
    account.locked = locked
    account.equity = capital + ((account.cash + unrealised) + account.cash_rest)


@compiled
def component_sums(books: Books, found: Any) -> None:
    """The six components since the start, closed legs and open ones, written into ``found``."""
    for component in range(6):
        found[component] = books.sums[component, 0] + books.sums[component, 1]
    for slot in range(len(books.legs)):
        leg = books.legs[slot]
        if leg.active:
            found[0] += leg.funding
            found[1] += price_pnl_of(leg, leg.price)
            found[2] += leg.fees
            found[3] += leg.slippage
            found[4] += leg.borrow
            found[5] += leg.penalty

"""The books as they are written: cash, ledger entries, sums, and what all of it is worth.

Money is summed with Neumaier's compensation: nothing is lost to rounding in millions of events.
"""

import math
from typing import Any

from funding_platform.backtest.books import COMPONENT_FIELDS, Books, Rules
from funding_platform.backtest.kernel.pricing import notional_of, open_pnl_of, price_pnl_of
from funding_platform.core.system.compiled import compiled_in_place
from funding_platform.core.time_grid import HOUR_US
from funding_platform.core.units import HOURS_PER_YEAR

_US_PER_YEAR = float(HOURS_PER_YEAR * HOUR_US)
_COMPONENTS = len(COMPONENT_FIELDS)


@compiled_in_place
def added(total: float, rest: float, amount: float) -> tuple[float, float]:
    """Add an amount to a sum and to what rounding has taken from it (Neumaier 1974)."""
    after = total + amount
    if abs(total) >= abs(amount):
        return after, rest + ((total - after) + amount)
    return after, rest + ((amount - after) + total)


@compiled_in_place
def pay(account: Any, amount: float) -> None:
    """Add to cash."""
    account.cash, account.cash_rest = added(account.cash, account.cash_rest, amount)


@compiled_in_place
def add_to_component(sums: Any, component: int, amount: float) -> None:
    """Add to what closed legs have left in a component."""
    sums[component, 0], sums[component, 1] = added(sums[component, 0], sums[component, 1], amount)


@compiled_in_place
def write(entry: Any, time: int, kind: int, trade: int, price: float) -> None:
    """Begin a ledger entry, all its amounts zero."""
    entry.time_us = time
    entry.kind = kind
    entry.trade = trade
    entry.price = price
    entry.rate = math.nan
    entry.funding = 0.0
    entry.price_pnl = 0.0
    entry.fees = 0.0
    entry.slippage = 0.0
    entry.borrow = 0.0
    entry.penalty = 0.0


@compiled_in_place
def new_entry(books: Books, time: int, kind: int, leg: Any, price: float) -> Any:
    """Write the next entry of the ledger, amounts still zero."""
    account = books.account[0]
    entry = books.entries[account.n_entries]
    account.n_entries += 1
    write(entry, time, kind, leg.trade, price)
    return entry


@compiled_in_place
def accrue_borrow(rules: Rules, books: Books, leg: Any, time: int) -> None:
    """Charge a spot short for the time since it was last charged."""
    if leg.spot and leg.sign < 0 and rules.borrow_apr > 0:
        years = (time - leg.accrued_us) / _US_PER_YEAR
        amount = rules.borrow_apr * leg.notional * years
        leg.borrow += amount
        pay(books.account[0], -amount)
    leg.accrued_us = time


@compiled_in_place
def take_stock(books: Books, capital: float) -> None:
    """Value the account: equity, notionals and locked collateral, at the legs' last prices."""
    account = books.account[0]
    unrealised = gross = net = locked = 0.0
    for slot in range(len(books.legs)):
        leg = books.legs[slot]
        if leg.active:
            notional = notional_of(leg, leg.price)
            unrealised += open_pnl_of(leg, leg.price)
            gross += notional
            net += leg.sign * notional
            locked += leg.collateral
    account.unrealised = unrealised
    account.gross = gross
    account.net = net
    account.locked = locked
    account.equity = capital + ((account.cash + unrealised) + account.cash_rest)


@compiled_in_place
def component_sums(books: Books, found: Any) -> None:
    """Write into ``found`` the six components since the start, of closed legs and open ones."""
    for component in range(_COMPONENTS):
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

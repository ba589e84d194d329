"""The passing of time: prices, settlements and margin checks of open legs, on their own clocks.

A position earns a settlement at ``T`` if it was opened before ``T`` and closed at or after it: at
one instant, prices come first, then settlements, then margins are checked, then fills.
"""

import math
from typing import Any

import numpy as np

from funding_platform.backtest.books import NEVER, SETTLEMENT, Books, Rules
from funding_platform.backtest.data.panel import Panel, Prices, Settlements
from funding_platform.backtest.kernel.accounts import accrue_borrow, added, write
from funding_platform.backtest.kernel.margins import intervene
from funding_platform.core.compiled import compiled_in_place
from funding_platform.core.time_grid import HOUR_US

_FULL = np.iinfo(np.int64).min
_ENTRIES_OF_AN_INTERVENTION = 4


@compiled_in_place
def next_event(settlements: Settlements, prices: Prices, leg: Any) -> int:
    """Find when a leg's next settlement or price is, the earlier; ``NEVER`` after the last."""
    row, point = leg.next_settlement, leg.next_price
    return min(
        settlements.time_us[row] if row < settlements.first[leg.instrument + 1] else NEVER,
        prices.time_us[point] if point < prices.first[leg.source + 1] else NEVER,
    )


@compiled_in_place
def _missed(elapsed: int, held: int, before: float, after: float) -> int:
    """Count settlements that are absent between two, by their spacing, while a leg was held.

    Where the two state different intervals the longer one counts; 0 where none is known.
    """
    interval = max(before, after) * HOUR_US
    if not elapsed > 1.5 * interval:
        return 0
    return min(round(elapsed / interval) - 1, math.ceil(held / interval) - 1)


@compiled_in_place
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
        ``NEVER``; or the instant after whose price and settlement the leg fell below its floor or
        its maintenance requirement; or ``_FULL`` when the ledger has reached ``limit``.
    """
    times, marks, rates = settlements.time_us, settlements.price, settlements.rate
    hours, points, quotes = settlements.interval_hours, prices.time_us, prices.price
    row, point = leg.next_settlement, leg.next_price
    first_row, end = settlements.first[leg.instrument], settlements.first[leg.instrument + 1]
    last_point = prices.first[leg.source + 1]
    sign, size, entry_price, inverse = leg.sign, leg.size, leg.entry, leg.inverse
    floor, margined, trade, opened = leg.floor, leg.margined, leg.trade, leg.opened_us
    price, margin, funding = leg.price, leg.margin, leg.funding
    cash, rest, count, missed = account.cash, account.cash_rest, account.n_entries, 0
    begun = row
    stopped = NEVER
    while True:
        settles = times[row] if row < end else NEVER
        quoted = points[point] if point < last_point else NEVER
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
            cash, rest = added(cash, rest, amount)
            if row > first_row:
                last = times[row - 1]
                held = now - max(last, opened)
                missed += _missed(now - last, held, hours[row - 1], hours[row])
            entry = entries[count]
            write(entry, now, SETTLEMENT, trade, mark)
            entry.rate = rates[row]
            entry.funding = amount
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
    leg.next_us = next_event(settlements, prices, leg)
    return stopped


@compiled_in_place
def _walk_both(panel: Panel, rules: Rules, books: Books, first: int, until: int, limit: int) -> int:
    """Walk the open legs of a position; the earliest instant at which one stopped."""
    stopped = NEVER
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


@compiled_in_place
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
        if stopped == NEVER:
            break
        books.legs[first] = books.saved_legs[0]
        books.legs[first + 1] = books.saved_legs[1]
        books.account[0] = books.saved_account[0]
        if stopped == _FULL:
            return False
        if _walk_both(panel, rules, books, first, stopped, limit) == _FULL:
            return False
        intervene(panel, rules, books, first, stopped)
    return True


@compiled_in_place
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
            accrue_borrow(rules, books, books.legs[slot], until)
    return True

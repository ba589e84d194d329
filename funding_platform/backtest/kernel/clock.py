"""The passing of time: prices, settlements and margin checks of open legs, on their own clocks.

A position earns a settlement at ``T`` if it was opened before ``T`` and closed at or after it: at
one instant, prices come first, then settlements, then margins are checked, then fills.
"""

import math
from typing import Any

import numpy as np

from funding_platform.backtest.books import DELISTED, NEVER, SETTLEMENT, Books, Rules
from funding_platform.backtest.data.coins import NO_COIN
from funding_platform.backtest.data.panel import Panel, Settlements
from funding_platform.backtest.data.reference import SAME_INSTANT_US, Reference
from funding_platform.backtest.kernel.accounts import accrue_borrow, added, write
from funding_platform.backtest.kernel.closing import close_position
from funding_platform.backtest.kernel.maintenance import tier_of
from funding_platform.backtest.kernel.margins import intervene, receive
from funding_platform.backtest.kernel.pricing import (
    coin_row,
    funding_usd,
    margin_of,
    notional_usd,
    pnl_usd,
    revalue_coins,
    worth_usd,
)
from funding_platform.core.system.compiled import compiled_in_place, compiled_into_callers
from funding_platform.core.time_grid import HOUR_US

_FULL = np.iinfo(np.int64).min
_ENTRIES_OF_AN_INTERVENTION = 8


@compiled_in_place
def next_event(settlements: Settlements, reference: Reference, base: Any, leg: Any) -> int:
    """When a leg next settles or a price of its base is stated; ``NEVER`` after the last.

    ``base`` has the number of each instrument's base.
    """
    row, step = leg.next_settlement, leg.next_move
    last = reference.first[base[leg.instrument] + 1]
    return min(
        settlements.time_us[row] if row < settlements.first[leg.instrument + 1] else NEVER,
        reference.time_us[step] if step < last else NEVER,
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
def _worth(
    inverse: bool, signed: float, entry: float, margin: float, price: float
) -> tuple[float, float]:
    """Collateral and open profit of a leg at a price, and its notional; ``maintenance`` explains.

    ``signed`` is the side times the size; what is in a quanto contract's coin is in dollars here.
    """
    pnl = pnl_usd(inverse, signed, entry, price, 1.0)
    worth = worth_usd(inverse, margin, pnl, price, 1.0)
    return worth, notional_usd(inverse, abs(signed), price, 1.0)


@compiled_into_callers
def _walk(
    panel: Panel, rules: Rules, leg: Any, account: Any, entries: Any, limit: int, until: int
) -> int:
    """Let one leg pass through prices and settlements up to and including ``until``.

    Prices are stated for its base: where its own source does not, its price moves with the others,
    so that all legs of a base have passed through the same instants. Plain local numbers instead of
    records: this loop is where the time of a run goes.

    Returns
    -------
    int
        ``NEVER``; or the instant after whose price and settlement the leg fell below its floor or
        its maintenance requirement, at the extreme of a bar that ended then; or ``_FULL`` when the
        ledger has reached ``limit``.
    """
    settlements, prices, reference = panel.settlements, panel.prices, panel.reference
    times, marks, rates = settlements.time_us, settlements.price, settlements.rate
    hours, points, quotes = settlements.interval_hours, prices.time_us, prices.price
    instants, moves, sources = reference.time_us, reference.move, reference.sources
    row, point, step = leg.next_settlement, leg.next_price, leg.next_move
    first_row, end = settlements.first[leg.instrument], settlements.first[leg.instrument + 1]
    last_point = prices.first[leg.source + 1]
    last_step = reference.first[panel.facts.base[leg.instrument] + 1]
    sign, size, entry_price, inverse = leg.sign, leg.size, leg.entry, leg.inverse
    floor, margined, trade, opened = leg.floor, leg.margined, leg.trade, leg.opened_us
    price, margin, funding = leg.price, leg.margin, leg.funding
    stamped, priced, carried, lone = leg.stamped_us, leg.priced_us, leg.carried, leg.lone
    venue, signed, coin, coin_usd = leg.venue, sign * size, leg.coin, leg.coin_usd
    if coin != NO_COIN:  # in dollars, as all others
        signed, margin = signed * coin_usd, margin * coin_usd
    rate, amount_of_tier, tier_from, tier_to = tier_of(
        rules, venue, notional_usd(inverse, size, price, coin_usd)
    )
    against = prices.low if sign > 0 else prices.high
    has_bars = margined and len(against) > 0
    cash, rest, count, missed = account.cash, account.cash_rest, account.n_entries, 0
    begun = row
    stopped = NEVER
    while True:
        settles = times[row] if row < end else NEVER
        quoted = instants[step] if step < last_step else NEVER
        now = min(settles, quoted)
        if now > until:
            break
        if count >= limit:
            stopped = _FULL
            break
        if quoted == now:
            if point < last_point and points[point] == now:
                price, stamped, carried = quotes[point], now, False
                point += 1
            elif now - stamped >= SAME_INSTANT_US:
                price *= moves[step]
                carried = True
                lone = lone or sources[step] == 1
            priced = now
            step += 1
        if coin != NO_COIN:
            moved = panel.coins.price[coin_row(panel.coins, coin, now)] / coin_usd
            signed, margin, coin_usd = signed * moved, margin * moved, coin_usd * moved
        if settles == now:
            mark = marks[row]
            if math.isnan(mark):
                mark = price
            amount = funding_usd(inverse, signed, mark, rates[row], 1.0)
            margin += margin_of(inverse, amount, mark, 1.0)
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
            value, notional = _worth(inverse, signed, entry_price, margin, price)
            if not tier_from <= notional < tier_to:
                rate, amount_of_tier, tier_from, tier_to = tier_of(rules, venue, notional)
            if value < rate * notional - amount_of_tier or value < floor:
                stopped = now
                break
            if has_bars and stamped == now and against[point - 1] > 0.0:
                value, notional = _worth(inverse, signed, entry_price, margin, against[point - 1])
                rate, amount_of_tier, tier_from, tier_to = tier_of(rules, venue, notional)
                if value < rate * notional - amount_of_tier:
                    stopped = now
                    break
    leg.next_settlement = row
    leg.next_price = point
    leg.next_move = step
    leg.stamped_us = stamped
    leg.priced_us = priced
    leg.carried = carried
    leg.lone = lone
    leg.settlements += row - begun
    leg.price = price
    leg.coin_usd = coin_usd
    leg.margin = margin if coin == NO_COIN else margin / coin_usd
    leg.funding = funding
    account.cash = cash
    account.cash_rest = rest
    account.n_entries = count
    account.missed += missed
    leg.next_us = next_event(settlements, reference, panel.facts.base, leg)
    return stopped


@compiled_into_callers
def _walk_all(
    panel: Panel, rules: Rules, books: Books, begin: int, end: int, until: int, limit: int
) -> int:
    """Walk the open legs of some slots; the earliest instant at which one stopped."""
    stopped = NEVER
    for slot in range(begin, end):
        leg = books.legs[slot]
        if leg.active:
            stopped = min(
                stopped, _walk(panel, rules, leg, books.account[0], books.entries, limit, until)
            )
    return stopped


@compiled_into_callers
def _due(books: Books, begin: int, end: int) -> tuple[int, int]:
    """When the open legs of some slots have their next event; and the next end or arrival."""
    event = halt = NEVER
    for slot in range(begin, end):
        leg = books.legs[slot]
        if leg.active:
            event = min(event, leg.next_us)
            halt = min(halt, leg.stops_us, leg.arrives_us)
    return event, halt


@compiled_into_callers
def _step(
    panel: Panel, rules: Rules, books: Books, begin: int, end: int, until: int, limit: int
) -> int:
    """Walk some slots to ``until``, or to the first margin call before it, which is answered.

    Legs walk one after the other. Where one stops for its margin, all begin again and walk to that
    instant only, so that none has seen what came after.

    Returns
    -------
    int
        When one stopped; ``NEVER``; or ``_FULL`` if the ledger is, and nothing has happened.
    """
    for slot in range(begin, end):
        books.saved_legs[slot] = books.legs[slot]
    books.saved_account[0] = books.account[0]
    stopped = _walk_all(panel, rules, books, begin, end, until, limit)
    if stopped == NEVER:
        return stopped
    for slot in range(begin, end):
        books.legs[slot] = books.saved_legs[slot]
    books.account[0] = books.saved_account[0]
    if stopped == _FULL:
        return stopped
    if _walk_all(panel, rules, books, begin, end, stopped, limit) == _FULL:
        return _FULL
    revalue_coins(panel.coins, books, begin, end, stopped)
    for first in range(begin, end, 2):
        intervene(panel, rules, books, first, stopped)
    return stopped


@compiled_into_callers
def _advance_slots(
    panel: Panel, rules: Rules, books: Books, begin: int, end: int, until: int, limit: int
) -> bool:
    """Let time pass for some positions; False if the ledger is full.

    On the way collateral arrives, and where the market of a leg ends its position is closed at that
    instant.
    """
    while True:
        event, halt = _due(books, begin, end)
        target = min(until, halt)
        if event <= target:
            if _step(panel, rules, books, begin, end, target, limit) == _FULL:
                return False
            continue
        if halt > until:
            return True
        revalue_coins(panel.coins, books, begin, end, halt)
        for first in range(begin, end, 2):
            receive(rules, books, first, halt)
            one, other = books.legs[first], books.legs[first + 1]
            if (one.active and one.stops_us == halt) or (other.active and other.stops_us == halt):
                close_position(panel, rules, books, first, halt, DELISTED)


@compiled_in_place
def advance(panel: Panel, rules: Rules, books: Books, until: int) -> bool:
    """Let time pass up to and including ``until`` for every open leg.

    Position after position, or event after event where positions share collateral.

    Returns
    -------
    bool
        False if the ledger is full: enlarge it and call again, nothing is done twice.
    """
    slots = len(books.legs)
    limit = len(books.entries) - slots - _ENTRIES_OF_AN_INTERVENTION
    together = slots if rules.cross.any() else 2
    for first in range(0, slots, together):
        if not _advance_slots(panel, rules, books, first, first + together, until, limit):
            return False
    revalue_coins(panel.coins, books, 0, slots, until)
    for slot in range(slots):
        if books.legs[slot].active:
            accrue_borrow(rules, books, books.legs[slot], until)
    return True

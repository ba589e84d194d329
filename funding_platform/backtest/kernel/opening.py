"""Opening positions: what they are valued at, how large they may be, what the fills cost.

Apart from the passing of time (``clock``), because a fill can be refused and says why.
"""

import math
from typing import Any

from funding_platform.backtest.books import (
    BELOW_STEP,
    FILLED,
    GAP_WIDE,
    NEVER,
    NO_CAPITAL,
    NO_PRICE,
    NO_VOLUME,
    NOT_TRADED,
    OLD_PRICE,
    OPEN,
    UNDER_MARGINED,
    VENUE_FULL,
    Books,
    Rules,
)
from funding_platform.backtest.data.coins import NO_COIN
from funding_platform.backtest.data.panel import Panel
from funding_platform.backtest.kernel.accounts import new_entry, pay, take_stock
from funding_platform.backtest.kernel.clock import next_event
from funding_platform.backtest.kernel.maintenance import find_tier
from funding_platform.backtest.kernel.pricing import (
    base_of,
    carry,
    coin_row,
    fee_rate,
    impact_rate,
    kind_of_price,
    last_known,
    last_settled,
    margin_of,
    notional_of,
    size_of_base,
)
from funding_platform.core.market.price_gap import price_gap_bps
from funding_platform.core.system.compiled import compiled, compiled_in_place

_STEP_ROUNDING = 1e-9
_price_gap_bps = compiled(price_gap_bps)


@compiled_in_place
def _find_price(first: Any, times: Any, instrument: int, since: int, time: int) -> int:
    """Find the row of the last price, if it is not from before ``since``; -1 otherwise."""
    begin = first[instrument]
    row = last_known(times, begin, first[instrument + 1], time)
    return -1 if row < begin or times[row] < since else int(row)


@compiled_in_place
def _prepare(
    panel: Panel,
    rules: Rules,
    books: Books,
    slot: int,
    instrument: int,
    other: int,
    sign: float,
    time: int,
) -> int:
    """Fill in what a leg is and what it is valued at; ``FILLED``, or why it cannot be.

    Where its market has stated no price of late it is valued at the other's; where it has, but not
    at this instant, at that price moved with the base.
    """
    leg = books.legs[slot]
    leg.stops_us = rules.stops_us[instrument]
    prices, since = panel.prices, time - rules.stale_us
    row = _find_price(prices.first, prices.time_us, instrument, since, time)
    seen = row >= 0 or last_settled(panel.settlements, instrument, time) >= since
    if time >= leg.stops_us or not seen:
        return NOT_TRADED
    leg.instrument = instrument
    leg.source = instrument
    if row < 0 and other >= 0:
        leg.source = other
        row = _find_price(prices.first, prices.time_us, other, since, time)
    if row < 0:
        return NO_PRICE
    leg.next_price = row + 1
    leg.price = prices.price[row]
    leg.stamped_us = prices.time_us[row]
    carry(panel.reference, panel.facts.base[instrument], leg, time)
    leg.price_age_us = time - leg.priced_us
    if leg.price_age_us > rules.price_age_us:
        return OLD_PRICE
    leg.coin = panel.coins.of[instrument]
    leg.coin_usd = 1.0
    if leg.coin != NO_COIN:
        row = coin_row(panel.coins, leg.coin, time)
        if row < 0:
            return NO_PRICE
        if time - panel.coins.time_us[row] > rules.price_age_us:
            return OLD_PRICE
        leg.coin_usd = panel.coins.price[row]
    leg.source_kind = kind_of_price(panel.prices.kind, leg)
    leg.entry = leg.price
    leg.sign = sign
    leg.inverse = panel.facts.inverse[instrument]
    leg.spot = panel.facts.spot[instrument]
    leg.venue = panel.facts.venue[instrument]
    series = panel.settlements
    leg.next_settlement = 1 + last_known(
        series.time_us, series.first[instrument], series.first[instrument + 1], time
    )
    leg.margined = not (leg.spot and sign > 0)
    leg.opened_us = time
    leg.accrued_us = time
    return FILLED


@compiled_in_place
def _size(
    panel: Panel, rules: Rules, books: Books, first: int, count: int, size_usd: float
) -> bool:
    """Give legs the same amount of base, in their steps; False if nothing is left.

    The coarser step rounds the amount down; the other leg takes the multiple of its own step
    that is nearest to that, which is the same amount wherever one step divides the other.
    """
    price = coarse = 0.0
    for slot in range(first, first + count):
        leg = books.legs[slot]
        price += leg.price / count
        step = panel.facts.step[leg.instrument]
        coarse = max(coarse, base_of(leg.inverse, step, leg.price, leg.coin_usd))
    amount = size_usd / price
    if coarse > 0.0:
        amount = math.floor(amount / coarse + _STEP_ROUNDING) * coarse
    for slot in range(first, first + count):
        leg = books.legs[slot]
        step = panel.facts.step[leg.instrument]
        leg.size = size_of_base(leg.inverse, amount, leg.price, leg.coin_usd)
        if step > 0.0:
            leg.size = math.ceil(leg.size / step - 0.5) * step
        if leg.size <= 0.0:
            return False
        leg.notional = notional_of(leg, leg.price)
        leg.quantity = leg.notional / leg.price
        leg.collateral = leg.notional if leg.spot else leg.notional / rules.leverage
    return True


@compiled_in_place
def _venue_has_room(panel: Panel, rules: Rules, books: Books, first: int, count: int) -> bool:
    """Tell whether the cap on every venue of the new legs still holds with them."""
    for new in range(first, first + count):
        venue = panel.facts.venue[books.legs[new].instrument]
        total = 0.0
        for slot in range(len(books.legs)):
            leg = books.legs[slot]
            is_new = first <= slot < first + count
            if (leg.active or is_new) and panel.facts.venue[leg.instrument] == venue:
                total += leg.notional
        if total > rules.max_venue_usd:
            return False
    return True


@compiled_in_place
def _charge(panel: Panel, rules: Rules, books: Books, first: int, count: int, time: int) -> float:
    """Write the costs of opening onto the legs; their sum, NaN where impact is unknown."""
    total = 0.0
    for slot in range(first, first + count):
        leg = books.legs[slot]
        leg.impact = impact_rate(panel, rules, leg.instrument, leg.notional, time) * leg.notional
        leg.slippage = rules.half_spread * leg.notional + leg.impact
        leg.fees = fee_rate(rules, panel.facts.venue[leg.instrument], time) * leg.notional
        leg.margin = margin_of(leg.inverse, leg.collateral, leg.price, leg.coin_usd)
        leg.traded = leg.notional
        leg.funding = leg.borrow = leg.transfers = leg.penalty = 0.0
        leg.arriving = leg.realised = 0.0
        leg.arrives_us = NEVER
        leg.settlements = 0
        leg.floor = -math.inf
        if count == 2 and leg.margined:
            leg.floor = (1.0 - rules.rebalance_threshold) * leg.collateral
        total += leg.slippage + leg.fees
    return total


@compiled_in_place
def _affordable(rules: Rules, books: Books, first: int, count: int, costs: float) -> bool:
    """Tell whether equity covers all collateral, the new legs' and their costs included."""
    take_stock(books, rules.capital_usd)
    account = books.account[0]
    needed = costs
    for slot in range(first, first + count):
        needed += books.legs[slot].collateral
    return bool(account.equity - account.locked >= needed)


@compiled_in_place
def open_position(
    panel: Panel,
    rules: Rules,
    books: Books,
    first: int,
    time: int,
    long: int,
    short: int,
    size_usd: float,
    position: int,
) -> int:
    """Open a position in the free slots ``first`` and ``first + 1``, or say why not.

    Parameters
    ----------
    long, short
        Instruments; -1 for none. A single leg takes the first slot.

    Returns
    -------
    int
        A number of ``books.REFUSALS``; nothing has changed unless it is ``FILLED``.
    """
    count = 0
    gap = 0.0
    for instrument, other, sign in ((long, short, 1.0), (short, long, -1.0)):
        if instrument >= 0:
            status = _prepare(panel, rules, books, first + count, instrument, other, sign, time)
            if status != FILLED:
                return status
            count += 1
    if count == 2:
        gap = _price_gap_bps(books.legs[first].price, books.legs[first + 1].price)
    if abs(gap) > rules.price_gap_bps:
        return GAP_WIDE
    if not _size(panel, rules, books, first, count, size_usd):
        return BELOW_STEP
    costs = _charge(panel, rules, books, first, count, time)
    if math.isnan(costs):
        return NO_VOLUME
    for slot in range(first, first + count):
        leg = books.legs[slot]
        row = find_tier(rules.tier_first, rules.tier_from, leg.venue, leg.notional)
        required = rules.tier_rate[row] * leg.notional - rules.tier_amount[row]
        if leg.margined and leg.collateral <= required:
            return UNDER_MARGINED
    if not _venue_has_room(panel, rules, books, first, count):
        return VENUE_FULL
    if not _affordable(rules, books, first, count, costs):
        return NO_CAPITAL
    account = books.account[0]
    for slot in range(first, first + count):
        leg = books.legs[slot]
        leg.trade = account.trades
        leg.position = position
        leg.active = True
        leg.next_us = next_event(panel.settlements, panel.reference, panel.facts.base, leg)
        account.trades += 1
        pay(account, -leg.fees)
        pay(account, -leg.slippage)
        entry = new_entry(books, time, OPEN, leg, leg.price)
        entry.fees = leg.fees
        entry.slippage = leg.slippage
    return FILLED

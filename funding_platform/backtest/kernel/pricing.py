"""What a leg is worth at a price, and what a fill costs at an instant.

The formulas of linear, inverse and quanto contracts are those of ``core.trading.payoffs``; coins
that are owned, or borrowed, count as linear.
"""

import math
from typing import Any

from funding_platform.arbitrage import costs
from funding_platform.backtest.books import (
    DEPTH_IMPACT,
    LINEAR_IMPACT,
    NOT_YET,
    PROXY,
    REFERENCE,
    Books,
    Rules,
)
from funding_platform.backtest.data.coins import NO_COIN, Coins
from funding_platform.backtest.data.panel import Panel, Settlements
from funding_platform.backtest.data.reference import SAME_INSTANT_US, Reference
from funding_platform.core.arrays import Ints
from funding_platform.core.system.compiled import compiled, compiled_in_place
from funding_platform.core.trading import payoffs

_BPS = costs.BPS
_linear_impact_bps = compiled(costs.linear_impact_bps)
_depth_impact_bps = compiled(costs.depth_impact_bps)

notional_usd = compiled_in_place(payoffs.notional_usd)
pnl_usd = compiled_in_place(payoffs.pnl_usd)
funding_usd = compiled_in_place(payoffs.funding_usd)
base_of = compiled_in_place(payoffs.base_of)
size_of_base = compiled_in_place(payoffs.size_of_base)
margin_of = compiled_in_place(payoffs.margin_of)
worth_usd = compiled_in_place(payoffs.worth_usd)


@compiled_in_place
def notional_of(leg: Any, price: float) -> float:
    """Compute what a leg's size is worth at a price."""
    return float(notional_usd(leg.inverse, leg.size, price, leg.coin_usd))


@compiled_in_place
def open_pnl_of(leg: Any, price: float) -> float:
    """Compute what the open part of a leg has gained since its entry, at a price."""
    return float(pnl_usd(leg.inverse, leg.sign * leg.size, leg.entry, price, leg.coin_usd))


@compiled_in_place
def price_pnl_of(leg: Any, price: float) -> float:
    """Compute what a leg has gained since its entry, with what has been closed of it."""
    return float(leg.realised + open_pnl_of(leg, price))


@compiled_in_place
def last_known(times: Any, begin: int, end: int, time: int) -> int:
    """Find the last row in ``begin..end`` with a time not after ``time``; ``begin - 1`` if none."""
    while begin < end:
        middle = (begin + end) // 2
        if times[middle] <= time:
            begin = middle + 1
        else:
            end = middle
    return begin - 1


@compiled_in_place
def coin_row(coins: Coins, coin: int, time: int) -> int:
    """Find the row of a coin's last known price; -1 where none was known yet."""
    begin = coins.first[coin]
    row = last_known(coins.time_us, begin, coins.first[coin + 1], time)
    return -1 if row < begin else int(row)


@compiled_in_place
def revalue_coins(coins: Coins, books: Books, begin: int, end: int, time: int) -> None:
    """Value what the quanto legs of some slots pay in as of a time; they had a value before."""
    for slot in range(begin, end):
        leg = books.legs[slot]
        if leg.active and leg.coin != NO_COIN:
            leg.coin_usd = coins.price[coin_row(coins, leg.coin, time)]


@compiled_in_place
def carry(reference: Reference, base: int, leg: Any, time: int) -> None:
    """Move the price that a leg's source stated at ``stamped_us`` with the base, up to a time."""
    begin, end = reference.first[base], reference.first[base + 1]
    row = 1 + last_known(reference.time_us, begin, end, leg.stamped_us)
    leg.priced_us = leg.stamped_us
    leg.carried = leg.lone = False
    while row < end and reference.time_us[row] <= time:
        leg.priced_us = reference.time_us[row]
        if leg.priced_us - leg.stamped_us >= SAME_INSTANT_US:
            leg.price *= reference.move[row]
            leg.carried = True
            leg.lone = leg.lone or reference.sources[row] == 1
        row += 1
    leg.next_move = row


@compiled_in_place
def kind_of_price(kinds: Any, leg: Any) -> int:
    """Tell what a leg is valued at now: a number in ``PRICE_KINDS``, ``REFERENCE`` or ``PROXY``."""
    if leg.source != leg.instrument:
        return PROXY
    return REFERENCE if leg.carried else int(kinds[leg.next_price - 1])


@compiled_in_place
def last_settled(settlements: Settlements, instrument: int, time: int) -> int:
    """When the last settlement known of an instrument was; ``NOT_YET`` where there was none."""
    seen = NOT_YET
    begin = settlements.first[instrument]
    row = last_known(settlements.known_us, begin, settlements.first[instrument + 1], time)
    if row >= begin:
        seen = max(seen, settlements.time_us[row])
    return seen


@compiled_in_place
def measure_silence(panel: Panel, books: Books, time: int, silence: Ints, price_age: Ints) -> None:
    """Write down how long each slot's leg has not been seen, and how old its price is.

    For legs that have passed through everything up to ``time``; 0 for an empty slot. The price is
    the market's own: with the rest of its base it may have moved since.
    """
    for slot in range(len(books.legs)):
        leg = books.legs[slot]
        silence[slot] = price_age[slot] = 0
        if leg.active:
            priced = leg.stamped_us
            seen = priced if leg.source == leg.instrument else NOT_YET
            row = leg.next_settlement - 1
            if row >= panel.settlements.first[leg.instrument]:
                seen = max(seen, panel.settlements.time_us[row])
            silence[slot], price_age[slot] = time - seen, time - priced


@compiled_in_place
def fee_rate(rules: Rules, venue: int, time: int) -> float:
    """Return the fee in force, as a fraction; NaN where none is."""
    begin = rules.fee_first[venue]
    row = last_known(rules.fee_since_us, begin, rules.fee_first[venue + 1], time)
    return float(rules.fee_bps[row] * _BPS) if row >= begin else math.nan


@compiled_in_place
def impact_rate(panel: Panel, rules: Rules, instrument: int, notional: float, time: int) -> float:
    """Compute the impact as a fraction of notional; NaN where the volume it needs is unknown."""
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

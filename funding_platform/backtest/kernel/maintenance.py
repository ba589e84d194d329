"""What a leg's collateral is worth, what its venue requires of it, and where that ends.

Each venue has tiers by notional ``n``: ``required(n) = rate_k n - amount_k``, with amounts that
make it continuous, as venues state them. A leg on a venue with cross margin is liquidated only
where all its account's legs there together fall short.

A coin-margined contract holds its collateral in coin, worth ``margin * price``; where that ends,
``core.trading.payoffs`` says. A quanto contract holds, gains and owes the same coin: it ends where
a linear one does, whatever the coin is worth.
"""

import math
from typing import Any

from funding_platform.backtest.books import Books, Rules
from funding_platform.backtest.data.panel import Panel, Prices
from funding_platform.backtest.kernel.pricing import (
    margin_of,
    notional_of,
    open_pnl_of,
    worth_usd,
)
from funding_platform.core.system.compiled import compiled_in_place

_HALVINGS = 60


@compiled_in_place
def find_tier(tier_first: Any, tier_from: Any, venue: int, notional: float) -> int:
    """Find the row of a notional's tier on a venue."""
    row, last = tier_first[venue], tier_first[venue + 1]
    while row + 1 < last and tier_from[row + 1] <= notional:
        row += 1
    return int(row)


@compiled_in_place
def tier_of(rules: Rules, venue: int, notional: float) -> tuple[float, float, float, float]:
    """Rate and amount of a notional's tier, and the notionals between which they hold."""
    row = find_tier(rules.tier_first, rules.tier_from, venue, notional)
    above = rules.tier_from[row + 1] if row + 1 < rules.tier_first[venue + 1] else math.inf
    return rules.tier_rate[row], rules.tier_amount[row], rules.tier_from[row], above


@compiled_in_place
def required_of(rules: Rules, leg: Any, price: float) -> float:
    """Compute the collateral that a leg must have at a price, in US dollars."""
    notional = notional_of(leg, price)
    row = find_tier(rules.tier_first, rules.tier_from, leg.venue, notional)
    return float(rules.tier_rate[row] * notional - rules.tier_amount[row])


@compiled_in_place
def worth_of(leg: Any, price: float) -> float:
    """Value a leg's collateral and open profit at a price, in US dollars."""
    pnl = open_pnl_of(leg, price)
    return float(worth_usd(leg.inverse, leg.margin, pnl, price, leg.coin_usd))


@compiled_in_place
def credit(leg: Any, amount: float) -> None:
    """Add US dollars to a leg's collateral, in coin where it is margined in coin."""
    leg.margin += margin_of(leg.inverse, amount, leg.price, leg.coin_usd)


@compiled_in_place
def has_bar(prices: Prices, leg: Any, time: int) -> bool:
    """Whether a bar of the leg's own source ends at a time that the leg has reached."""
    row = leg.next_price - 1
    return bool(
        len(prices.low) > 0 and leg.stamped_us == time and prices.low[row] <= prices.high[row]
    )


@compiled_in_place
def worst_price(prices: Prices, leg: Any, time: int) -> float:
    """Find the price against the leg: its bar's extreme where one ends now, else its last price."""
    if not has_bar(prices, leg, time):
        return float(leg.price)
    row = leg.next_price - 1
    return float(prices.low[row] if leg.sign > 0 else prices.high[row])


@compiled_in_place
def within_bar(prices: Prices, leg: Any, price: float, time: int) -> float:
    """Return the price, or the nearest to it that the leg's own bar has seen."""
    if not has_bar(prices, leg, time):
        return price
    row = leg.next_price - 1
    return float(min(max(price, prices.low[row]), prices.high[row]))


@compiled_in_place
def spare(panel: Panel, rules: Rules, books: Books, slot: int, price: float) -> float:
    """Compute what is left above maintenance at a leg's price; below zero it is liquidated.

    Of a venue with cross margin for all legs there, those on the same base moved as this one.
    """
    leg = books.legs[slot]
    if not rules.cross[leg.venue]:
        return worth_of(leg, price) - required_of(rules, leg, price)
    base, move = panel.facts.base[leg.instrument], price / leg.price
    left = 0.0
    for number in range(len(books.legs)):
        one = books.legs[number]
        if one.active and one.margined and one.venue == leg.venue:
            same = panel.facts.base[one.instrument] == base
            at = one.price * move if same else one.price
            left += worth_of(one, at) - required_of(rules, one, at)
    return left


@compiled_in_place
def liquidation_price(
    panel: Panel, rules: Rules, books: Books, slot: int, worst: float, time: int
) -> float:
    """Where a leg that its worst price liquidates is liquidated.

    Within a bar that is the price at which nothing is spare, or the bar's best where it already
    was not; a price that jumps there, without a bar, is what it costs.
    """
    leg = books.legs[slot]
    if not has_bar(panel.prices, leg, time):
        return worst
    row = leg.next_price - 1
    safe = panel.prices.high[row] if leg.sign > 0 else panel.prices.low[row]
    if spare(panel, rules, books, slot, safe) < 0.0:
        return float(safe)
    for _ in range(_HALVINGS):
        middle = 0.5 * (safe + worst)
        if spare(panel, rules, books, slot, middle) < 0.0:
            worst = middle
        else:
            safe = middle
    return worst

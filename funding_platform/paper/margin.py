"""What positions and open orders need of an account.

An order is judged by the worst that it can lead to: the position that is largest after all open
buys, or all open sells, have filled. What does not make the worst case worse is never held up for
want of margin: the very orders that repair an account must pass.
"""

from collections.abc import Iterable
from decimal import Decimal

from funding_platform.core.trading import ZERO, Balance, Holding, OrderRequest, Side
from funding_platform.paper.account import Account
from funding_platform.paper.orders import PaperOrder
from funding_platform.paper.rules import PaperRules, money

Pending = dict[str, dict[Side, Decimal]]
"""What open orders would add to positions, by symbol and side."""


def pending(orders: Iterable[PaperOrder]) -> Pending:
    """Sum what open orders may still fill; those that only reduce add nothing."""
    sums: Pending = {}
    for order in orders:
        request = order.request
        if not request.reduce_only:
            sides = sums.setdefault(request.venue_symbol, dict.fromkeys(Side, ZERO))
            sides[request.side] += request.quantity - order.filled
    return sums


def worst(quantity: Decimal, sides: dict[Side, Decimal] | None) -> Decimal:
    """``max(|q|, |q + buys|, |q - sells|)``: the largest position that may come of it."""
    if sides is None:
        return abs(quantity)
    return max(abs(quantity), abs(quantity + sides[Side.BUY]), abs(quantity - sides[Side.SELL]))


def balance(account: Account, waiting: Pending, rules: PaperRules) -> Balance:
    """State what the account is worth; what open orders need is not free."""
    needed = sum(
        (
            worst(account.quantity(symbol), waiting.get(symbol)) * account.marks[symbol]
            for symbol in account.positions.keys() | waiting.keys()
        ),
        ZERO,
    )
    return Balance(
        cash_usd=account.cash_usd,
        equity_usd=account.equity_usd,
        free_usd=account.equity_usd - money(needed * rules.initial_margin),
        maintenance_usd=money(account.value_usd * rules.maintenance_margin),
    )


def shortfall(
    request: OrderRequest, account: Account, waiting: Pending, rules: PaperRules
) -> Decimal:
    """Return by how many US dollars an order asks for more than is free; not above 0 if it may."""
    if request.reduce_only:
        return ZERO
    symbol = request.venue_symbol
    quantity, mark = account.quantity(symbol), account.marks[symbol]
    before = waiting.get(symbol) or dict.fromkeys(Side, ZERO)
    after = {**before, request.side: before[request.side] + request.quantity}
    more = worst(quantity, after) - worst(quantity, before)
    if more <= 0:
        return ZERO
    fee = rules.fee(request.quantity * mark, maker=False)
    free = balance(account, waiting, rules).free_usd
    return money(more * mark * rules.initial_margin) + fee - free


def holdings(account: Account, rules: PaperRules) -> dict[str, Holding]:
    """State what is held, by symbol.

    A position is liquidated where what the account has to spare is gone, all other marks as they
    are: ``mark - spare / (quantity - |quantity| * maintenance margin)``.
    """
    spare = account.equity_usd - account.value_usd * rules.maintenance_margin
    found = {}
    for symbol, position in account.positions.items():
        quantity, mark = position.quantity, account.marks[symbol]
        liquidation = mark - spare / (quantity - abs(quantity) * rules.maintenance_margin)
        found[symbol] = Holding(
            venue_symbol=symbol,
            quantity=quantity,
            entry_price=position.entry_price,
            mark_price=mark,
            margin_usd=money(account.size_usd(symbol) * rules.initial_margin),
            liquidation_price=liquidation if liquidation > 0 else None,
        )
    return found

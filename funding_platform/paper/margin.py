"""What positions and open orders need of an account.

An order is judged by the worst that it can lead to: the position that is largest after all open
buys, or all open sells, have filled. What does not make the worst case worse is never held up for
want of margin: the very orders that repair an account must pass.
"""

from collections.abc import Iterable
from decimal import Decimal

from funding_platform.core.trading import ZERO, Balance, Holding, OrderRequest, Side, payoffs
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
    shared = own = ZERO
    for symbol in account.positions.keys() | waiting.keys():
        held = account.quantity(symbol)
        largest = worst(held, waiting.get(symbol))
        if _has_its_own(symbol, account, rules):
            own += account.notional_usd(symbol, largest - abs(held))
        else:
            shared += account.notional_usd(symbol, largest)
    needed = money(shared * rules.initial_margin) + money(own * rules.coin_collateral)
    return Balance(
        cash_usd=account.cash_usd,
        equity_usd=account.equity_usd,
        free_usd=account.shared_usd - needed,
        maintenance_usd=money(account.value_usd * rules.maintenance_margin),
    )


def _has_its_own(symbol: str, account: Account, rules: PaperRules) -> bool:
    """Tell whether positions in a symbol have collateral of their own."""
    return symbol in account.inverse and rules.coin_collateral > 0


def is_short(account: Account, symbol: str, rules: PaperRules) -> bool:
    """Tell whether a position's own collateral no longer covers what has to be kept."""
    kept = money(account.size_usd(symbol) * rules.maintenance_margin)
    return account.positions[symbol].own is not None and account.worth_usd(symbol) < kept


def shortfall(
    request: OrderRequest, account: Account, waiting: Pending, rules: PaperRules
) -> Decimal:
    """Return by how many US dollars an order asks for more than is free; not above 0 if it may."""
    if request.reduce_only:
        return ZERO
    symbol = request.venue_symbol
    quantity = account.quantity(symbol)
    before = waiting.get(symbol) or dict.fromkeys(Side, ZERO)
    after = {**before, request.side: before[request.side] + request.quantity}
    more = worst(quantity, after) - worst(quantity, before)
    if more <= 0:
        return ZERO
    fee = rules.fee(account.notional_usd(symbol, request.quantity), maker=False)
    free = balance(account, waiting, rules).free_usd
    own = _has_its_own(symbol, account, rules)
    share = rules.coin_collateral if own else rules.initial_margin
    return money(account.notional_usd(symbol, more) * share) + fee - free


def holdings(account: Account, rules: PaperRules) -> dict[str, Holding]:
    """State what is held, by symbol.

    A position is liquidated where what the account has to spare is gone, all other marks as they
    are: ``mark - spare / (quantity - |quantity| * maintenance margin)``, without the second term
    where it is inverse, for what has to be kept of dollars hangs on no price. One with collateral
    of its own is liquidated where ``payoffs.ends_at`` says.
    """
    return {symbol: _holding(symbol, account, rules) for symbol in account.positions}


def _holding(symbol: str, account: Account, rules: PaperRules) -> Holding:
    position, mark = account.positions[symbol], account.marks[symbol]
    size, inverse = account.size_usd(symbol), symbol in account.inverse
    kept, own = size * rules.maintenance_margin, position.own
    if own is not None:
        ends = payoffs.ends_at(
            own.coins, position.quantity, position.entry_price, rules.maintenance_margin
        )
    else:
        spare = account.shared_usd - account.value_usd * rules.maintenance_margin
        grows = ZERO if inverse else abs(position.quantity) * rules.maintenance_margin
        ends = mark - spare / (position.base - grows)
    return Holding(
        venue_symbol=symbol,
        quantity=position.quantity,
        entry_price=position.entry_price,
        mark_price=mark,
        margin_usd=money(size * rules.initial_margin) if own is None else own.usd,
        liquidation_price=ends if ends is not None and ends > 0 else None,
        contract_type="inverse" if inverse else "linear",
        locked_usd=account.locked_usd(symbol),
        margin_ratio=account.worth_usd(symbol) / kept if own is not None and kept else None,
    )

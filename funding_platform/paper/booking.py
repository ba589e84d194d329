"""What a fill and a settlement do to an account, and the numbers that they are known by."""

from datetime import datetime
from decimal import Decimal

from funding_platform.core.time_grid import to_ms
from funding_platform.core.trading import ZERO, Fill, FundingPayment, Side, payoffs
from funding_platform.paper.market import Settlement
from funding_platform.paper.orders import PaperOrder
from funding_platform.paper.rules import BASIS_POINT, PaperRules, money
from funding_platform.paper.state import PaperState


def book_fill(
    state: PaperState,
    rules: PaperRules,
    order: PaperOrder,
    quantity: Decimal,
    price: Decimal,
    now: datetime,
    *,
    maker: bool,
) -> None:
    """Add a fill of an order to the account."""
    request = order.request
    inverse = request.venue_symbol in state.account.inverse
    value = payoffs.notional_usd(inverse, quantity, price)
    fill = Fill(
        fill_id=_next_id(state),
        client_id=request.client_id,
        venue_symbol=request.venue_symbol,
        side=request.side,
        quantity=quantity,
        price=price,
        fee_usd=rules.fee(money(value), maker=maker),
        filled_at=now,
        maker=maker,
    )
    order.filled += quantity
    order.value_usd += value
    if inverse:
        order.coins = (order.coins or ZERO) + payoffs.settled(True, quantity, price)
    order.updated_at = now
    _book(state, fill, rules.coin_collateral)


def book_taking(
    state: PaperState, symbol: str, quantity: Decimal, now: datetime, fee_bps: Decimal
) -> None:
    """Take away some of a position at its mark: no order of ours, the venue trades."""
    held, mark = state.account.quantity(symbol), state.account.marks[symbol]
    _book(
        state,
        Fill(
            fill_id=_next_id(state),
            client_id=None,
            venue_symbol=symbol,
            side=Side.SELL if held > 0 else Side.BUY,
            quantity=quantity,
            price=mark,
            fee_usd=money(state.account.notional_usd(symbol, quantity) * fee_bps * BASIS_POINT),
            filled_at=now,
            liquidation=True,
        ),
    )


def book_settlement(state: PaperState, symbol: str, settlement: Settlement) -> None:
    """Pay the funding of what was held just before it, once."""
    payment_id = f"{symbol}:{to_ms(settlement.settled_at)}"
    quantity = state.quantity_at(symbol, settlement.settled_at)
    if payment_id in state.payments or quantity == ZERO:
        return
    inverse, mark = symbol in state.account.inverse, settlement.mark
    amount = money(payoffs.funding_usd(inverse, quantity, mark, settlement.rate))
    state.account.receive_funding(symbol, amount, mark)
    state.add_payment(
        FundingPayment(
            payment_id=payment_id,
            venue_symbol=symbol,
            quantity=quantity,
            rate=settlement.rate,
            amount_usd=amount,
            paid_at=settlement.settled_at,
        )
    )


def _book(state: PaperState, fill: Fill, collateral_share: Decimal = ZERO) -> None:
    state.fills.append(fill)
    change = fill.side.sign * fill.quantity
    state.account.trade(fill.venue_symbol, change, fill.price, fill.fee_usd, collateral_share)
    # What was opened just now is concerned by the settlements after this instant.
    state.watched.setdefault(fill.venue_symbol, fill.filled_at)


def _next_id(state: PaperState) -> str:
    """Name a fill; two of one account never have one name."""
    return f"f{len(state.fills) + 1}"

"""Why a venue declines an order before anything of it exists."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from funding_platform.core.trading import (
    InstrumentLimits,
    OrderKind,
    OrderRequest,
    OrderState,
    RejectReason,
    TimeInForce,
    payoffs,
)
from funding_platform.paper.errors import RefusedError
from funding_platform.paper.rules import PaperRules
from funding_platform.paper.state import PaperState

Refusal = tuple[RejectReason, str]

MOST_USD: Final = Decimal(10) ** 12
"""Value of an order: more cannot be kept exactly, nor paid by anybody."""

_SECOND: Final = timedelta(seconds=1)


def check_rate(state: PaperState, rules: PaperRules, now: datetime) -> None:
    """Count an order, and refuse it where there were too many within a second.

    Raises
    ------
    RefusedError
        If the rate is exceeded; the order that is refused does not count.
    """
    if rules.orders_per_second is None:
        return
    while state.sent and state.sent[0] <= now - _SECOND:
        state.sent.popleft()
    if len(state.sent) >= rules.orders_per_second:
        raise RefusedError(
            f"more than {rules.orders_per_second} orders within a second",
            RejectReason.RATE_LIMITED,
        )
    state.sent.append(now)


def check_order(
    request: OrderRequest,
    limits: InstrumentLimits,
    mark: Decimal,
    state: PaperState,
    rules: PaperRules,
) -> None:
    """Refuse an order that is not as it has to be.

    Raises
    ------
    RefusedError
        For the first thing that is wrong with it.
    """
    for reason, message in _refusals(request, limits, mark, state, rules):
        raise RefusedError(message, reason)


def _refusals(
    request: OrderRequest,
    limits: InstrumentLimits,
    mark: Decimal,
    state: PaperState,
    rules: PaperRules,
) -> Iterator[Refusal]:
    """Find what is wrong with an order, margin and book aside."""
    if limits.contract_type not in payoffs.TRADED:
        yield RejectReason.NOT_TRADING, f"{limits.contract_type} contracts are not traded"
    if not limits.trading:
        yield RejectReason.NOT_TRADING, f"{request.venue_symbol} is not trading now"
    known = state.orders.get(request.client_id)
    if known and (rules.ids_stay_used or known.state is OrderState.OPEN):
        yield RejectReason.DUPLICATE_ID, f"{request.client_id} is the id of another order"
    yield from _wrong_form(request)
    yield from _wrong_size(request, limits, mark)
    yield from _wrong_price(request, limits, mark)
    held = state.account.quantity(request.venue_symbol)
    if request.reduce_only and held * request.side.sign >= 0:
        yield RejectReason.WOULD_INCREASE, f"{held} is held: nothing that it could reduce"


def _wrong_form(request: OrderRequest) -> Iterator[Refusal]:
    market = request.kind is OrderKind.MARKET
    if not market and request.limit_price is None:
        yield RejectReason.OTHER, "a limit order without a price"
    if market and request.time_in_force is TimeInForce.POST_ONLY:
        yield RejectReason.OTHER, "a market order cannot wait in the book"


def _wrong_size(
    request: OrderRequest, limits: InstrumentLimits, mark: Decimal
) -> Iterator[Refusal]:
    quantity = request.quantity
    if not quantity.is_finite() or not (request.limit_price or mark).is_finite():
        yield RejectReason.OTHER, "a quantity or a price that is no number"
    if quantity <= 0:
        yield RejectReason.BELOW_MINIMUM, f"a quantity of {quantity}"
    prices = request.limit_price or mark, mark
    value, at_mark = (payoffs.notional_usd(limits.inverse, quantity, price) for price in prices)
    if value > MOST_USD or at_mark > MOST_USD:
        yield RejectReason.ABOVE_MAXIMUM, f"{value} USD is more than {MOST_USD} USD"
    if not limits.on_step(quantity):
        yield RejectReason.OFF_STEP, f"{quantity} is no multiple of {limits.quantity_step}"
    if limits.max_quantity is not None and quantity > limits.max_quantity:
        yield RejectReason.ABOVE_MAXIMUM, f"{quantity} is more than {limits.max_quantity}"
    if request.reduce_only and limits.dust_closes:
        return
    if quantity < limits.min_quantity:
        yield RejectReason.BELOW_MINIMUM, f"{quantity} is less than {limits.min_quantity}"
    if value < limits.min_notional_usd:
        least = limits.min_notional_usd
        yield RejectReason.BELOW_MINIMUM, f"{value} USD is less than {least} USD"


def _wrong_price(
    request: OrderRequest, limits: InstrumentLimits, mark: Decimal
) -> Iterator[Refusal]:
    price = request.limit_price
    if price is None:
        return
    if price <= 0 or not limits.on_price_step(price):
        yield RejectReason.OFF_STEP, f"{price} is no multiple of {limits.price_step}"
    if limits.price_band is not None and abs(price - mark) > limits.price_band * mark:
        yield (
            RejectReason.PRICE_OUT_OF_BAND,
            f"{price} is further than {limits.price_band} from the mark of {mark}",
        )

"""What every exchange client promises, asked of those on paper."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from funding_platform.core.time_grid import to_ms
from funding_platform.core.trading import OrderState, RejectReason, Side, TimeInForce
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.orders.contract import ExchangeClient
from funding_platform.venues.orders.errors import OrderNotFoundError, OrderRejectedError
from funding_platform_tests.execution.clients.accounts import DEPOSIT, SYMBOL, VENUE, Account


def test_it_is_one(account: Account) -> None:
    assert isinstance(account.client, ExchangeClient)
    assert account.client.venue == VENUE
    account.do(account.client.prepare())
    assert account.do(account.client.server_time()) == account.now


def test_what_is_not_listed_is_left_out_or_refused(account: Account) -> None:
    assert set(account.do(account.client.limits([SYMBOL, "NOPEUSDT"]))) == {SYMBOL}
    assert account.do(account.client.fees([SYMBOL]))[SYMBOL].taker_bps == 5
    with pytest.raises(UnknownSymbolError):
        account.do(account.client.order_book("NOPEUSDT", 5))


def test_a_book_is_sorted_and_as_deep_as_asked(account: Account) -> None:
    book = account.do(account.client.order_book(SYMBOL, 7))
    bids, asks = [x.price for x in book.bids], [x.price for x in book.asks]
    assert (len(bids), len(asks)) == (7, 7)
    assert [*bids[::-1], *asks] == sorted({*bids, *asks})


def test_a_market_order_takes_the_book(account: Account) -> None:
    book = account.do(account.client.order_book(SYMBOL, 2))
    quantity = book.asks[0].quantity + account.limits.quantity_step
    report = account.do(account.client.place(account.order(Side.BUY, str(quantity))))
    assert report.state is OrderState.FILLED
    fills = account.do(account.client.fills(account.now))
    assert [fill.price for fill in fills] == [level.price for level in book.asks]
    assert sum(fill.quantity for fill in fills) == quantity == account.held()
    assert all(fill.client_id == report.client_id and not fill.maker for fill in fills)
    left = account.do(account.client.order_book(SYMBOL, 1)).asks[0]
    assert left.price == book.asks[1].price
    assert left.quantity == book.asks[1].quantity - account.limits.quantity_step


def test_what_an_account_is_worth(account: Account) -> None:
    account.do(account.client.place(account.order(Side.SELL, "0.5")))
    fill = account.do(account.client.fills(account.now))[0]
    balance = account.do(account.client.balance())
    holding = account.do(account.client.holdings())[SYMBOL]
    assert balance.cash_usd == DEPOSIT - fill.fee_usd
    assert balance.equity_usd == pytest.approx(balance.cash_usd + holding.unrealized_usd)
    assert holding.entry_price == fill.price
    assert balance.free_usd < balance.equity_usd


def test_an_order_waits_and_is_taken_back(account: Account) -> None:
    order = account.order(Side.BUY, "0.5", account.price("-5"))
    assert account.do(account.client.place(order)).state is OrderState.OPEN
    assert [x.client_id for x in account.do(account.client.open_orders())] == [order.client_id]
    for _ in range(2):
        report = account.do(account.client.cancel(SYMBOL, order.client_id))
        assert report.state is OrderState.CANCELED
    assert account.do(account.client.open_orders()) == []
    asked = account.do(account.client.order(SYMBOL, order.client_id))
    assert asked is not None
    assert asked.state is OrderState.CANCELED


def test_what_the_venue_does_not_know(account: Account) -> None:
    assert account.do(account.client.order(SYMBOL, "stranger")) is None
    with pytest.raises(OrderNotFoundError):
        account.do(account.client.cancel(SYMBOL, "stranger"))


REFUSALS = {
    RejectReason.OFF_STEP: ("0.50001", None, TimeInForce.GOOD_TILL_CANCEL, False),
    RejectReason.BELOW_MINIMUM: ("0", "0", TimeInForce.GOOD_TILL_CANCEL, False),
    RejectReason.PRICE_OUT_OF_BAND: ("0.5", "-15", TimeInForce.GOOD_TILL_CANCEL, False),
    RejectReason.WOULD_TAKE: ("0.5", "1", TimeInForce.POST_ONLY, False),
    RejectReason.WOULD_INCREASE: ("0.5", None, TimeInForce.GOOD_TILL_CANCEL, True),
    RejectReason.INSUFFICIENT_MARGIN: ("500", None, TimeInForce.GOOD_TILL_CANCEL, False),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_says_why_and_leaves_nothing(account: Account, reason: RejectReason) -> None:
    quantity, offset, tif, reduce_only = REFUSALS[reason]
    price = None if offset is None else account.price(offset)
    order = account.order(Side.BUY, quantity, price, tif=tif, reduce_only=reduce_only)
    with pytest.raises(OrderRejectedError) as raised:
        account.do(account.client.place(order))
    assert raised.value.reason is reason
    assert account.do(account.client.order(SYMBOL, order.client_id)) is None
    assert account.do(account.client.balance()).cash_usd == DEPOSIT


def test_an_id_is_taken_while_its_order_waits(account: Account) -> None:
    order = account.order(Side.BUY, "0.5", account.price("-5"))
    account.do(account.client.place(order))
    with pytest.raises(OrderRejectedError) as raised:
        account.do(account.client.place(replace(order, quantity=Decimal(1))))
    assert raised.value.reason is RejectReason.DUPLICATE_ID


def test_an_unknown_symbol_is_refused(account: Account) -> None:
    order = replace(account.order(Side.BUY, "1"), venue_symbol="NOPEUSDT")
    with pytest.raises(OrderRejectedError) as raised:
        account.do(account.client.place(order))
    assert raised.value.reason is RejectReason.UNKNOWN_SYMBOL


def test_a_close_never_opens(account: Account) -> None:
    account.do(account.client.place(account.order(Side.BUY, "0.5")))
    report = account.do(account.client.place(account.order(Side.SELL, "0.8", reduce_only=True)))
    assert (report.state, float(report.filled)) == (OrderState.CANCELED, 0.5)
    assert account.held() == 0
    assert account.do(account.client.holdings()) == {}


def test_funding_is_what_the_sandbox_settled(account: Account) -> None:
    opened = account.now
    account.do(account.client.place(account.order(Side.SELL, "0.5")))
    account.clock.step(17 * 3_600)
    account.do(account.client.place(account.order(Side.BUY, "0.2", reduce_only=True)))
    account.clock.step(8 * 3_600)
    paid = account.do(account.client.funding_payments(opened))
    settled = account.market.settlements(VENUE, SYMBOL)
    since = settled.slice(slice(int(np.searchsorted(settled.times_ms, to_ms(opened))), None))
    assert len(paid) > 2
    assert [to_ms(x.paid_at) for x in paid] == since.times_ms.tolist()
    assert [float(x.rate) for x in paid] == since.rates.tolist()
    assert {str(x.quantity) for x in paid} == {"-0.5", "-0.3"}
    assert paid == account.do(account.client.funding_payments(opened))
    traded = account.do(account.client.fills(opened))
    fees = sum((fill.fee_usd for fill in traded), Decimal(0))
    cost = sum((x.side.sign * x.quantity * x.price for x in traded), Decimal(0))
    held = account.do(account.client.holdings())[SYMBOL]
    realized = -(cost - held.quantity * held.entry_price)
    cash = account.do(account.client.balance()).cash_usd
    expected = DEPOSIT - fees + realized + sum(x.amount_usd for x in paid)
    assert cash == pytest.approx(expected, abs=Decimal("1e-9"))
    assert account.do(account.client.funding_payments(account.now + timedelta(1))) == []

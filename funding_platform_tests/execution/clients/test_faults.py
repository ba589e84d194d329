"""What a client tells of an order that goes wrong, and what is found at the venue afterwards."""

import pytest

from funding_platform.core.trading import OrderState, Side
from funding_platform.execution import Outcome
from funding_platform.venues.orders.errors import OrderRejectedError, OutcomeUnknownError
from funding_platform_tests.execution.clients.accounts import SYMBOL, Account


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT_FILLED, Outcome.DISCONNECT])
def test_a_lost_answer_is_unknown_and_found_by_the_id(account: Account, outcome: Outcome) -> None:
    account.steering.fault(outcome)
    order = account.order(Side.BUY, "0.5")
    with pytest.raises(OutcomeUnknownError) as raised:
        account.do(account.client.place(order))
    assert raised.value.client_id == order.client_id
    account.clock.step(10)
    report = account.do(account.client.order(SYMBOL, order.client_id))
    assert report is not None
    assert report.state is OrderState.FILLED
    fills = account.do(account.client.fills(report.updated_at or account.now))
    assert sum(fill.quantity for fill in fills) == order.quantity == account.held()


def test_an_unknown_order_may_wait(account: Account) -> None:
    account.steering.fault(Outcome.TIMEOUT_UNFILLED)
    order = account.order(Side.BUY, "0.5", account.price("1"))
    with pytest.raises(OutcomeUnknownError):
        account.do(account.client.place(order))
    assert [x.client_id for x in account.do(account.client.open_orders())] == [order.client_id]
    assert account.held() == 0


def test_rejected(account: Account) -> None:
    account.steering.fault(Outcome.REJECTED)
    order = account.order(Side.BUY, "0.5")
    with pytest.raises(OrderRejectedError):
        account.do(account.client.place(order))
    assert account.do(account.client.order(SYMBOL, order.client_id)) is None
    assert account.do(account.client.place(order)).state is OrderState.FILLED


def test_partial(account: Account) -> None:
    account.steering.fault(Outcome.PARTIAL)
    report = account.do(account.client.place(account.order(Side.BUY, "0.5")))
    assert (report.state, float(report.filled)) == (OrderState.CANCELED, 0.25)
    assert account.held() == report.filled


def test_a_fill_that_is_reported_twice_is_one(account: Account) -> None:
    began = account.now
    account.steering.fault(Outcome.DUPLICATE_FILL)
    account.do(account.client.place(account.order(Side.BUY, "0.5")))
    fills = account.do(account.client.fills(began))
    assert len(fills) == 2 * len({fill.fill_id for fill in fills})
    assert account.held() == sum(x.quantity for x in {f.fill_id: f for f in fills}.values())


def test_a_canceled_order_may_fill(account: Account) -> None:
    account.steering.fault(Outcome.LATE_FILL)
    order = account.order(Side.BUY, "0.5", account.price("1"))
    assert account.do(account.client.place(order)).state is OrderState.OPEN
    canceled = account.do(account.client.cancel(SYMBOL, order.client_id))
    assert (canceled.state, float(canceled.filled)) == (OrderState.CANCELED, 0)
    assert account.held() == 0
    account.clock.step(3)
    assert account.held() == order.quantity
    late = account.do(account.client.order(SYMBOL, order.client_id))
    assert late is not None
    assert late.state is OrderState.FILLED


def test_the_venue_may_take_a_position(account: Account) -> None:
    began = account.now
    account.do(account.client.place(account.order(Side.BUY, "0.5")))
    account.steering.take(account.limits.quantity_step)
    taken = account.do(account.client.fills(began))[-1]
    assert (taken.client_id, taken.liquidation) == (None, True)
    account.steering.take(None)
    assert account.held() == 0

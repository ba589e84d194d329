"""Over a socket: what changes something is sent once, and what only asks is asked again."""

from collections.abc import Iterator

import pytest

from funding_platform.core.trading import OrderState, RejectReason, Side
from funding_platform.sandbox.faults import Body, Connection, Fault, Status
from funding_platform.venues.orders.errors import OrderRejectedError, OutcomeUnknownError
from funding_platform_tests.execution.clients.accounts import SYMBOL, VENUE, Account, OverSocket
from funding_platform_tests.execution.clients.conftest import connected, over_socket


@pytest.fixture
def account() -> Iterator[Account]:
    yield from over_socket()


def served(account: Account) -> OverSocket:
    assert isinstance(account.steering, OverSocket)
    return account.steering


def sent(account: Account, call: str) -> int:
    return served(account).sandbox.stats()[VENUE][f"/paper{call}"]["requests"]


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        (Status(status=503, path="/paper/orders"), False),
        (Connection(action="reset", path="/paper/orders"), False),
        (Connection(action="hang", path="/paper/orders"), False),
        (Body(action="truncate", path="/paper/orders"), True),
        (Body(action="html", path="/paper/orders"), True),
    ],
)
def test_an_order_is_sent_once(account: Account, fault: Fault, arrived: bool) -> None:
    served(account).sandbox.inject(fault)
    order = account.order(Side.BUY, "0.5")
    with pytest.raises(OutcomeUnknownError):
        account.do(account.client.place(order))
    assert sent(account, "/orders") == 1
    report = account.do(account.client.order(SYMBOL, order.client_id))
    assert (report is not None) == arrived


def test_what_was_not_taken_is_refused(account: Account) -> None:
    served(account).sandbox.inject(Status(status=429, path="/paper/orders", count=1))
    with pytest.raises(OrderRejectedError) as raised:
        account.do(account.client.place(account.order(Side.BUY, "0.5")))
    assert raised.value.reason is RejectReason.RATE_LIMITED
    assert sent(account, "/orders") == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_cancellation_is_sent_once_and_never_reads_as_a_refusal(
    account: Account, status: int
) -> None:
    order = account.order(Side.BUY, "0.5", account.price("-5"))
    account.do(account.client.place(order))
    served(account).sandbox.inject(Status(status=status, path="/paper/cancel", count=1))
    with pytest.raises(OutcomeUnknownError):
        account.do(account.client.cancel(SYMBOL, order.client_id))
    assert sent(account, "/cancel") == 1
    assert account.do(account.client.cancel(SYMBOL, order.client_id)).state is OrderState.CANCELED


def test_a_question_is_asked_again(account: Account) -> None:
    served(account).sandbox.inject(
        Status(status=503, path="/paper/holdings", count=1),
        Connection(action="reset", path="/paper/balance", count=1),
    )
    assert account.do(account.client.holdings()) == {}
    assert account.do(account.client.balance()).cash_usd > 0
    assert (sent(account, "/holdings"), sent(account, "/balance")) == (2, 2)


def test_a_token_that_nobody_has_is_refused(account: Account) -> None:
    url = served(account).sandbox.paper_url_of(VENUE)
    stranger = account.do(connected(url, "some-secret-token"))
    with pytest.raises(OrderRejectedError, match="no_such_token") as raised:
        account.do(stranger.place(account.order(Side.BUY, "0.5")))
    assert "some-secret-token" not in str(raised.value)
    account.do(stranger.aclose())

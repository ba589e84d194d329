"""What becomes of an order: the nine outcomes, seen by who sends it and at the venue."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from funding_platform.core.trading import OrderReport, OrderState, RejectReason, Side
from funding_platform.execution import (
    Conditions,
    Faults,
    Outcome,
    PaperCrash,
    PaperExchange,
    Script,
)
from funding_platform.paper import PaperEngine
from funding_platform.venues.errors import ConnectionFailedError
from funding_platform.venues.orders.contract import ExchangeClient
from funding_platform.venues.orders.errors import (
    OrderNotFoundError,
    OrderRejectedError,
    OutcomeUnknownError,
)
from funding_platform_tests.execution.paper.clocks import SteppedTime
from funding_platform_tests.paper.markets import BTC, START, WrittenMarket, request

Act = Callable[[PaperExchange], Awaitable[None]]


def exchange(time: SteppedTime, *scripts: Script, **conditions: float) -> PaperExchange:
    market = WrittenMarket()
    market.write(bids=[(99.9, 5)], asks=[(100.1, 5)])
    engine = PaperEngine(market)
    engine.deposit(Decimal(1_000))
    faults = Faults()
    faults.script(*scripts)
    return PaperExchange(
        "paper",
        engine,
        clock=time.clock(),
        conditions=Conditions(**conditions),  # type: ignore[arg-type]
        faults=faults,
    )


@pytest.fixture
def time() -> SteppedTime:
    return SteppedTime(START)


def held(paper: PaperExchange) -> Decimal:
    return paper.engine.state.account.quantity(BTC)


def told(report: OrderReport) -> tuple[OrderState, float]:
    return report.state, float(report.filled)


def test_it_is_an_exchange_client(time: SteppedTime) -> None:
    assert isinstance(exchange(time), ExchangeClient)


def test_filled(time: SteppedTime) -> None:
    paper = exchange(time, Script(outcome=Outcome.FILLED))
    report = asyncio.run(paper.place(request("a", Side.BUY, 2)))
    assert told(report) == (OrderState.FILLED, 2)
    assert held(paper) == 2


def test_rejected(time: SteppedTime) -> None:
    reason = RejectReason.POSITION_LIMIT
    paper = exchange(time, Script(outcome=Outcome.REJECTED, reason=reason))
    with pytest.raises(OrderRejectedError) as raised:
        asyncio.run(paper.place(request("a", Side.BUY, 2)))
    assert raised.value.reason is reason
    assert asyncio.run(paper.order(BTC, "a")) is None


def test_timeout_but_filled(time: SteppedTime) -> None:
    paper = exchange(time, Script(outcome=Outcome.TIMEOUT_FILLED), timeout_seconds=7)
    with pytest.raises(OutcomeUnknownError):
        asyncio.run(paper.place(request("a", Side.BUY, 2)))
    assert time.seconds == 7
    report = asyncio.run(paper.order(BTC, "a"))
    assert report is not None
    assert report.state is OrderState.FILLED


@pytest.mark.parametrize("arrives", [True, False])
def test_timeout_unfilled(time: SteppedTime, arrives: bool) -> None:
    paper = exchange(time, Script(outcome=Outcome.TIMEOUT_UNFILLED, arrives=arrives))
    with pytest.raises(OutcomeUnknownError):
        asyncio.run(paper.place(request("a", Side.BUY, 2, 100.5)))
    report = asyncio.run(paper.order(BTC, "a"))
    assert held(paper) == 0
    if arrives:
        assert report is not None
        assert report.state is OrderState.OPEN
    else:
        assert report is None


def test_partial(time: SteppedTime) -> None:
    share = Decimal("0.25")
    paper = exchange(time, Script(outcome=Outcome.PARTIAL, share=share))
    report = asyncio.run(paper.place(request("a", Side.BUY, 2)))
    assert told(report) == (OrderState.CANCELED, 0.5)
    assert held(paper) == Decimal("0.5")


def test_partial_that_waits_fills_no_more_until_it_is_canceled(time: SteppedTime) -> None:
    paper = exchange(time, Script(outcome=Outcome.PARTIAL))
    asyncio.run(paper.place(request("a", Side.BUY, 2, 100.5)))
    time.seconds += 60
    assert [x.filled for x in asyncio.run(paper.open_orders())] == [1]
    report = asyncio.run(paper.cancel(BTC, "a"))
    assert told(report) == (OrderState.CANCELED, 1)


def test_duplicate_fill(time: SteppedTime) -> None:
    paper = exchange(time, Script(outcome=Outcome.DUPLICATE_FILL))
    asyncio.run(paper.place(request("a", Side.BUY, 2)))
    asyncio.run(paper.place(request("b", Side.BUY, 1)))
    fills = asyncio.run(paper.fills(START))
    assert [x.client_id for x in fills] == ["a", "a", "b"]
    assert len({x.fill_id for x in fills}) == 2
    assert held(paper) == 3


def test_late_fill_after_a_cancellation(time: SteppedTime) -> None:
    paper = exchange(time, Script(outcome=Outcome.LATE_FILL, seconds=3))
    report = asyncio.run(paper.place(request("a", Side.BUY, 2, 100.5)))
    assert told(report) == (OrderState.OPEN, 0)
    report = asyncio.run(paper.cancel(BTC, "a"))
    assert told(report) == (OrderState.CANCELED, 0)
    time.seconds += 2.9
    assert asyncio.run(paper.holdings()) == {}
    time.seconds += 0.1
    assert asyncio.run(paper.holdings())[BTC].quantity == 2
    late = asyncio.run(paper.order(BTC, "a"))
    assert late is not None
    assert told(late) == (OrderState.FILLED, 2)
    assert late.average_price == Decimal("100.1")


def test_late_fill_of_what_does_not_wait(time: SteppedTime) -> None:
    paper = exchange(time, Script(outcome=Outcome.LATE_FILL, seconds=3))
    report = asyncio.run(paper.place(request("a", Side.BUY, 2)))
    assert told(report) == (OrderState.CANCELED, 0)
    time.seconds += 3
    assert [x.quantity for x in asyncio.run(paper.fills(START))] == [2]


@pytest.mark.parametrize("arrives", [True, False])
def test_disconnect(time: SteppedTime, arrives: bool) -> None:
    script = Script(outcome=Outcome.DISCONNECT, arrives=arrives, seconds=20)
    paper = exchange(time, script)
    with pytest.raises(OutcomeUnknownError):
        asyncio.run(paper.place(request("a", Side.BUY, 2)))
    time.seconds += 19
    with pytest.raises(ConnectionFailedError):
        asyncio.run(paper.order(BTC, "a"))
    with pytest.raises(OutcomeUnknownError):
        asyncio.run(paper.cancel(BTC, "a"))
    time.seconds += 1
    assert (asyncio.run(paper.order(BTC, "a")) is not None) == arrives
    assert held(paper) == (2 if arrives else 0)


@pytest.mark.parametrize("arrives", [True, False])
def test_crash(time: SteppedTime, arrives: bool) -> None:
    paper = exchange(time, Script(outcome=Outcome.CRASH, arrives=arrives))
    with pytest.raises(PaperCrash):
        asyncio.run(paper.place(request("a", Side.BUY, 2)))
    assert (asyncio.run(paper.order(BTC, "a")) is not None) == arrives


@pytest.mark.parametrize(("point", "sent"), [("place.before", False), ("place.after", True)])
def test_crash_at_a_point(time: SteppedTime, point: str, sent: bool) -> None:
    class Killed(BaseException):
        pass

    paper = exchange(time)
    paper.faults.crash_at(point, Killed, passes=1)
    asyncio.run(paper.place(request("a", Side.BUY, 1)))
    with pytest.raises(Killed):
        asyncio.run(paper.place(request("b", Side.BUY, 1)))
    assert held(paper) == (2 if sent else 1)
    asyncio.run(paper.place(request("c", Side.BUY, 1)))


def test_a_script_waits_for_its_order(time: SteppedTime) -> None:
    paper = exchange(time, Script(outcome=Outcome.REJECTED, when=lambda order: order.reduce_only))
    asyncio.run(paper.place(request("a", Side.BUY, 1)))
    assert len(paper.faults.waiting) == 1
    with pytest.raises(OrderRejectedError):
        asyncio.run(paper.place(request("b", Side.SELL, 1, reduce_only=True)))
    assert not paper.faults.waiting


def test_an_order_is_not_known_at_once(time: SteppedTime) -> None:
    paper = exchange(time, grace_seconds=2)
    asyncio.run(paper.place(request("a", Side.BUY, 1, 99)))
    assert asyncio.run(paper.order(BTC, "a")) is None
    assert asyncio.run(paper.open_orders()) == []
    with pytest.raises(OrderNotFoundError):
        asyncio.run(paper.cancel(BTC, "a"))
    time.seconds += 2
    assert asyncio.run(paper.order(BTC, "a")) is not None


def test_holdings_may_lag(time: SteppedTime) -> None:
    paper = exchange(time, stale_seconds=4)
    asyncio.run(paper.place(request("a", Side.BUY, 1)))
    assert asyncio.run(paper.holdings()) == {}
    time.seconds += 4
    assert asyncio.run(paper.holdings())[BTC].quantity == 1


def test_what_fills_while_it_waits_is_seen_late_too(time: SteppedTime) -> None:
    paper = exchange(time, stale_seconds=4)
    asyncio.run(paper.place(request("a", Side.BUY, 1, 99)))
    market = paper.engine.market
    assert isinstance(market, WrittenMarket)
    market.write(bids=[(98, 5)], asks=[(98.5, 5)])
    time.seconds += 1
    assert asyncio.run(paper.holdings()) == {}
    time.seconds += 4
    assert asyncio.run(paper.holdings())[BTC].quantity == 1


def test_an_order_takes_its_time(time: SteppedTime) -> None:
    paper = exchange(time, order_seconds=0.25, data_seconds=0.5)
    report = asyncio.run(paper.place(request("a", Side.BUY, 1)))
    assert report.updated_at == time.now()
    assert time.seconds == 0.25
    asyncio.run(paper.balance())
    assert time.seconds == 0.75


def test_a_leg_may_be_taken_by_the_venue(time: SteppedTime) -> None:
    paper = exchange(time)
    asyncio.run(paper.place(request("a", Side.BUY, 2)))
    paper.deleverage(BTC, Decimal("0.5"))
    fill = asyncio.run(paper.fills(START))[-1]
    assert (fill.client_id, fill.liquidation, fill.quantity) == (None, True, Decimal("0.5"))
    paper.liquidate(BTC)
    assert asyncio.run(paper.holdings()) == {}

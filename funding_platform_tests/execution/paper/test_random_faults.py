"""Faults by chance: the same from the same seed, and the venue's books stay true in all of them."""

import asyncio
from decimal import Decimal

import pytest

from funding_platform.core.trading import OrderReport, RejectReason, Side
from funding_platform.execution import Faults, Outcome, PaperExchange, RandomFaults
from funding_platform.execution.paper.faults import SURVIVABLE
from funding_platform.paper import PaperEngine
from funding_platform.venues.errors import (
    ConnectionFailedError,
    RateLimitedError,
    VenueTimeoutError,
)
from funding_platform.venues.orders.errors import OrderRejectedError, OutcomeUnknownError
from funding_platform_tests.execution.paper.clocks import SteppedTime
from funding_platform_tests.paper.markets import BTC, START, WrittenMarket, request

ORDERS = 200
Said = list[OrderReport | RejectReason | str]


async def trade(paper: PaperExchange, time: SteppedTime) -> Said:
    said: Said = []
    for number in range(ORDERS):
        side = Side.BUY if number % 2 else Side.SELL
        price = None if number % 3 else 100
        try:
            said.append(await paper.place(request(f"o{number}", side, 1, price)))
        except OrderRejectedError as error:
            said.append(error.reason)
        except OutcomeUnknownError as error:
            said.append(type(error).__name__)
        time.seconds += 0.5
    return said


def run(seed: int) -> tuple[PaperExchange, Said]:
    time, market = SteppedTime(START), WrittenMarket()
    market.write(bids=[(99.9, 10_000)], asks=[(100.1, 10_000)], mark=100)
    engine = PaperEngine(market)
    engine.deposit(Decimal(1_000_000))
    faults = Faults(RandomFaults(seed, order_chance=0.5))
    paper = PaperExchange("paper", engine, clock=time.clock(), faults=faults)
    said = asyncio.run(trade(paper, time))
    faults.clear()
    time.seconds += 60
    asyncio.run(paper.balance())
    return paper, said


def test_the_same_seed_is_the_same_story() -> None:
    assert run(7)[1] == run(7)[1]
    assert run(7)[1] != run(8)[1]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_told_the_books_are_true(seed: int) -> None:
    paper, said = run(seed)
    state = paper.engine.state
    assert len(said) == ORDERS
    assert {type(x) for x in said} == {OrderReport, RejectReason, str}
    held = sum((x.side.sign * x.quantity for x in state.fills), Decimal(0))
    assert held == state.account.quantity(BTC)
    for order in state.orders.values():
        of_it = [x.quantity for x in state.fills if x.client_id == order.request.client_id]
        assert sum(of_it, Decimal(0)) == order.filled <= order.request.quantity


def test_every_outcome_is_drawn() -> None:
    chance = RandomFaults(3, order_chance=1.0)
    drawn = [chance.draw() for _ in range(200)]
    assert {script.outcome for script in drawn if script} == set(SURVIVABLE)
    assert Outcome.CRASH not in SURVIVABLE
    assert {script.arrives for script in drawn if script} == {True, False}


def test_questions_are_left_without_an_answer() -> None:
    time = SteppedTime(START)
    market = WrittenMarket()
    market.write(bids=[(99.9, 1)], asks=[(100.1, 1)])
    faults = Faults(RandomFaults(1, read_chance=1.0))
    paper = PaperExchange("paper", PaperEngine(market), clock=time.clock(), faults=faults)
    with pytest.raises(VenueTimeoutError):
        asyncio.run(paper.holdings())
    assert time.seconds == paper.conditions.timeout_seconds
    faults.clear()
    paper.conditions.reads_per_second = 2
    for _ in range(2):
        asyncio.run(paper.holdings())
    with pytest.raises(RateLimitedError):
        asyncio.run(paper.holdings())
    time.seconds += 1
    assert asyncio.run(paper.holdings()) == {}
    paper.disconnect(5)
    with pytest.raises(ConnectionFailedError):
        asyncio.run(paper.server_time())

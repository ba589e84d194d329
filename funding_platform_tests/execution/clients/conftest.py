"""Each account twice: what holds for an exchange client holds whichever way it goes."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from funding_platform.core.time_grid import to_ms
from funding_platform.execution import PaperExchange
from funding_platform.paper import PaperEngine
from funding_platform.sandbox.paper.market import SandboxPaperMarket
from funding_platform.sandbox.server import running_sandbox
from funding_platform.venues.orders.sandbox import SandboxOrders
from funding_platform_tests.execution.clients.accounts import (
    DEPOSIT,
    VENUE,
    Account,
    InProcess,
    OverSocket,
    clock_of,
)
from funding_platform_tests.sandbox.listening import HandClock, moving_market

NOW = datetime(2026, 3, 1, 7, 59, 30, tzinfo=UTC)
TIMEOUT_SECONDS = 1.0


@pytest.fixture(params=["in_process", "socket"])
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    make = in_process if request.param == "in_process" else over_socket
    yield from make()


def in_process() -> Iterator[Account]:
    hand = HandClock(to_ms(NOW))
    market = moving_market(hand)
    engine = PaperEngine(SandboxPaperMarket(market, VENUE))
    engine.deposit(DEPOSIT)
    exchange = PaperExchange(VENUE, engine, clock=clock_of(hand))
    with asyncio.Runner() as runner:
        yield Account(exchange, InProcess(exchange), market, hand, runner)


def over_socket() -> Iterator[Account]:
    hand = HandClock(to_ms(NOW))
    market = moving_market(hand)
    with running_sandbox(market) as sandbox, asyncio.Runner() as runner:
        token = sandbox.open_account(deposit_usd=DEPOSIT)
        client = runner.run(connected(sandbox.paper_url_of(VENUE), token))
        yield Account(client, OverSocket(sandbox, token), market, hand, runner)
        runner.run(client.aclose())


async def connected(url: str, token: str) -> SandboxOrders:
    return SandboxOrders(VENUE, url, token, timeout_seconds=TIMEOUT_SECONDS)

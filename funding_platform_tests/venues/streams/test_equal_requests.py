"""Over real sockets every stream says what the requests of the same market do."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from funding_platform.core.time_grid import from_ms, to_ms
from funding_platform.sandbox.faults import Stream
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.errors import RequestError, VenueError
from funding_platform.venues.streams.registry import stream_names
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.sandbox.listening import PACE, HandClock, moving_market
from funding_platform_tests.venues.streams.streamed import (
    PATIENT,
    Row,
    differences,
    frames,
    requested,
    stream_over,
    streamed,
)

NOW_MS = to_ms(NOW)
STEP = 60
"""Seconds that the market moves on."""

ONLY_STREAMED = {
    venue: {"best_bid", "best_ask"} for venue in ("hyperliquid", "lighter", "edgex", "backpack")
}
"""Columns that a venue's stream fills and its requests do not."""


@pytest.fixture(scope="module")
def clock() -> HandClock:
    return HandClock(NOW_MS)


@pytest.fixture(scope="module")
def sandbox(clock: HandClock) -> Iterator[RunningSandbox]:
    with running_sandbox(moving_market(clock), pace=PACE) as running:
        yield running


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", stream_names())
def test_what_a_stream_says_is_what_the_requests_say_then_and_a_minute_later(
    sandbox: RunningSandbox, clock: HandClock, settings: Settings, venue: str
) -> None:
    clock.now_ms = NOW_MS + STEP * 1_000
    _, after = asyncio.run(requested(sandbox, venue, settings, clock.now_ms))
    clock.now_ms = NOW_MS
    listings, before = asyncio.run(requested(sandbox, venue, settings, clock.now_ms))
    moved = [s for s, row in before.items() if row["mark_price"] != after[s]["mark_price"]]
    assert len(moved) > len(before) / 2  # a coarse tick may hide a minute
    stream = stream_over(venue, listings, lambda: from_ms(clock.now_ms))
    only_streamed = ONLY_STREAMED.get(venue, set())

    def differs(said: dict[str, Row], market: dict[str, Row]) -> list[str]:
        return differences(stream, said, market, only_streamed)

    def caught_up(said: dict[str, Row]) -> bool:
        if clock.now_ms > NOW_MS:
            return not differs(said, after)
        if not differs(said, before):
            clock.step(STEP)
        return False

    said = asyncio.run(streamed(sandbox, stream, caught_up))
    assert clock.now_ms > NOW_MS, differs(said, before)[:5]
    assert differs(said, after)[:5] == []


@pytest.mark.parametrize(
    ("venue", "topic"),
    [
        ("bybit", "/v5/public/linear#tickers.BTCUSDT"),
        ("okx", "/ws/v5/public#funding-rate:BTC-USDT-SWAP"),
        ("deribit", "/ws/api/v2#ticker.BTC-PERPETUAL.100ms"),
        ("lighter", "/stream#market_stats/all"),
        ("paradex", "/v1#markets_summary"),
        ("edgex", "/api/v1/public/ws#ticker.all.1s"),
        ("grvt", "/ws/full#BTC_USDT_Perp@1000"),
    ],
)
def test_a_subscription_that_is_declined_is_told(
    sandbox: RunningSandbox, clock: HandClock, settings: Settings, venue: str, topic: str
) -> None:
    listings, _ = asyncio.run(requested(sandbox, venue, settings, clock.now_ms))
    stream = stream_over(venue, listings)

    async def refusal() -> VenueError | None:
        async with (
            asyncio.timeout(PATIENT),
            aclosing(frames(sandbox, stream, stream.sockets()[0])) as spoken,
        ):
            return await anext(frame.refused async for frame in spoken if frame.refused)

    sandbox.inject(Stream(action="refuse", venue=venue, path=topic, count=1))
    refused = asyncio.run(refusal())
    sandbox.clear()
    assert isinstance(refused, RequestError)
    assert refused.venue == venue

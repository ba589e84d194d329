"""Over real sockets the streams of exchanges say what the requests of the same market do."""

import asyncio
from collections.abc import Iterator

import pytest

from funding_platform.core.time_grid import from_ms, to_ms
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform.settings import Settings
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.sandbox.listening import PACE, HandClock, moving_market
from funding_platform_tests.venues.streams.exchanges import STREAMS
from funding_platform_tests.venues.streams.streamed import (
    Row,
    differences,
    requested,
    stream_over,
    streamed,
)

NOW_MS = to_ms(NOW)
STEP = 60
"""Seconds that the market moves on."""

ONLY_STREAMED = {"hyperliquid": {"best_bid", "best_ask"}}
    venue: {"best_bid", "best_ask"} for venue in ("hyperliquid",)
}
"""Columns that a venue's stream fills and its requests do not."""


@pytest.fixture(scope="module")
def clock() -> HandClock:
    return HandClock(NOW_MS)


@pytest.fixture(scope="module")
def sandbox(clock: HandClock) -> Iterator[RunningSandbox]:
    with running_sandbox(moving_market(clock), pace=PACE) as running:
        yield running


@pytest.mark.parametrize("venue", STREAMS)
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

"""The streams of venues under the connection that keeps them up: cuts, pings, renamed fields."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.faults import Connection as Broken
from funding_platform.sandbox.faults import FieldFault
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.errors import ContractError
from funding_platform.venues.streams.events import Connected, Gap
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.sandbox.listening import PACE, HandClock, moving_market
from funding_platform_tests.venues.streams.plain import connected
from funding_platform_tests.venues.streams.streamed import (
    PATIENT,
    frames,
    requested,
    stream_over,
)

pytestmark = pytest.mark.anyio

NOW_MS = to_ms(NOW)
RENAMED = {
    "binance": "r",
    "bybit": "fundingRate",
    "okx": "fundingRate",
    "deribit": "funding_8h",
    "hyperliquid": "funding",
    "aster": "r",
    "lighter": "current_funding_rate",
    "extended": "p",
    "paradex": "funding_rate",
    "edgex": "fundingRate",
    "grvt": "funding_rate",
    "backpack": "f",
}
"""What drives money, as each venue spells it."""

CUT = [venue for venue in RENAMED if venue != "okx"]
"""Venues that do not cut a socket by themselves where the client's clock is slower than theirs."""


@pytest.fixture(scope="module")
def serving() -> Iterator[RunningSandbox]:
    with running_sandbox(moving_market(HandClock(NOW_MS), symbols=20), pace=PACE) as running:
        yield running


@pytest.fixture
def sandbox(serving: RunningSandbox) -> Iterator[RunningSandbox]:
    yield serving
    serving.clear()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", CUT)
async def test_a_cut_is_a_gap_and_everything_comes_again(
    sandbox: RunningSandbox, settings: Settings, venue: str
) -> None:
    listings, _ = await requested(sandbox, venue, settings, NOW_MS)
    stream = stream_over(venue, listings)
    expected = {*stream.sockets()[0].symbols}
    async with connected(sandbox.stream_urls[venue], stream) as (_, told):
        await told.until(lambda told: told.symbols == expected)
        sandbox.inject(Broken(action="reset", venue=venue, count=1))
        await told.until(lambda told: len(told.of(Connected)) == 2)
        assert len(told.of(Gap)) == 1
        told.events.clear()
        await told.until(lambda told: told.symbols == expected)


@pytest.mark.parametrize("venue", RENAMED)
async def test_a_renamed_field_ends_the_stream_with_what_was_sent(
    sandbox: RunningSandbox, settings: Settings, venue: str
) -> None:
    listings, _ = await requested(sandbox, venue, settings, NOW_MS)
    stream = stream_over(venue, listings)
    sandbox.inject(FieldFault(action="rename", field=RENAMED[venue], venue=venue))
    async with (
        asyncio.timeout(PATIENT),
        aclosing(frames(sandbox, stream, stream.sockets()[0])) as spoken,
    ):
        with pytest.raises(ContractError) as raised:
            [frame async for frame in spoken]
    assert raised.value.venue == venue
    assert RENAMED[venue] in str(raised.value)
    assert raised.value.path
    assert raised.value.payload


async def test_a_venue_that_is_answered_does_not_hang_up(
    sandbox: RunningSandbox, settings: Settings
) -> None:
    """It pings every ten seconds, and would end after a minute without an answer."""
    listings, _ = await requested(sandbox, "edgex", settings, NOW_MS)
    stream = stream_over("edgex", listings)
    answered = 0
    async with (
        asyncio.timeout(PATIENT),
        aclosing(frames(sandbox, stream, stream.sockets()[0])) as spoken,
    ):
        async for frame in spoken:
            answered += frame.answer is not None
            if answered == 9:
                break
    assert answered == 9

"""A connection or a subscription that is not to be had: tried again, told, given up."""

import pytest

from funding_platform.sandbox.faults import (
    FieldFault,
    Status,
    Stream,
)
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.venues.errors import (
    BannedError,
    BreakerOpenError,
    RequestError,
    UnavailableError,
    VenueError,
)
from funding_platform.venues.streams.contract import Frame, Reader, Socket
from funding_platform.venues.streams.events import Connected, GivenUp, Refused
from funding_platform.venues.streams.transport import open_websocket
from funding_platform_tests.venues.streams.connection.kept import DATA, all_spoke
from funding_platform_tests.venues.streams.plain import (
    LINEAR,
    SYMBOLS,
    PlainBybit,
    connected,
    listed,
)

pytestmark = pytest.mark.anyio


async def test_a_refused_subscription_is_told_and_the_others_go_on(
    sandbox: RunningSandbox,
) -> None:
    """Bybit declines a whole message for one topic: the batch of Bitcoin and Ether."""
    sandbox.inject(Stream(action="refuse", venue="bybit", path=f"{DATA}tickers.ETHUSDT"))
    async with connected(sandbox.stream_urls["bybit"]) as (connection, told):
        await told.until(lambda told: bool(told.of(Refused)) and connection.live)
        (refused,) = told.of(Refused)
        assert isinstance(refused.reason, RequestError)
        assert "tickers.ETHUSDT" in str(refused.reason)
        assert connection.carried() == {"tickers": {"SOLUSDT"}}


async def test_a_field_that_is_gone_ends_in_giving_up_until_it_is_back(
    sandbox: RunningSandbox,
) -> None:
    sandbox.inject(FieldFault(action="rename", field="fundingRate", venue="bybit", path=DATA))
    async with connected(sandbox.stream_urls["bybit"]) as (connection, told):
        await told.until(lambda told: bool(told.of(GivenUp)))
        (given_up,) = told.of(GivenUp)
        assert isinstance(given_up.reason, BreakerOpenError)
        assert "no fundingRate" in str(given_up.reason)
        assert 0 < given_up.seconds <= 30
        assert not connection.live
        assert connection.carried() == {}
        sandbox.clear()
        await told.until(lambda told: bool(told.of(Connected)))


async def test_a_venue_that_shuts_us_out_is_left_alone(sandbox: RunningSandbox) -> None:
    sandbox.inject(Status(status=403, venue="bybit", path=LINEAR, count=1))
    async with connected(sandbox.stream_urls["bybit"]) as (_, told):
        await told.until(lambda told: bool(told.of(GivenUp)))
        (given_up,) = told.of(GivenUp)
        assert isinstance(given_up.reason, BannedError)
        assert given_up.seconds > 500


async def test_a_handshake_that_fails_is_tried_again(sandbox: RunningSandbox) -> None:
    sandbox.inject(Status(status=503, venue="bybit", path=LINEAR, count=3))
    async with connected(sandbox.stream_urls["bybit"]) as (_, told):
        await told.until(all_spoke)
        assert told.kinds == ["Failed"] * 3 + ["Connected"]


async def test_nobody_listening_is_given_up_in_the_end() -> None:
    async with connected("ws://127.0.0.1:9/bybit") as (_, told):
        await told.until(lambda told: bool(told.of(GivenUp)))
        assert told.kinds == ["Failed"] * 5 + ["GivenUp"]


class Falling(PlainBybit):
    """The same with a parser that falls over."""

    def reader(self, socket: Socket) -> Reader:
        def falling(message: str | bytes) -> Frame:
            raise ZeroDivisionError("in the parser")

        return falling


async def test_a_parser_that_falls_over_is_a_failure_of_the_venue(sandbox: RunningSandbox) -> None:
    async with connected(sandbox.stream_urls["bybit"], Falling(listed(*SYMBOLS))) as (_, told):
        await told.until(lambda told: bool(told.of(GivenUp)))
        assert "ZeroDivisionError" in str(told.of(GivenUp)[0].reason)


async def test_a_wrong_address_says_what_to_set() -> None:
    with pytest.raises(RequestError, match="FUNDING_STREAM_URLS"):
        async with open_websocket("bybit", "http://127.0.0.1:9/bybit", {}):
            pass


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, VenueError), (500, UnavailableError), (404, RequestError), (418, BannedError)],
)
async def test_what_a_refused_handshake_means(
    sandbox: RunningSandbox, status: int, kind: type[VenueError]
) -> None:
    sandbox.inject(Status(status=status, venue="bybit", path=LINEAR, count=1))
    with pytest.raises(kind, match=f"HTTP {status}"):
        async with open_websocket("bybit", sandbox.stream_urls["bybit"] + LINEAR, {}):
            pass

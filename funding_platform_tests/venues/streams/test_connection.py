"""A connection through every fault of the sandbox, over real sockets and ten times as fast."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.faults import (
    Body,
    FieldFault,
    Latency,
    Status,
    Stream,
)
from funding_platform.sandbox.faults import (
    Connection as Broken,
)
from funding_platform.sandbox.markets.synthetic import SyntheticMarket
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform.venues.errors import (
    BannedError,
    BreakerOpenError,
    ConnectionFailedError,
    RequestError,
    StaleStreamError,
    TooLargeError,
    UnavailableError,
    UndecodableError,
    VenueError,
)
from funding_platform.venues.streams.connection import Connection
from funding_platform.venues.streams.contract import Frame, Reader, Socket
from funding_platform.venues.streams.events import Connected, Gap, GivenUp, Refused, Stale, Updates
from funding_platform.venues.streams.transport import open_websocket
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.venues.streams.plain import (
    FAST,
    LINEAR,
    PACE,
    SYMBOLS,
    Opened,
    PlainBybit,
    Told,
    connected,
    listed,
    passing,
)

pytestmark = pytest.mark.anyio

DATA = f"{LINEAR}#"
EVERY = set(SYMBOLS)


@pytest.fixture(scope="module")
def serving() -> Iterator[RunningSandbox]:
    styles = [wire.style for wire in WIRES.values()]
    market = SyntheticMarket(styles, symbols=20, seed=11, clock=passing(to_ms(NOW)))
    with running_sandbox(market, pace=PACE) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(serving: RunningSandbox) -> Iterator[RunningSandbox]:
    yield serving
    serving.clear()


def all_spoke(told: Told) -> bool:
    return told.symbols == EVERY


def again(told: Told) -> bool:
    return len(told.of(Connected)) == 2


@asynccontextmanager
async def steady(
    sandbox: RunningSandbox, stream: Any = None, **options: Any
) -> AsyncIterator[tuple[Connection, Told]]:
    """Connect, with data of all perpetuals."""
    url = sandbox.stream_urls["bybit"]
    async with connected(url, stream, **options) as (connection, told):
        await told.until(all_spoke)
        assert told.kinds == ["Connected"]
        yield connection, told


async def test_it_brings_what_the_venue_says(sandbox: RunningSandbox) -> None:
    async with steady(sandbox) as (connection, told):
        assert connection.live
        assert connection.carried() == {"tickers": EVERY}
        first = next(u for event in told.of(Updates) for u in event.updates)
        assert isinstance(first.predicted_rate, float)
        heard = len(told.of(Updates))
        await told.until(lambda told: len(told.of(Updates)) > heard + 10)
        assert told.kinds == ["Connected"]
        assert connection.age is not None
    assert told.of(Gap) == []  # being stopped is none


async def test_a_cut(sandbox: RunningSandbox) -> None:
    async with steady(sandbox) as (connection, told):
        sandbox.inject(Broken(action="reset", venue="bybit", path=DATA, count=1))
        await told.until(again)
        assert told.kinds == ["Connected", "Gap", "Connected"]
        (gap,) = told.of(Gap)
        assert isinstance(gap.reason, ConnectionFailedError)
        assert gap.since <= FAST.now()
        assert connection.live


async def test_rotated_by_the_venue(sandbox: RunningSandbox) -> None:
    async with steady(sandbox) as (_, told):
        sandbox.inject(Stream(action="rotate", venue="bybit", count=1))
        await told.until(again)
        assert "code 1001" in str(told.of(Gap)[0].reason)


async def test_half_open_silence(sandbox: RunningSandbox) -> None:
    """Neither data nor an end, nor an answer to a ping: noticed by the age of the data."""
    async with steady(sandbox) as (_, told):
        sandbox.inject(Broken(action="hang", venue="bybit", path=DATA, count=1))
        await told.until(again)
        (gap,) = told.of(Gap)
        assert isinstance(gap.reason, StaleStreamError)
        assert "tickers" in str(gap.reason)


async def test_a_stale_channel_under_a_live_socket(sandbox: RunningSandbox) -> None:
    async with steady(sandbox) as (_, told):
        sandbox.inject(Stream(action="stale", venue="bybit", path=DATA, count=len(SYMBOLS)))
        await told.until(again)
        assert isinstance(told.of(Gap)[0].reason, StaleStreamError)


class EachSpeaks(PlainBybit):
    """The same, where every perpetual has to speak."""

    spec = replace(PlainBybit.spec, channels=(replace(PlainBybit.spec.channels[0], of_each=True),))


async def test_one_perpetual_that_falls_silent_is_told_and_costs_the_others_nothing(
    sandbox: RunningSandbox,
) -> None:
    """Another socket is tried once, beside the one that is; this one has the same silence."""
    opened = Opened()
    stream = EachSpeaks(listed(*SYMBOLS))
    async with steady(sandbox, stream, open_transport=opened) as (connection, told):
        sandbox.inject(Stream(action="stale", venue="bybit", path=f"{DATA}tickers.ETHUSDT"))
        await told.until(lambda told: bool(told.of(Stale)))
        (stale,) = told.of(Stale)
        assert (stale.channel, stale.symbols) == ("tickers", {"ETHUSDT"})
        assert connection.carried() == {"tickers": EVERY - {"ETHUSDT"}}
        await told.until(lambda _: opened.times == 2)
        assert connection.live
        assert told.kinds == ["Connected", "Stale"]
        sandbox.clear()


async def test_a_malformed_frame_starts_anew(sandbox: RunningSandbox) -> None:
    """What it said is not known, and may have been all that ever tells of a change."""
    async with steady(sandbox) as (_, told):
        sandbox.inject(Body(action="truncate", venue="bybit", path=DATA, count=1))
        await told.until(again)
        (gap,) = told.of(Gap)
        assert isinstance(gap.reason, UndecodableError)
        assert gap.reason.payload is not None
        assert "tickers" in gap.reason.payload


@pytest.mark.parametrize("action", ["duplicate", "reorder"])
async def test_frames_out_of_order_are_passed_on(sandbox: RunningSandbox, action: Any) -> None:
    """They are the board's to judge, by the venue's time."""
    async with steady(sandbox) as (connection, told):
        heard = len(told.of(Updates))
        sandbox.inject(Stream(action=action, venue="bybit", count=3))
        await told.until(lambda told: len(told.of(Updates)) > heard + 10)
        assert told.kinds == ["Connected"]
        assert connection.live


async def test_late_frames_are_no_gap(sandbox: RunningSandbox) -> None:
    async with steady(sandbox) as (_, told):
        heard = len(told.of(Updates))
        sandbox.inject(Latency(seconds=0.2, venue="bybit", path=DATA, count=1))
        await told.until(lambda told: len(told.of(Updates)) > heard + 10)
        assert told.kinds == ["Connected"]


async def test_a_change_before_the_snapshot_is_for_the_parser(sandbox: RunningSandbox) -> None:
    sandbox.inject(Stream(action="delta_first", venue="bybit"))
    async with steady(sandbox) as (_, told):
        first = next(u for event in told.of(Updates) for u in event.updates)
        assert isinstance(first.predicted_rate, float)


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


class Briefly(PlainBybit):
    """The same at a venue that cuts after twenty seconds."""

    spec = replace(PlainBybit.spec, lifetime=timedelta(seconds=20))


async def test_it_is_replaced_before_the_venue_cuts_without_a_gap(sandbox: RunningSandbox) -> None:
    opened = Opened()
    stream = Briefly(listed(*SYMBOLS))
    async with steady(sandbox, stream, open_transport=opened) as (connection, told):
        await told.until(lambda _: opened.times == 4)
        assert told.kinds == ["Connected"]
        assert connection.live


class Announced(PlainBybit):
    """The same at a venue that announces its end."""

    def reader(self, socket: Socket) -> Reader:
        read = super().reader(socket)
        self.readers = getattr(self, "readers", 0) + 1
        first = self.readers == 1

        def announcing(message: str | bytes) -> Frame:
            frame = read(message)
            return replace(frame, ends=first and bool(frame.updates))

        return announcing


async def test_an_announced_end_is_gone_ahead_of(sandbox: RunningSandbox) -> None:
    stream = Announced(listed(*SYMBOLS))
    async with steady(sandbox, stream) as (connection, told):
        await told.until(lambda _: stream.readers == 2)
        heard = len(told.of(Updates))
        await told.until(lambda told: len(told.of(Updates)) > heard + 10)
        assert told.kinds == ["Connected"]
        assert connection.live


class Missing(PlainBybit):
    """The same with a message lost on the way, once."""

    lost = False

    def reader(self, socket: Socket) -> Reader:
        read = super().reader(socket)

        def missing(message: str | bytes) -> Frame:
            frame = read(message)
            restart = bool(frame.updates) and not self.lost
            self.lost = self.lost or restart
            return replace(frame, restart=restart)

        return missing


async def test_a_message_missed_starts_anew(sandbox: RunningSandbox) -> None:
    async with connected(sandbox.stream_urls["bybit"], Missing(listed(*SYMBOLS))) as (_, told):
        await told.until(lambda told: again(told) and all_spoke(told))
        assert "a message was lost" in str(told.of(Gap)[0].reason)


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


async def test_a_message_beyond_all_bounds(sandbox: RunningSandbox, monkeypatch: Any) -> None:
    monkeypatch.setattr("funding_platform.venues.streams.transport.MAX_FRAME_BYTES", 200)
    url = sandbox.stream_urls["bybit"] + LINEAR
    async with open_websocket("bybit", url, {}) as transport:
        await transport.send('{"op":"subscribe","args":["tickers.BTCUSDT"]}')
        with pytest.raises(TooLargeError, match="more than 200 bytes"):
            await transport.receive()


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

"""A connection that is up, through every fault of the sandbox."""

from dataclasses import replace
from typing import Any

import pytest

from funding_platform.sandbox.faults import (
    Body,
    Latency,
    Stream,
)
from funding_platform.sandbox.faults import (
    Connection as Broken,
)
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.venues.errors import (
    ConnectionFailedError,
    StaleStreamError,
    TooLargeError,
    UndecodableError,
)
from funding_platform.venues.streams import connection as connection_module
from funding_platform.venues.streams.contract import Frame, Reader, Socket
from funding_platform.venues.streams.events import Gap, Stale, Updates
from funding_platform.venues.streams.transport import open_websocket
from funding_platform_tests.venues.streams.connection.kept import (
    DATA,
    EVERY,
    again,
    all_spoke,
    steady,
)
from funding_platform_tests.venues.streams.plain import (
    FAST,
    LINEAR,
    SYMBOLS,
    Opened,
    PlainBybit,
    connected,
    listed,
)

pytestmark = pytest.mark.anyio


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


async def test_one_that_falls_silent_soon_after_another_is_not_forgotten(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sockets are not replaced one upon the other; but who fell silent meanwhile has its own."""
    bound = EachSpeaks.spec.channels[0].silence.total_seconds()
    monkeypatch.setattr(connection_module, "SUCCESSION_SECONDS", 5 * bound)
    opened = Opened()
    stream = EachSpeaks(listed(*SYMBOLS))
    async with steady(sandbox, stream, open_transport=opened) as (connection, told):

        async def silenced_and_replaced(symbol: str, sockets: int) -> None:
            path = f"{DATA}tickers.{symbol}"
            sandbox.inject(Stream(action="stale", venue="bybit", path=path, count=1))
            await told.until(lambda told: any(symbol in one.symbols for one in told.of(Stale)))
            await told.until(lambda _: opened.times == sockets)
            await told.until(lambda _: connection.carried() == {"tickers": EVERY})

        await silenced_and_replaced("ETHUSDT", 2)
        await silenced_and_replaced("BTCUSDT", 3)
        assert told.of(Gap) == []


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


async def test_a_message_beyond_all_bounds(sandbox: RunningSandbox, monkeypatch: Any) -> None:
    monkeypatch.setattr("funding_platform.venues.streams.transport.MAX_FRAME_BYTES", 200)
    url = sandbox.stream_urls["bybit"] + LINEAR
    async with open_websocket("bybit", url, {}) as transport:
        await transport.send('{"op":"subscribe","args":["tickers.BTCUSDT"]}')
        with pytest.raises(TooLargeError, match="more than 200 bytes"):
            await transport.receive()

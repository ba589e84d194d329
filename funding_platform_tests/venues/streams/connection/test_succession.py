"""A connection is replaced before its venue ends it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from funding_platform.sandbox.server import RunningSandbox
from funding_platform.venues.streams.contract import Frame, Reader, Socket
from funding_platform.venues.streams.events import Updates
from funding_platform_tests.venues.streams.connection.kept import steady
from funding_platform_tests.venues.streams.plain import (
    SYMBOLS,
    Opened,
    PlainBybit,
    listed,
)

pytestmark = pytest.mark.anyio


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

"""A connection to the sandbox's Bybit that is kept up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from funding_platform.sandbox.server import RunningSandbox
from funding_platform.venues.streams.connection import Connection
from funding_platform.venues.streams.events import Connected
from funding_platform_tests.venues.streams.plain import (
    LINEAR,
    SYMBOLS,
    Told,
    connected,
)

DATA = f"{LINEAR}#"
EVERY = set(SYMBOLS)


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

"""A supervisor over the sandbox, at work, and what it tells."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from funding_platform.live.sources import MakeStream, Pacing, Source
from funding_platform.live.supervisor import Supervisor
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.venues.streams.plain import (
    FAST,
    LINEAR,
    PATIENT,
    PlainBybit,
)

DATA = f"{LINEAR}#"


@dataclass
class Notes:
    """A sink that keeps what it was told, and wakes who waits for it."""

    listed: dict[str, set[str]] = field(default_factory=dict)
    updates: dict[str, list[MarketUpdate]] = field(default_factory=dict)
    gaps: list[tuple[str, str]] = field(default_factory=list)
    untils: set[str | None] = field(default_factory=set)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def list_instruments(self, instruments: pl.DataFrame) -> None:
        (venue,) = instruments["venue"].unique()
        self.listed[venue] = {*instruments["venue_symbol"]}
        self._more.set()

    def apply(self, venue: str, received_at: datetime, updates: Sequence[MarketUpdate]) -> None:
        self.updates.setdefault(venue, []).extend(updates)
        self._more.set()

    def mark_gap(
        self,
        venue: str,
        symbols: Sequence[str] | None,
        reason: str,
        at: datetime,
        until: str | None = None,
    ) -> None:
        self.gaps.append((venue, reason))
        self.untils.add(until)
        self._more.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENT):
            while not reached():
                self._more.clear()
                await self._more.wait()


class LinearBybit(PlainBybit):
    """The small stream of the perpetuals on one of Bybit's two addresses."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        kept = [row for row in listings if row.contract_type == "linear"]
        super().__init__([row for row in kept if row.status == "Trading"])


@dataclass
class Live:
    """A supervisor at work."""

    supervisor: Supervisor
    notes: Notes

    def counts(self, venue: str) -> Any:
        return self.supervisor.health()[venue].counts

    async def until(self, reached: Callable[["Live"], bool]) -> None:
        await self.notes.until(lambda: reached(self))


@asynccontextmanager
async def supervised(
    sandbox: RunningSandbox,
    folder: Path,
    venues: Sequence[str] = ("bybit", "drift"),
    stream: MakeStream = LinearBybit,
    **pacing: float,
) -> AsyncIterator[Live]:
    settings = Settings(data_dir=folder, venue_urls=sandbox.venue_urls, rate_limit_scale=1_000)

    def source(name: str) -> Source:
        streamed = name == "bybit"
        return Source(
            name=name,
            open=lambda: open_venue(name, settings=settings),
            stream=stream if streamed else None,
            stream_url=settings.stream_url(name),
        )

    notes = Notes()
    supervisor = Supervisor(
        map(source, venues), notes, pacing=replace(Pacing(), **pacing), clock=FAST
    )
    running = asyncio.create_task(supervisor.run())
    try:
        yield Live(supervisor, notes)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def streaming(live: Live) -> bool:
    health = live.supervisor.health()["bybit"]
    return health.live == health.connections == 1 and live.counts("bybit").refills > 0


@asynccontextmanager
async def steady(sandbox: RunningSandbox, folder: Path, **options: Any) -> AsyncIterator[Live]:
    async with supervised(sandbox, folder, **options) as live:
        await live.until(streaming)
        yield live

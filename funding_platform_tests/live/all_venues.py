"""Every venue that streams, in one sandbox, followed at a pace that the machine can keep."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from msgspec import UNSET

from funding_platform.core.system.clock import Clock
from funding_platform.live.refill import filling_updates
from funding_platform.live.sources import Pacing, Source
from funding_platform.live.statistics import FeedHealth
from funding_platform.live.supervisor import Supervisor
from funding_platform.sandbox.markets.synthetic import SyntheticMarket
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform.sandbox.wire.streams.registry import DIALECTS
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.streams.registry import stream_class
from funding_platform.venues.streams.updates import VALUES, MarketUpdate

BUSY = min(8.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))
"""How many times as much as it can the machine is asked to do."""

PACE = 4.0 / BUSY
"""Venues and collector live so fast: on a machine that does much else, the limits that both have
for a silence or an answer would pass before they get a turn, and streams be cut without a fault."""

ANSWER_SECONDS = 3.0 * BUSY

PATIENT = 1_800.0
"""Seconds that something is waited for; only a failure takes so long."""

SYMBOLS = 12


@dataclass
class WallClock:
    """The present, until it is stopped."""

    stopped_ms: int | None = None

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 if self.stopped_ms is None else self.stopped_ms

    def stop(self) -> None:
        self.stopped_ms = self()


@dataclass
class Latest:
    """A board: the newest of every value, by the venue's own time where it has one."""

    values: dict[tuple[str, str, str], tuple[int, Any]] = field(default_factory=dict)
    gaps: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def list_instruments(self, instruments: pl.DataFrame) -> None: ...

    def apply(self, venue: str, received_at: datetime, updates: Sequence[MarketUpdate]) -> None:
        for update in updates:
            event = 0 if update.event_ms is None else update.event_ms
            for name in VALUES:
                value, cell = getattr(update, name), (venue, update.venue_symbol, name)
                if value is not UNSET and (event == 0 or event >= self.values.get(cell, (0, 0))[0]):
                    self.values[cell] = (event, value)

    def mark_gap(
        self,
        venue: str,
        symbols: Sequence[str] | None,
        reason: str,
        at: datetime,
        until: str | None = None,
    ) -> None:
        self.gaps[venue] += 1

    def shown(self, venue: str) -> dict[tuple[str, str], Any]:
        return {
            (symbol, name): value
            for (of, symbol, name), (_, value) in self.values.items()
            if of == venue and value is not None
        }


@dataclass
class Running:
    sandbox: RunningSandbox
    supervisor: Supervisor
    latest: Latest
    settings: Settings
    clock: WallClock

    @property
    def health(self) -> Mapping[str, FeedHealth]:
        return self.supervisor.health()

    @property
    def venues(self) -> list[str]:
        return [*self.health]

    def counts(self, venue: str) -> Any:
        return self.health[venue].counts

    @property
    def well(self) -> bool:
        return all(
            health.live == health.connections > 0 and not health.silent
            for health in self.health.values()
        )

    async def until(self, reached: Callable[[], bool]) -> None:
        for _ in range(int(PATIENT * 10)):
            if reached():
                return
            await asyncio.sleep(0.1)
        pytest.fail("\n".join(f"{name}: {health}" for name, health in self.health.items()))


@contextmanager
def streaming_venues() -> Iterator[tuple[RunningSandbox, WallClock]]:
    """Run a sandbox of every venue that has a stream, and hand out the clock of its market."""
    clock = WallClock()
    styles = [WIRES[venue].style for venue in DIALECTS]
    market = SyntheticMarket(styles, symbols=SYMBOLS, seed=11, clock=clock)
    with running_sandbox(market, pace=PACE) as sandbox:
        yield sandbox, clock


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds / PACE)


@asynccontextmanager
async def running(
    sandbox_and_clock: tuple[RunningSandbox, WallClock], folder: Path
) -> AsyncIterator[Running]:
    sandbox, clock = sandbox_and_clock
    settings = Settings(
        data_dir=folder,
        venue_urls=sandbox.venue_urls,
        rate_limit_scale=1_000,
        request_timeout_seconds=ANSWER_SECONDS,
    )

    def source(name: str) -> Source:
        return Source(
            name=name,
            open=lambda: open_venue(name, settings=settings),
            stream=stream_class(name),
            stream_url=settings.stream_url(name),
        )

    latest = Latest()
    supervisor = Supervisor(
        map(source, DIALECTS),
        latest,
        pacing=Pacing(outage=5.0, lacking=20.0),
        scale=1_000,
        clock=Clock(timer=lambda: time.monotonic() * PACE, sleep=_sleep),
    )
    task = asyncio.create_task(supervisor.run())
    try:
        one = Running(sandbox, supervisor, latest, settings, clock)
        await one.until(lambda: one.well)
        yield one
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def frames_of(venue: str) -> str:
    """Return where a fault meets frames of a venue, and none of its requests."""
    fixed, placeholder, _ = DIALECTS[venue].paths[0].partition("{")
    return fixed if placeholder else f"{fixed}#"


async def by_request(venue: str, settings: Settings) -> dict[tuple[str, str], Any]:
    """Ask for the market as it stands."""
    async with open_venue(venue, settings=settings) as opened:
        updates = filling_updates(await opened.market_snapshot(), {})
    return {
        (update.venue_symbol, name): value
        for update in updates
        for name in VALUES
        if (value := getattr(update, name)) is not UNSET
    }


async def differences(one: Running) -> list[str]:
    """List what is shown otherwise than the venues have it."""
    found = []
    for venue in one.venues:
        shown = one.latest.shown(venue)
        for key, value in (await by_request(venue, one.settings)).items():
            if shown.get(key) != pytest.approx(value, rel=1e-6):
                found.append(f"{venue} {key}: {shown.get(key)} for {value}")
    return found


async def lasting_differences(one: Running) -> list[str]:
    """List those that are still there after a while."""
    left = await differences(one)
    for _ in range(int(PATIENT)):
        if not left:
            break
        await asyncio.sleep(1.0)
        left = await differences(one)
    return left

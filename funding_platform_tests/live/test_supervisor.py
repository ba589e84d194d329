"""All venues at once through the faults of the sandbox: what fails is refilled, and fails alone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.core.time_grid import to_ms
from funding_platform.live.sources import MakeStream, Pacing, Source
from funding_platform.live.supervisor import Supervisor
from funding_platform.sandbox.faults import Connection as Broken
from funding_platform.sandbox.faults import FieldFault, Status, Stream
from funding_platform.sandbox.markets.synthetic import SyntheticMarket
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.streams.contract import Frame, Reader, Socket
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.venues.streams.plain import (
    FAST,
    LINEAR,
    PACE,
    PATIENT,
    PlainBybit,
    passing,
)

pytestmark = pytest.mark.anyio

DATA = f"{LINEAR}#"
SYMBOLS = 12


@pytest.fixture(scope="module")
def serving() -> Iterator[RunningSandbox]:
    styles = [wire.style for wire in WIRES.values()]
    market = SyntheticMarket(styles, symbols=SYMBOLS, seed=11, clock=passing(to_ms(NOW)))
    with running_sandbox(market, pace=PACE) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(serving: RunningSandbox) -> Iterator[RunningSandbox]:
    yield serving
    serving.clear()


@dataclass
class Notes:
    """A sink that keeps what it was told, and wakes who waits for it."""

    listed: dict[str, set[str]] = field(default_factory=dict)
    updates: dict[str, list[MarketUpdate]] = field(default_factory=dict)
    gaps: list[tuple[str, str]] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def list_instruments(self, instruments: pl.DataFrame) -> None:
        (venue,) = instruments["venue"].unique()
        self.listed[venue] = {*instruments["venue_symbol"]}
        self._more.set()

    def apply(self, venue: str, received_at: datetime, updates: Sequence[MarketUpdate]) -> None:
        self.updates.setdefault(venue, []).extend(updates)
        self._more.set()

    def mark_gap(
        self, venue: str, symbols: Sequence[str] | None, reason: str, at: datetime
    ) -> None:
        self.gaps.append((venue, reason))
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


async def test_the_board_fills_from_streams_and_from_rest(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with steady(sandbox, tmp_path) as live:
        await live.until(lambda live: live.counts("drift").refills > 0)
        notes = live.notes
        assert notes.listed.keys() == {"bybit", "drift"}
        for venue in ("bybit", "drift"):
            said = {u.venue_symbol for u in notes.updates[venue]}
            assert said
            assert said <= notes.listed[venue]
        health = live.supervisor.health()["bybit"]
        assert health.messages_per_second > 0
        assert health.updates_per_second > 0
        assert health.age_seconds is not None
        assert live.supervisor.health()["drift"].connections == 0
        assert notes.gaps == []


async def test_a_venue_without_a_stream_is_polled(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async with supervised(sandbox, tmp_path, ["drift"]) as live:
        await live.until(lambda live: live.counts("drift").refills == 3)
        assert live.counts("drift").messages == 0


async def test_an_aggregator_is_not_asked_what_it_lists(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with supervised(sandbox, tmp_path, ["coingecko"], outage=2.0) as live:
        await live.until(lambda live: live.counts("coingecko").refills == 2)
        assert live.counts("coingecko").last_failure is None
        assert live.notes.listed == {}


async def test_a_cut_is_marked_and_refilled_and_nobody_else_is_concerned(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with steady(sandbox, tmp_path) as live:
        sandbox.inject(Broken(action="reset", venue="bybit", path=DATA, count=1))
        await live.until(lambda live: live.counts("bybit").gaps == 1)
        refills = live.counts("bybit").refills
        await live.until(
            lambda live: (
                live.counts("bybit").connects == 2 and live.counts("bybit").refills > refills
            )
        )
        assert {venue for venue, _ in live.notes.gaps} == {"bybit"}
        assert live.counts("drift").gaps == live.counts("drift").failed_refills == 0


async def test_rest_takes_over_for_as_long_as_a_channel_is_stale(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with steady(sandbox, tmp_path) as live:
        sandbox.inject(Stream(action="stale", venue="bybit", path=DATA))
        await live.until(lambda live: live.counts("bybit").gaps == 1)
        refills, seen = live.counts("bybit").refills, len(live.notes.updates["bybit"])
        await live.until(lambda live: live.counts("bybit").refills >= refills + 3)
        filled = live.notes.updates["bybit"][seen:]
        assert filled
        assert all(isinstance(update.predicted_rate, float) for update in filled)
        sandbox.clear()
        await live.until(lambda live: live.counts("bybit").connects == 2)


async def test_a_broken_contract_stops_the_stream_and_not_the_venue(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.inject(FieldFault(action="rename", field="fundingRate", venue="bybit", path=DATA))
    async with supervised(sandbox, tmp_path) as live:
        await live.until(lambda live: live.counts("bybit").given_up > 0)
        assert "no fundingRate" in live.counts("bybit").last_failure
        refills = live.counts("bybit").refills
        await live.until(lambda live: live.counts("bybit").refills > refills)
        sandbox.clear()
        await live.until(streaming)


async def test_rest_that_fails_leaves_the_stream_alone(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with steady(sandbox, tmp_path, venues=["bybit"], lacking=5.0) as live:
        sandbox.inject(Status(venue="bybit", path="/v5/market/tickers", status=403, count=1))
        await live.until(lambda live: live.counts("bybit").failed_refills == 1)
        messages = live.counts("bybit").messages
        await live.until(lambda live: live.counts("bybit").messages > messages + 10)
        assert live.notes.gaps == []


async def test_what_streams_lack_is_asked_for_now_and_then(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """The small stream has rates and marks only; open interest comes by REST."""
    async with steady(sandbox, tmp_path, venues=["bybit"], lacking=5.0) as live:
        refills, seen = live.counts("bybit").refills, len(live.notes.updates["bybit"])
        await live.until(lambda live: live.counts("bybit").refills >= refills + 2)
        rows = live.notes.updates["bybit"][seen:]
        by_rest = [row for row in rows if isinstance(row.open_interest_base, float)]
        streamed = {
            row.venue_symbol for row in rows if not isinstance(row.open_interest_base, float)
        }
        assert by_rest
        assert all(
            not isinstance(row.predicted_rate, float)
            for row in by_rest
            if row.venue_symbol in streamed
        )


async def test_a_refused_subscription_is_made_up_for_by_rest(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.inject(Stream(action="refuse", venue="bybit", path=DATA, count=1))
    async with steady(sandbox, tmp_path, venues=["bybit"], lacking=5.0) as live:
        assert live.counts("bybit").refusals == 1
        refills = live.counts("bybit").refills
        await live.until(lambda live: live.counts("bybit").refills >= refills + 3)
        by_rest = {
            row.venue_symbol
            for row in live.notes.updates["bybit"]
            if isinstance(row.open_interest_base, float) and isinstance(row.predicted_rate, float)
        }
        assert by_rest


class Strange(LinearBybit):
    """The same, which soon names a perpetual that nobody listed."""

    def reader(self, socket: Socket) -> Reader:
        read = super().reader(socket)

        def strange(message: str | bytes) -> Frame:
            frame = read(message)
            renamed = [replace_symbol(update, "NEWUSDT") for update in frame.updates[:1]]
            return replace(frame, updates=[*frame.updates, *renamed])

        return strange


def replace_symbol(update: MarketUpdate, symbol: str) -> MarketUpdate:
    return MarketUpdate(venue_symbol=symbol, event_ms=update.event_ms, mark_price=1.0)


async def test_a_stranger_has_the_listings_asked_for_and_is_not_shown(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    listings = "/v5/market/instruments-info"
    async with steady(
        sandbox, tmp_path, venues=["bybit"], stream=Strange, strangers=1.0, listings=1e6
    ) as live:
        before = sandbox.stats()["bybit"][listings]["requests"]
        await live.until(
            lambda live: (
                live.counts("bybit").strangers > 0
                and sandbox.stats()["bybit"][listings]["requests"] > before
            )
        )
        assert "NEWUSDT" not in {row.venue_symbol for row in live.notes.updates["bybit"]}


def is_streamed(row: MarketUpdate) -> bool:
    """Tell whether the small stream may have said it."""
    return isinstance(row.mark_price, float) and not isinstance(row.open_interest_base, float)


async def test_what_is_newly_listed_is_followed(tmp_path: Path) -> None:
    """The market begins a day before a listing, and is then moved past it."""
    styles = [WIRES["bybit"].style]
    now = [to_ms(NOW)]
    market = SyntheticMarket(styles, symbols=40, seed=11, clock=lambda: now[0])
    every = SyntheticMarket(styles, symbols=40, seed=11, clock=lambda: to_ms(NOW) * 2)
    new = max(
        (i for i in every.instruments("bybit") if i.contract.contract_type == "linear"),
        key=lambda i: i.listed_ms,
    )
    now[0] = new.listed_ms - 1_000
    with running_sandbox(market, pace=PACE) as sandbox:
        async with steady(sandbox, tmp_path, venues=["bybit"], listings=20.0) as live:
            assert new.venue_symbol not in live.notes.listed["bybit"]
            now[0] = new.listed_ms + 60_000
            await live.until(
                lambda live: (
                    new.venue_symbol in live.notes.listed["bybit"]
                    and any(
                        row.venue_symbol == new.venue_symbol and is_streamed(row)
                        for row in live.notes.updates["bybit"]
                    )
                )
            )


async def test_a_failure_of_ours_costs_one_venue_only(
    sandbox: RunningSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def unmade(listings: Iterable[Listing]) -> LinearBybit:
        raise ZeroDivisionError("in the making")

    async with supervised(sandbox, tmp_path, stream=unmade) as live:
        await live.until(
            lambda live: live.counts("bybit").restarts > 0 and live.counts("drift").refills > 1
        )
        assert "ZeroDivisionError" in caplog.text

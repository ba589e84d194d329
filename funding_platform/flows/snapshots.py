"""Collecting what venues serve only as "now": instruments and market snapshots.

All venues are asked at once. One that is down costs itself only: the others are committed, its
attempt is logged with the reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.schema import Table
from funding_platform.core.tables import COLLECTION_LOG, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import HOUR, Window, floor_hour
from funding_platform.flows.collection_log import Attempt, log_frame
from funding_platform.flows.errors import EmptyAnswerError, PerishableError
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake, Scope, Transaction
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.base import Venue


@dataclass(frozen=True, slots=True)
class Collected:
    """What one venue gave: rows, or the error that its attempt carries."""

    attempt: Attempt
    frame: pl.DataFrame


def require_running_hour(hour: datetime, now: datetime) -> None:
    """Refuse to file today's answer under another hour's name.

    Raises
    ------
    PerishableError
        If ``hour`` is not the hour that ``now`` lies in.
    """
    if hour != floor_hour(now):
        raise PerishableError(
            f"a snapshot of {hour:%Y-%m-%d %H:00} UTC cannot be taken at {now:%Y-%m-%d %H:%M} UTC",
            hint="venues serve snapshots only as now: materialise the running hour's partition",
        )


def collect_instruments(
    venues: Sequence[str], settings: Settings, run_id: str
) -> dict[str, Collected]:
    """Contract facts of the venues into ``core.instruments``; first sightings are kept."""

    def store(transaction: Transaction, frame: pl.DataFrame) -> None:
        transaction.upsert(INSTRUMENTS, frame, keep=("first_seen_at",))

    return _collect(INSTRUMENTS, venues, settings, run_id, Venue.instruments, store)


def collect_snapshots(
    venues: Sequence[str], settings: Settings, run_id: str
) -> dict[str, Collected]:
    """The market of the running hour into ``core.market_snapshots``; the last look wins."""

    def store(transaction: Transaction, frame: pl.DataFrame) -> None:
        for (venue, hour), part in frame.group_by("venue", "snapshot_hour"):
            scope = Scope({"venue": str(venue)}, "snapshot_hour", _hour_from(hour))
            transaction.replace(MARKET_SNAPSHOTS, part, scope)

    return _collect(MARKET_SNAPSHOTS, venues, settings, run_id, Venue.market_snapshot, store)


def _collect(
    table: Table,
    venues: Sequence[str],
    settings: Settings,
    run_id: str,
    ask: Callable[[Venue], Awaitable[pl.DataFrame]],
    store: Callable[[Transaction, pl.DataFrame], None],
) -> dict[str, Collected]:
    """Ask all venues at once, commit what came and the log in one transaction."""
    collected = asyncio.run(_ask_all(table, venues, settings, run_id, ask))
    with Lake(settings) as lake, lake.commit(run_id, f"{table.name} of {len(venues)} venues") as tx:
        for one in collected:
            if one.attempt.error is None:
                store(tx, one.frame)
        tx.append(COLLECTION_LOG, log_frame([one.attempt for one in collected]))
    return {one.attempt.venue: one for one in collected}


async def _ask_all(
    table: Table,
    venues: Sequence[str],
    settings: Settings,
    run_id: str,
    ask: Callable[[Venue], Awaitable[pl.DataFrame]],
) -> list[Collected]:
    advance = begin(table.name.replace("_", " "), len(venues))

    async def one(name: str) -> Collected:
        collected = await _ask_one(table, name, settings, run_id, ask)
        advance()
        return collected

    return await asyncio.gather(*(one(name) for name in venues))


async def _ask_one(
    table: Table,
    name: str,
    settings: Settings,
    run_id: str,
    ask: Callable[[Venue], Awaitable[pl.DataFrame]],
) -> Collected:
    """One venue's answer, or an empty frame and the reason."""
    now = datetime.now(UTC)
    attempt = Attempt(run_id, name, table, started_at=now, finished_at=now)
    frame = table.empty()
    try:
        async with open_venue(name, settings=settings) as venue:
            try:
                frame = await ask(venue)
            finally:
                attempt.warnings = list(venue.warnings)
                attempt.requests = venue.stats.requests
                attempt.latency_ms = venue.stats.mean_latency_ms
        if frame.is_empty():
            raise EmptyAnswerError(
                f"{name} answered without a single row for {table.full_name}",
                hint="an empty answer is not success; see the venue's status page",
            )
    except FundingError as error:
        attempt.error = error
    attempt.finished_at = datetime.now(UTC)
    attempt.rows = attempt.symbols = frame.height
    return Collected(attempt, frame)


def _hour_from(start: object) -> Window:
    assert isinstance(start, datetime)
    return Window(start, start + HOUR)

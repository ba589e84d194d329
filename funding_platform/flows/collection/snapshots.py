"""Collecting what venues serve only as "now": instruments and market snapshots.

All venues are asked at once. One that is down costs itself only: the others are committed, its
attempt is logged with the reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import methodcaller
from typing import Final

import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    INSTRUMENTS,
    LISTINGS,
    MARKET_SNAPSHOTS,
    RAW_PAYLOADS,
)
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import HOUR, Window, floor_hour
from funding_platform.flows.collection.clock import require_right_clock
from funding_platform.flows.collection.listings import note_listings
from funding_platform.flows.collection.log import Attempt, log_frame
from funding_platform.flows.collection.recording import Recording, store_answers
from funding_platform.flows.errors import ClockError, PerishableError
from funding_platform.flows.live.latest import Latest
from funding_platform.flows.live.snapshots import board_of, snapshot_from_board
from funding_platform.flows.progress import begin
from funding_platform.lake.validation import validate
from funding_platform.lake.writer import Lake, Scope, Transaction
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import EmptyAnswerError, VenueTimeoutError
from funding_platform.venues.registry import offering
from funding_platform.venues.rest.memory import Share
from funding_platform.venues.unexpected import typed_failures


@dataclass(frozen=True, slots=True)
class Collected:
    """What one venue gave: rows, or the error that its attempt carries."""

    attempt: Attempt
    frame: pl.DataFrame
    recording: Recording


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table that is served only as "now": what to ask a venue, and how to store the answer.

    Parameters
    ----------
    table, ask, store
        Of what, and how.
    patience_seconds
        How long a venue is waited for, where that is not the setting for snapshots.
    may_be_empty
        Whether no rows are an answer.
    beside
        Other tables that ``store`` writes.
    """

    table: Table
    ask: Callable[[Venue], Awaitable[pl.DataFrame]]
    store: Callable[[Transaction, pl.DataFrame], None]
    patience_seconds: float | None = None
    may_be_empty: bool = False
    beside: tuple[Table, ...] = ()

    @property
    def writes(self) -> tuple[Table, ...]:
        """All tables that ``store`` writes."""
        return (self.table, *self.beside)


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
    """Store the venues' contract facts in ``core.instruments``; first sightings are kept."""
    return asyncio.run(collect_async(INSTRUMENTS, venues, settings, run_id))


def collect_snapshots(
    venues: Sequence[str], settings: Settings, run_id: str
) -> dict[str, Collected]:
    """Store the running hour's market in ``core.market_snapshots``; the last look wins."""
    return asyncio.run(collect_async(MARKET_SNAPSHOTS, venues, settings, run_id))


def _store_instruments(transaction: Transaction, frame: pl.DataFrame) -> None:
    transaction.upsert(INSTRUMENTS, frame, keep=("first_seen_at",))
    note_listings(transaction, frame)


def _store_snapshots(transaction: Transaction, frame: pl.DataFrame) -> None:
    replace_hour(transaction, MARKET_SNAPSHOTS, frame)


def replace_hour(transaction: Transaction, table: Table, frame: pl.DataFrame) -> None:
    """Store the rows of venues by their ``snapshot_hour``, in place of what is there of them."""
    for (hour,), part in frame.group_by("snapshot_hour"):
        venues = tuple(part["venue"].unique())
        scope = Scope({"venue": venues}, "snapshot_hour", _hour_from(hour))
        transaction.replace(table, part, scope)


SNAPSHOTS: Final = {
    one.table.full_name: one
    for one in (
        Snapshot(INSTRUMENTS, methodcaller("instruments"), _store_instruments, beside=(LISTINGS,)),
        Snapshot(MARKET_SNAPSHOTS, methodcaller("market_snapshot"), _store_snapshots),
    )
}


async def collect_async(
    table: Table, venues: Sequence[str], settings: Settings, run_id: str
) -> dict[str, Collected]:
    """Ask all venues that offer a table at once; commit what came, and the log, as one.

    Parameters
    ----------
    table
        ``core.instruments`` or ``core.market_snapshots``.

    Returns
    -------
    dict
        By venue, what it gave or why it gave nothing.
    """
    return await collect_now(SNAPSHOTS[table.full_name], offering(table, venues), settings, run_id)


async def collect_now(
    what: Snapshot, venues: Sequence[str], settings: Settings, run_id: str
) -> dict[str, Collected]:
    """Do as ``collect_async``, for anything that is served as "now"."""
    collected = await _ask_all(what, venues, settings, run_id)
    right = _by_a_right_clock(collected)
    message = f"{what.table.name} of {len(venues)} venues"
    written = (*what.writes, COLLECTION_LOG, RAW_PAYLOADS)
    with Lake(settings) as lake, lake.commit(run_id, message, tables=written) as tx:
        frames = [one.frame for one in collected if one.attempt.error is None]
        if frames:
            what.store(tx, pl.concat(frames))
        if right:
            store_answers([one.recording for one in collected], lake, tx)
        tx.append(COLLECTION_LOG, log_frame([one.attempt for one in collected]))
    return {one.attempt.venue: one for one in collected}


def _by_a_right_clock(collected: Sequence[Collected]) -> bool:
    """Tell whether the venues confirm our clock; if they do not, every attempt fails for that."""
    try:
        require_right_clock({one.attempt.venue: one.attempt.clock_ahead for one in collected})
    except ClockError as error:
        for one in collected:
            one.attempt.error, one.attempt.rows = error, 0
        return False
    return True


async def _ask_all(
    what: Snapshot, venues: Sequence[str], settings: Settings, run_id: str
) -> list[Collected]:
    advance = begin(what.table.name.replace("_", " "), len(venues))

    share = settings.collection_memory_bytes / max(1, len(venues))
    live = what.table is MARKET_SNAPSHOTS and settings.live
    board = await asyncio.to_thread(board_of, settings) if live else None

    async def one(name: str) -> Collected:
        collected = await _ask_one(what, Share(name, share), settings, run_id, board)
        advance()
        return collected

    return await asyncio.gather(*(one(name) for name in venues))


async def _ask_one(
    what: Snapshot, memory: Share, settings: Settings, run_id: str, board: Latest | None
) -> Collected:
    """Ask one venue: return its answer, or an empty frame and the reason."""
    name = memory.venue
    now = datetime.now(UTC)
    attempt = Attempt(run_id, name, what.table, started_at=now, finished_at=now)
    recording = Recording(attempt, settings.raw_retention_days, memory)
    frame = what.table.empty()
    try:
        with typed_failures(name, what.table.full_name):
            answered = await _answer(what, recording, settings, board)
            validate(what.table, answered)  # all are stored as one: a rule refuses one venue here
            frame = answered
    except FundingError as error:
        attempt.error = error
    attempt.finished_at = datetime.now(UTC)
    attempt.rows = attempt.symbols = frame.height
    return Collected(attempt, frame, recording)


async def _answer(
    what: Snapshot, recording: Recording, settings: Settings, board: Latest | None
) -> pl.DataFrame:
    """Ask a venue within its time, unless the live board has it all; the attempt notes what."""
    attempt = recording.attempt
    taken = snapshot_from_board(board, attempt.venue, attempt.started_at)
    if taken is not None:
        attempt.source, attempt.requests = "board", 0
        attempt.note_breaker_state(settings)
        return taken
    patience = what.patience_seconds or settings.snapshot_deadline_seconds
    name, deadline = attempt.venue, asyncio.timeout(patience)
    async with open_venue(
        name,
        settings=settings,
        present=attempt.started_at,
        record=recording.recorder,
        memory=recording.memory,
    ) as venue:
        try:
            async with deadline:
                frame = await what.ask(venue)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise venue.cut_off(_too_slow(attempt, patience)) from None
        finally:
            attempt.warnings = list(venue.warnings)
            attempt.requests = venue.stats.requests
            attempt.clock_ahead = venue.stats.clock_ahead
            attempt.latency_ms = venue.stats.mean_latency_ms
            attempt.note_breaker_state(settings)
    if frame.is_empty() and not what.may_be_empty:
        raise EmptyAnswerError(
            f"not a single row for {what.table.full_name}",
            venue=name,
            hint="an empty answer is not success; see the venue's status page",
        )
    return frame


def _too_slow(attempt: Attempt, patience_seconds: float) -> VenueTimeoutError:
    return VenueTimeoutError(
        f"had not answered in full after {patience_seconds:g} s",
        venue=attempt.venue,
        endpoint=attempt.dataset.full_name,
        hint="the others were not kept waiting; raise FUNDING_SNAPSHOT_DEADLINE_SECONDS "
        "if the venue is always this slow from here",
    )


def _hour_from(start: object) -> Window:
    assert isinstance(start, datetime)
    return Window(start, start + HOUR)

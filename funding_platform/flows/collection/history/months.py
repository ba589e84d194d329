"""Collecting history, settled rates above all: a venue's months, refetched whole and replaced.

Refetching a month costs at least one request per symbol however short the window, so it is
replaced as a whole: that is idempotent, and late corrections arrive for free.
"""

from datetime import UTC, datetime

import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.collected import COLLECTION_LOG, FUNDING_RATES, RAW_PAYLOADS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.flows.blocking import blocking
from funding_platform.flows.collection.clock import require_right_clock
from funding_platform.flows.collection.history.gap_filling import Completed, completed
from funding_platform.flows.collection.history.hourly import collect_hours
from funding_platform.flows.collection.history.report import HistoryReport
from funding_platform.flows.collection.history.spans import (
    all_instruments,
    known_instruments,
    listed_in,
    possible_part,
    stretches,
)
from funding_platform.flows.collection.history.storing import store
from funding_platform.flows.collection.log import Attempt, note
from funding_platform.flows.collection.recording import Recording
from funding_platform.flows.errors import (
    BeforeHistoryError,
    ClockError,
    CollectionError,
    UnfinishedError,
)
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import EmptyAnswerError
from funding_platform.venues.rest.memory import Share
from funding_platform.venues.specification import VenueSpec
from funding_platform.venues.unexpected import typed_failures


async def collect_history_async(
    venue_name: str,
    window: Window,
    settings: Settings,
    run_id: str,
    table: Table = FUNDING_RATES,
) -> HistoryReport:
    """Refetch one table of one venue in ``window`` and replace what is stored.

    The part of the window before the venue's history and after now is left out. Symbols that
    fail keep what the lake holds of them; the others are replaced, and the failures are named.

    Parameters
    ----------
    table
        Settled rates, or one of ``hourly.HOURLY_TABLES``.

    Raises
    ------
    FutureWindowError, BeforeHistoryError
        If nothing of the window can exist.
    EmptyAnswerError
        If the venue listed instruments in the window and returned not one row.
    CollectionError
        If not one symbol could be read.
    ClockError
        If the venue's clock says that ours is days off.
    VenueError
        If the venue is down, bans us, breaks its contract, or sends what the adapter fails on.
    """
    started_at = datetime.now(UTC)
    report = HistoryReport(venue_name, window, table)
    attempt = Attempt(run_id, venue_name, table, started_at, started_at, window)
    memory = Share(venue_name, settings.collection_memory_bytes)
    recording = Recording(attempt, settings.raw_retention_days, memory)
    with Lake(settings) as lake:
        try:
            with typed_failures(venue_name, table.full_name):
                await _collect(report, lake, recording)
        except FundingError as error:
            attempt.error = error
            raise
        except BaseException:  # whoever ends a run or presses Ctrl-C
            attempt.error = UnfinishedError(f"{venue_name} {table.name}: ended before it was done")
            raise
        finally:
            attempt.finished_at = datetime.now(UTC)
            attempt.rows, attempt.requests = report.rows, report.requests
            attempt.symbols = len(report.coverage) + len(report.failures)
            attempt.symbols_failed = sorted(report.failures)
            attempt.warnings = report.warnings()
            logged = (COLLECTION_LOG, RAW_PAYLOADS)
            with lake.commit(
                run_id, f"log of {venue_name} {table.name}", tables=logged
            ) as transaction:
                if not (attempt.noted and isinstance(attempt.error, UnfinishedError)):
                    note(transaction, attempt)
                if not isinstance(attempt.error, ClockError):
                    recording.store(lake, transaction)
    return report


collect_history = blocking(collect_history_async)


async def _collect(report: HistoryReport, lake: Lake, recording: Recording) -> None:
    """Ask the venue, as it is when the attempt begins."""
    present = recording.attempt.started_at
    async with open_venue(
        report.venue,
        settings=lake.settings,
        present=present,
        record=recording.recorder,
        memory=recording.memory,
    ) as venue:
        try:
            await read_window(venue, report, lake, known_instruments(lake, venue), recording)
        finally:
            report.requests = venue.stats.requests
            recording.attempt.latency_ms = venue.stats.mean_latency_ms
            recording.attempt.note_breaker_state(lake.settings)


async def read_window(
    venue: Venue, report: HistoryReport, lake: Lake, known: pl.DataFrame, recording: Recording
) -> None:
    """Read the window of ``report`` and commit it, a few months at a time.

    Parameters
    ----------
    known
        Instruments of the venue seen before, as in ``core.instruments``.
    recording
        The attempt, and its answers to commit with their rows.

    Raises
    ------
    FundingError
        As ``collect_history``.
    """
    table, started_at = report.table, recording.attempt.started_at
    window = possible_part(report.window, venue.spec, table, started_at)
    instruments = await all_instruments(venue, known)
    require_right_clock({report.venue: venue.stats.clock_ahead})
    for part in stretches(window):
        if table is FUNDING_RATES:
            await _collect_part(report, venue, instruments, part, lake, recording)
        else:
            await collect_hours(report, venue, instruments, part, lake, recording)
    _require_an_answer(report, venue.spec)


async def _collect_part(
    report: HistoryReport,
    venue: Venue,
    instruments: pl.DataFrame,
    window: Window,
    lake: Lake,
    recording: Recording,
) -> None:
    """Fetch one slice of the window and replace it in one transaction."""
    symbols = listed_in(instruments, window)
    if not symbols:
        return
    advance = begin(f"{report.venue} {window.start:%Y-%m}", len(symbols))

    def done(_: str) -> None:
        advance()
        recording.relieve(lake)

    first = await venue.funding_history(symbols, window, on_symbol=done)
    whole = await completed(venue, lake, first, instruments, window)
    recording.attempt.requests = venue.stats.requests
    _store(report, lake, whole, window, recording)
    report.add(whole)


def _store(
    report: HistoryReport, lake: Lake, read: Completed, window: Window, recording: Recording
) -> None:
    """Store settled rates; name the symbols that answer with nothing and that the lake has."""
    equal = {"venue": report.venue}
    answered = store(
        report, lake, read, window, equal, recording, called="settled rates", until=window.end
    )
    silent = sorted(set(read.history.coverage) - set(answered))
    vanished = lake.read(
        "SELECT DISTINCT venue_symbol FROM core.funding_rates WHERE venue = ? "
        "AND funding_time >= ? AND funding_time < ? AND list_contains(?, venue_symbol) ORDER BY 1",
        [report.venue, window.start, window.end, silent],
    )
    report.vanished.extend(vanished["venue_symbol"].to_list())


def _require_an_answer(report: HistoryReport, spec: VenueSpec) -> None:
    """Refuse an answer that holds nothing where something must be."""
    where = f"{report.venue}: {report.window}"
    if report.rows:
        return
    if report.failures:
        symbol, error = next(iter(report.failures.items()))
        raise CollectionError(
            f"{where}: none of {len(report.failures)} symbols could be read; {symbol}: {error}"
        )
    if not report.coverage:
        raise BeforeHistoryError(
            f"{where}: no instrument was listed yet", hint="ask for a later month"
        )
    depth = spec.history_depth if report.table is FUNDING_RATES else None
    kept = f"; the venue keeps {depth.days} days" if depth else ""
    what = "settlement" if report.table is FUNDING_RATES else f"row of {report.table.name}"
    raise EmptyAnswerError(
        f"not one {what} of {len(report.coverage)} symbols in {report.window}{kept}",
        venue=report.venue,
        hint="an empty answer is not success; older history can be imported from a dump",
    )

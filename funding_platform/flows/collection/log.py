"""The collection log: one row per attempt, successful or not."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.collected import COLLECTION_LOG
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.flows.errors import UnfinishedError
from funding_platform.lake.writer import Transaction
from funding_platform.settings import Settings
from funding_platform.venues.registry import breaker_record


@dataclass(slots=True)
class Attempt:
    """One attempt to collect one dataset of one venue, in a window unless it is a snapshot."""

    run_id: str
    venue: str
    dataset: Table
    started_at: datetime
    finished_at: datetime
    window: Window | None = None
    rows: int = 0
    symbols: int | None = None
    symbols_failed: list[str] = field(default_factory=list)
    requests: int | None = None
    latency_ms: float | None = None
    warnings: list[FundingError] = field(default_factory=list)
    error: FundingError | None = None
    breaker_state: str | None = None
    noted: bool = False
    """Whether the log has a row of it already, which says what it has stored so far."""
    source: str = "requests"
    """Where the rows are from: one of ``core.collection_log.source``."""
    clock_ahead: timedelta | None = None
    """How far our clock is ahead of the venue's, as its answers say."""

    @property
    def status(self) -> str:
        """``failed``, ``partial`` when something is missing, or ``success``."""
        if self.error is not None:
            return "failed"
        return "partial" if self.symbols_failed or self.warnings else "success"

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds()

    def note_breaker_state(self, settings: Settings) -> None:
        """Note how the venue stands with us now, at the end of the attempt."""
        self.breaker_state = breaker_record(self.venue, settings).state(datetime.now(UTC))

    def row(self) -> dict[str, object]:
        """Return the attempt as a row of ``core.collection_log``."""
        trouble = [self.error] if self.error else self.warnings
        return {
            "run_id": self.run_id,
            "venue": self.venue,
            "dataset": self.dataset.full_name,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "status": self.status,
            "rows_written": self.rows,
            "symbols": self.symbols,
            "symbols_failed": self.symbols_failed,
            "requests": self.requests,
            "error_kind": type(trouble[0]).__name__ if trouble else None,
            "error": "\n".join(str(one) for one in trouble) or None,
            "latency_ms": self.latency_ms,
            "window_start": self.window and self.window.start,
            "window_end": self.window and self.window.end,
            "breaker_state": self.breaker_state,
            "source": self.source,
        }

    def row_so_far(self, rows: int, until: datetime, *, whole: bool) -> dict[str, object]:
        """Return the row of an attempt that is not over, to be committed with what it stores.

        Whatever ends the attempt, the log tells of its rows; what it proves can be left out the
        next time (see ``resuming``).

        Parameters
        ----------
        rows, until
            What is stored so far, and up to when.
        whole
            Whether nothing of that is missing or in doubt.
        """
        assert self.window is not None
        unfinished = UnfinishedError(
            f"{self.venue} {self.dataset.name}: stored up to {until:%Y-%m-%d %H:%M}; under way, or "
            "ended before it was done",
            hint="`funding backfill --resume` asks for the rest",
        )
        return self.row() | {
            "finished_at": datetime.now(UTC),
            "status": "partial",
            "rows_written": rows,
            "error_kind": UnfinishedError.__name__ if whole else None,
            "error": str(unfinished),
            "window_end": until,
        }


def log_frame(attempts: list[Attempt]) -> pl.DataFrame:
    """Return the attempts as a frame of ``core.collection_log``."""
    return pl.DataFrame(
        [attempt.row() for attempt in attempts], schema=COLLECTION_LOG.polars_schema
    )


def note_so_far(
    transaction: Transaction, attempt: Attempt, rows: int, until: datetime, *, whole: bool
) -> None:
    """Write the row of an attempt that is not over; see ``Attempt.row_so_far``."""
    row = attempt.row_so_far(rows, until, whole=whole)
    _write(transaction, attempt, pl.DataFrame([row], schema=COLLECTION_LOG.polars_schema))
    attempt.noted = True


def note(transaction: Transaction, attempt: Attempt) -> None:
    """Write the row of an attempt that is over, in place of the one that told of it so far."""
    _write(transaction, attempt, log_frame([attempt]))


def _write(transaction: Transaction, attempt: Attempt, frame: pl.DataFrame) -> None:
    if attempt.noted:
        transaction.upsert(COLLECTION_LOG, frame)
    else:
        transaction.append(COLLECTION_LOG, frame)

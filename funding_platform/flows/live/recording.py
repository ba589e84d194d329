"""Recording the board: once a span all rows of all venues, in one transaction.

A crash loses the span that was running. What could not be written, because another process held
the lake or the disk was full, waits and goes with the next span, up to ``MOST_WAITING`` of them.
Rows that are there already are left alone: two collectors on one lake fill each other's gaps, and
neither doubles what the other wrote.
"""

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.lake.errors import InvalidFrameError, LakeError
from funding_platform.lake.validation import validate
from funding_platform.lake.writer import Lake, Transaction
from funding_platform.live.board.board import Board
from funding_platform.live.minutes import Minutes, span_start
from funding_platform.settings import Settings

MOST_WAITING: Final = 60
"""Spans that are kept for a lake that cannot be written; then the oldest are given up."""

_HELD: Final = (
    f"SELECT {', '.join(LIVE_RATES.key)} FROM {LIVE_RATES.full_name} "
    "WHERE minute_time >= ? AND minute_time <= ?"
)

_log = logging.getLogger(__name__)


def store_minutes(frames: list[pl.DataFrame], settings: Settings, run_id: str) -> int:
    """Commit the rows whose keys the lake does not have; return how many those were.

    Parameters
    ----------
    frames
        Rows of ``core.live_rates``.
    run_id
        Whose commit it is.

    Raises
    ------
    LakeError
        If the lake cannot be written.
    """
    rows = pl.concat([LIVE_RATES.empty(), *frames]).unique(LIVE_RATES.key, keep="first")
    if rows.is_empty():
        return 0
    begun: list[datetime] = rows["minute_time"].to_list()
    first, last = min(begun), max(begun)
    message = f"live rates of {rows['venue'].n_unique()} venues, {first:%Y-%m-%d %H:%M:%S} UTC"

    def work(transaction: Transaction) -> int:
        held = LIVE_RATES.typed(transaction.read(_HELD, [first, last]))
        return transaction.append(LIVE_RATES, rows.join(held, on=LIVE_RATES.key, how="anti"))

    with Lake(settings) as lake:
        return lake.write(run_id, message, work, tables=(LIVE_RATES,))


class Recorder:
    """Keeps what could not be written yet.

    Parameters
    ----------
    settings
        Whose lake it is.
    run_id
        Stored with each commit.
    """

    def __init__(self, settings: Settings, run_id: str) -> None:
        self._settings = settings
        self._run_id = run_id
        self._waiting: deque[pl.DataFrame] = deque(maxlen=MOST_WAITING)

    @property
    def waiting(self) -> int:
        """How many spans have not been written."""
        return len(self._waiting)

    def keep(self, rows: pl.DataFrame) -> None:
        """Have a span wait to be written.

        Rows that break the table's declaration would be refused for ever, and all others with
        them: those of their venue are given up.
        """
        try:
            validate(LIVE_RATES, rows)
        except InvalidFrameError:
            rows = pl.concat([LIVE_RATES.empty(), *filter(_is_sound, rows.partition_by("venue"))])
        if not rows.is_empty():
            self._waiting.append(rows)

    async def write(self) -> int:
        """Write the spans that wait; return the rows written, 0 where they have to wait on."""
        frames = list(self._waiting)
        if not frames:
            return 0
        try:
            written = await asyncio.to_thread(store_minutes, frames, self._settings, self._run_id)
        except LakeError as error:
            _log.warning("live rates of %d spans wait: %s", len(frames), error.message)
            return 0
        done = {*map(id, frames)}
        later = [
            rows for rows in self._waiting if id(rows) not in done
        ]  # came while it was written
        self._waiting = deque(later, maxlen=MOST_WAITING)
        return written


def _is_sound(rows: pl.DataFrame) -> bool:
    """Tell whether the lake takes the rows of a venue, or log why it would not."""
    try:
        validate(LIVE_RATES, rows)
    except InvalidFrameError as error:
        _log.error("a span of live rates of %s is given up: %s", rows["venue"][0], error.message)
        return False
    return True


async def record_board(board: Board, settings: Settings, run_id: str) -> None:
    """Record a board until cancelled: at the end of each span, what it shows then.

    Spans go on while one is being written: of one that ends unseen nobody could tell any more how
    it ended.
    """
    span = timedelta(seconds=settings.live_record_seconds)
    recorder = Recorder(settings, run_id)
    minutes = Minutes(span, board.view(), datetime.now(UTC))
    writing: asyncio.Task[int] | None = None
    async with asyncio.TaskGroup() as tasks:
        while True:
            now = datetime.now(UTC)
            await asyncio.sleep((span_start(now, span) + span - now).total_seconds())
            recorder.keep(minutes.close(board.view(), datetime.now(UTC)))
            if writing is None or writing.done():
                writing = tasks.create_task(recorder.write())

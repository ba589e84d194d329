"""The record of the board: rows of ``core.live_rates``, one per instrument and span that ended.

Two views say it all, one from when the span began and one from when it ended, so that nothing is
kept per update. A span lasts a minute unless the settings say otherwise, and begins at a multiple
of its length since the epoch, whoever records: two collectors write about the same spans.
"""

from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from funding_platform.core.arrays import Floats
from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.core.tables.schema import instant
from funding_platform.core.time_grid import EPOCH, HOUR, to_us
from funding_platform.live.board.view import NO_TIME, BoardView, times

SILENT_AFTER: Final = HOUR
"""An instrument of which the venue has said nothing for so long has no rows: it is gone, or its
stream is, and the last row says since when."""

_COPIED: Final = ("mark_price", "index_price", "open_interest_base", "best_bid", "best_ask")


def span_start(now: datetime, span: timedelta) -> datetime:
    """Return when the running span began: ``floor((now - epoch) / span) * span``."""
    return EPOCH + (now - EPOCH) // span * span


class Minutes:
    """Closes one span after another.

    Parameters
    ----------
    span
        How long a row stands for.
    view, now
        The board as recording begins; of the span that is running, what comes from here on counts.
    """

    def __init__(self, span: timedelta, view: BoardView, now: datetime) -> None:
        self._span = span
        self._before = view
        self._start = span_start(now, span)

    def close(self, view: BoardView, now: datetime) -> pl.DataFrame:
        """Return the rows of the span that has ended last, none while it is still running.

        Where nobody asked for longer than a span, those in between have no rows: what was shown at
        their ends is not known any more. A clock that was set back begins anew.

        Parameters
        ----------
        view
            The board now.
        now
            By the same clock as before.
        """
        start = span_start(now, self._span)
        if start == self._start:
            return LIVE_RATES.empty()
        set_back = start < self._start
        before, self._before, self._start = self._before, view, start
        if set_back:
            return LIVE_RATES.empty()
        return rows_between(before, view, start - self._span, self._span, now)


def rows_between(
    before: BoardView, after: BoardView, start: datetime, span: timedelta, now: datetime
) -> pl.DataFrame:
    """Make the rows of one span.

    ``updates`` is the difference of two counters, ``staleness_seconds`` the time from the newest
    update to ``now``; what is ``_last`` or has no such ending is as ``after`` shows it.

    Parameters
    ----------
    before, after
        The board when the span began and when it ended, of one board.
    start, span
        The span.
    now
        When ``after`` was taken, from which on the rows are known.
    """
    size = len(after)
    opened = _padded(before.column("predicted_rate"), size)
    counted = after.updates.copy()
    counted[: len(before)] -= before.updates
    age = np.maximum(to_us(now) - after.observed_us, 0) / 1e6
    heard = (after.observed_us != NO_TIME) & (age < SILENT_AFTER.total_seconds())
    frame = after.instruments.select("venue", "venue_symbol").with_columns(
        instant(start).alias("minute_time"),
        pl.lit(span.total_seconds()).alias("span_seconds"),
        _known("predicted_rate_open", opened),
        _known("predicted_rate_last", after.column("predicted_rate")),
        _known("interval_hours", after.interval_hours),
        times("next_funding_time", after.column("next_funding_ms") * 1e3),
        *(_known(name, after.column(name)) for name in _COPIED),
        _known("open_interest_usd", after.open_interest_usd),
        pl.Series("updates", counted),
        pl.Series("staleness_seconds", age),
        instant(now).alias("available_at"),
        times("observed_at", after.observed_us.astype(np.float64)),
    )
    return LIVE_RATES.conform(frame.filter(pl.Series(heard)))


def _padded(values: Floats, size: int) -> Floats:
    """Lengthen an array by unknown values: instruments that came in between."""
    return np.concatenate((values, np.full(size - len(values), np.nan)))


def _known(name: str, values: Floats) -> pl.Series:
    return pl.Series(name, values, nan_to_null=True)

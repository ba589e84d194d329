"""The hourly look at a venue, taken from the board where that is fresh: no request is made."""

from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import instant
from funding_platform.core.time_grid import floor_hour
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import BOARD, FRESH_SECONDS, VENUES, Latest, read_latest
from funding_platform.settings import Settings

_JUDGED: Final = ("predicted_rate", "mark_price")
"""Cells that must be fresh: what a snapshot is taken for."""


def board_of(settings: Settings) -> Latest | None:
    """Read the board that the collector of this machine keeps; None where none has run."""
    try:
        return read_latest(settings, BOARD, VENUES)
    except NotLiveError:
        return None


def snapshot_from_board(latest: Latest | None, venue: str, now: datetime) -> pl.DataFrame | None:
    """Take a venue's rows of ``core.market_snapshots`` from the board.

    None where no collector runs, the venue is not streamed, or any perpetual's rate or mark is
    older than ``FRESH_SECONDS`` or of the hour before: then it has to be asked. An interval that
    was only inferred stays unknown.

    Parameters
    ----------
    latest
        What ``board_of`` reads.
    venue
        Its name.
    now
        The present, within the hour that the snapshot is of.
    """
    if latest is None:
        return None
    streamed = latest.frames[VENUES].filter(venue=venue, source="stream")
    rows = latest.frames[BOARD].filter(venue=venue)
    if latest.is_stale(now) or streamed.is_empty() or rows.is_empty():
        return None
    fresh = [
        pl.col(f"{name}_age_seconds").fill_null(float("inf")) <= FRESH_SECONDS for name in _JUDGED
    ]
    hour = floor_hour(now)
    sound = pl.all_horizontal(*fresh, pl.col("observed_at") >= hour, ~pl.col("impossible"))
    if not rows.select(sound.all()).item():
        return None
    stated = pl.when(~pl.col("interval_inferred")).then("interval_hours").alias("interval_hours")
    return MARKET_SNAPSHOTS.conform(
        rows.with_columns(stated, instant(hour).alias("snapshot_hour")).sort("venue_symbol")
    )

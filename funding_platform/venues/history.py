"""What reading a history gives: the settlements, and per symbol how complete they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from funding_platform.core.time_grid import HOUR, MILLISECOND, Window, from_ms, to_ms
from funding_platform.venues.errors import VenueError
from funding_platform.venues.frames import settlements_frame
from funding_platform.venues.paging import Pager, Proof, round_to_second
from funding_platform.venues.records import Settlement


@dataclass(frozen=True, slots=True)
class Reading:
    """One symbol's settlements as read, context around the window included."""

    settlements: Sequence[Settlement]
    requests: int
    proof: Proof

    @classmethod
    def of(
        cls, pager: Pager, proof: Proof, window: Window, kept_since: datetime | None
    ) -> "Reading":
        """What ``pager`` has read, its proof void where the venue no longer keeps the window.

        Before ``kept_since`` silence proves nothing; only a row older than the window does.
        """
        rows = pager.settlements
        reaches_back = bool(rows) and from_ms(round_to_second(rows[0].time_ms)) < window.start
        if kept_since is not None and window.start < kept_since and not reaches_back:
            proof = Proof.NOT_KEPT
        return cls(rows, pager.requests, proof)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How complete one symbol's settlements are within a window.

    Parameters
    ----------
    rows
        Settlements within the window.
    missing
        Settlements that the spacing of their neighbours says were made, but the venue lacks.
    first, last
        The first and last settlement within the window; None where there is none.
    requests
        Requests that it took.
    proof
        Why nothing beyond ``missing`` can be absent.
    """

    rows: int
    missing: int
    first: datetime | None
    last: datetime | None
    requests: int
    proof: Proof

    @property
    def expected(self) -> int:
        """Settlements that should lie within the window."""
        return self.rows + self.missing

    @property
    def proven(self) -> bool:
        """Whether the window was read whole, so that what is absent does not exist."""
        return self.proof is not Proof.NOT_KEPT


@dataclass(frozen=True, slots=True)
class History:
    """Settlements of many symbols: rows of ``core.funding_rates``, and what became of each."""

    frame: pl.DataFrame
    coverage: Mapping[str, Coverage]
    failures: Mapping[str, VenueError]


def build_history(
    venue: str,
    window: Window,
    readings: Mapping[str, Reading],
    failures: Mapping[str, VenueError],
    observed_at: datetime,
) -> History:
    """Infer intervals on everything read, then keep the window and count what is missing."""
    rows = [row for reading in readings.values() for row in reading.settlements]
    everything = settlements_frame(venue, rows, observed_at)
    time = pl.col("funding_time")
    frame = everything.filter(time >= window.start, time < window.end)
    missing = dict(_count_missing(everything, window).iter_rows())
    spans = {
        symbol: (count, first, last)
        for symbol, count, first, last in frame.group_by("venue_symbol")
        .agg(pl.len(), time.min().alias("first"), time.max().alias("last"))
        .iter_rows()
    }
    coverage = {}
    for symbol, reading in readings.items():
        count, first, last = spans.get(symbol, (0, None, None))
        coverage[symbol] = Coverage(
            count, missing.get(symbol, 0), first, last, reading.requests, reading.proof
        )
    return History(frame, coverage, dict(failures))


def _count_missing(settlements: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Settlements per symbol that a gap of several intervals says were lost within the window.

    A settlement at t with interval h and a neighbour a gap g before it lacks those at
    t - k h, k = 1 .. round(g / h) - 1, of which the ones inside the window are counted.
    """
    # Whole milliseconds: a quotient of floats falls short of the integer it should be.
    interval = (pl.col("interval_hours") * _HOUR_MS).round().cast(pl.Int64)
    time = pl.col("funding_time").dt.epoch("ms")
    lost = (time.diff() + interval // 2) // interval - 1
    first = (time - to_ms(window.end)) // interval + 1
    last = (time - to_ms(window.start)) // interval
    inside = pl.min_horizontal(lost, last) - pl.max_horizontal(first, 1) + 1
    count = pl.when(lost > 0).then(inside.clip(lower_bound=0)).sum()
    return settlements.group_by("venue_symbol").agg(count)


_HOUR_MS = HOUR // MILLISECOND

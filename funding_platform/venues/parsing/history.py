"""What reading a history gives: the settlements, and per symbol how complete they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic

import polars as pl

from funding_platform.core.completeness import missing_between
from funding_platform.core.intervals import infer_intervals
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.schema import instant
from funding_platform.core.time_grid import Window
from funding_platform.venues.errors import ContractError, VenueError
from funding_platform.venues.paging.pager import Ended, Pager
from funding_platform.venues.parsing.frames import settlements_frame
from funding_platform.venues.parsing.leniency import leaving_out, most
from funding_platform.venues.parsing.records import Row, Settlement


@dataclass(frozen=True, slots=True)
class Reading(Generic[Row]):
    """One symbol's rows as read, context around the window included."""

    rows: Sequence[Row]
    requests: int
    ended: Ended
    left_out: Sequence[VenueError] = ()

    @classmethod
    def of(
        cls,
        pager: Pager[Row],
        ended: Ended,
        window: Window,
        kept_since: datetime | None,
        left_out: Sequence[VenueError] = (),
    ) -> "Reading[Row]":
        """Take what ``pager`` has read, its proof void where the venue no longer keeps the window.

        Before ``kept_since`` silence proves nothing; only a row older than the window does. Where
        rows were ``left_out`` because they cannot be read, nothing proves that no more were due.
        """
        if kept_since is not None and window.start < kept_since and not pager.reaches_back:
            ended = Ended.NOT_KEPT
        return cls(pager.rows, pager.requests, ended).without(left_out)

    def without(self, left_out: Sequence[VenueError]) -> "Reading[Row]":
        """Return the same where rows were left out, if any were."""
        if not left_out:
            return self
        return replace(self, ended=Ended.UNREADABLE, left_out=(*self.left_out, *left_out))


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
    ended
        Why nothing beyond ``missing`` can be absent.
    """

    rows: int
    missing: int
    first: datetime | None
    last: datetime | None
    requests: int
    ended: Ended

    @property
    def expected(self) -> int:
        """Settlements that should lie within the window."""
        return self.rows + self.missing

    @property
    def proven(self) -> bool:
        """Whether the window was read whole, so that what is absent does not exist."""
        return self.ended.proven


@dataclass(frozen=True, slots=True)
class History:
    """Settlements of many symbols, and what became of each.

    Parameters
    ----------
    frame
        Rows of ``core.funding_rates`` within the window.
    context
        The same just before and after it, as far as they came along.
    coverage
        How complete each symbol is that could be read.
    failures
        Why each of the others could not.
    left_out
        Which rows could not be read, of symbols that could.
    """

    frame: pl.DataFrame
    context: pl.DataFrame
    coverage: Mapping[str, Coverage]
    failures: Mapping[str, VenueError]
    left_out: Sequence[VenueError] = ()

    @property
    def read(self) -> pl.DataFrame:
        """Everything that was read."""
        return pl.concat([self.context, self.frame])


def build_history(
    venue: str,
    window: Window,
    readings: Mapping[str, Reading[Settlement]],
    failures: Mapping[str, VenueError],
    observed_at: datetime,
) -> History:
    """Infer intervals on everything read, then keep the window and count what is missing.

    Raises
    ------
    ContractError
        If most settlements of most symbols are none.
    """
    rows = [row for reading in readings.values() for row in reading.rows]
    try:
        everything = settlements_frame(venue, rows, observed_at)
    except ContractError as error:
        sound, readings, unsound = _by_symbol(venue, readings, observed_at)
        if most(len(unsound), len(unsound) + len(readings)):
            raise error
        everything, failures = pl.concat(sound), {**failures, **unsound}
    blank = {
        symbol: Coverage(0, 0, None, None, reading.requests, reading.ended)
        for symbol, reading in readings.items()
    }
    left_out = [error for reading in readings.values() for error in reading.left_out]
    return _split(everything, window, blank, failures, left_out)


def _by_symbol(
    venue: str, readings: Mapping[str, Reading[Settlement]], observed_at: datetime
) -> tuple[list[pl.DataFrame], dict[str, Reading[Settlement]], dict[str, VenueError]]:
    """Read each symbol by itself, without settlements that break a rule, and those that fail."""
    frames: list[pl.DataFrame] = []
    sound: dict[str, Reading[Settlement]] = {}
    failures: dict[str, VenueError] = {}
    for symbol, reading in readings.items():
        try:
            with leaving_out() as lost:
                frames.append(settlements_frame(venue, reading.rows, observed_at))
        except ContractError as error:
            failures[symbol] = error
            continue
        sound[symbol] = reading.without(lost.errors)
    return frames, sound, failures


def merged(history: History, window: Window, again: Sequence[History]) -> History:
    """Merge into ``history`` what reading parts of its window once more has brought.

    A settlement that is there stays as it was read first. Intervals that were inferred are
    inferred anew, now that their neighbours are known.
    """
    everything = pl.concat([history.read, *(part.frame for part in again)])
    everything = everything.unique(FUNDING_RATES.key, keep="first", maintain_order=True)
    stated = pl.when(~pl.col("interval_inferred")).then("interval_hours").alias("interval_hours")
    everything = infer_intervals(everything.with_columns(stated))
    counted = dict(history.coverage)
    for part in again:
        for symbol, coverage in part.coverage.items():
            known = counted[symbol]
            unreadable = Ended.UNREADABLE in (known.ended, coverage.ended)
            counted[symbol] = replace(
                known,
                requests=known.requests + coverage.requests,
                ended=Ended.UNREADABLE if unreadable else known.ended,
            )
    left_out = [error for part in (history, *again) for error in part.left_out]
    return _split(everything, window, counted, history.failures, left_out)


def _split(
    everything: pl.DataFrame,
    window: Window,
    coverage: Mapping[str, Coverage],
    failures: Mapping[str, VenueError],
    left_out: Sequence[VenueError],
) -> History:
    """Split the window from its context, with the coverage of each symbol counted."""
    time, missing = pl.col("funding_time"), pl.col("missing_time")
    start, end = instant(window.start), instant(window.end)
    inside = (time >= start) & (time < end)
    frame = everything.filter(inside)
    absent = missing_between(everything).filter(missing >= start, missing < end)
    lost = dict(absent.group_by("venue_symbol").len().iter_rows())
    spans = {
        symbol: (count, first, last)
        for symbol, count, first, last in frame.group_by("venue_symbol")
        .agg(pl.len(), time.min().alias("first"), time.max().alias("last"))
        .iter_rows()
    }
    counted = {}
    for symbol, part in coverage.items():
        rows, first, last = spans.get(symbol, (0, None, None))
        counted[symbol] = replace(
            part, rows=rows, missing=lost.get(symbol, 0), first=first, last=last
        )
    return History(frame, everything.filter(~inside), counted, dict(failures), left_out)

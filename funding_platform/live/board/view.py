"""The board as it stood at one moment: arrays that nobody changes, and frames made of them.

Cells stand in arrays of shape (fields, instruments), in the order of ``board_rules.FIELDS`` and of
``instruments``; what is derived from them is worked out like ``core.market_snapshots`` does it.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.symbols import is_dollar
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import to_us
from funding_platform.live.board.rules import FIELD, FIELDS

NO_TIME: Final = -1
"""Where a time is unknown: no instant since the epoch."""

INTERVAL_SOURCES: Final = ("unknown", "stated", "listed", "inferred")
"""Where an interval is known from: the venue's stream, its list of instruments, or the distance of
two settlements that it named. By the codes of ``BoardView.interval_source``."""

UNKNOWN, STATED, LISTED, INFERRED = range(len(INTERVAL_SOURCES))


@dataclass(frozen=True)
class BoardView:
    """What the board showed at one version, of ``n`` instruments.

    Parameters
    ----------
    version
        Grows with every change of a value.
    sequence
        Grows with every update that was accepted, whether it changed anything or not.
    instruments
        ``venue``, ``venue_symbol`` and what ``core.instruments`` says of them; null where an
        instrument was met in a stream and not listed yet.
    values
        NaN where unknown, shape (fields, n).
    impossible
        Where the venue said something that cannot be, which is not shown; shape (fields, n).
    event_ms
        The venue's own time of each cell in milliseconds, ``NO_TIME`` where it states none.
    received_us
        When each cell was last said, changed or not, in microseconds; ``NO_TIME`` if never.
    inferred_hours
        The distance of settlements that were named one after another; NaN where not seen.
    changed_at, seen_at
        The version of the last change and the sequence of the last update, shape (n,).
    updates
        Updates accepted since the board was made, shape (n,).
    gap_since_us
        Since when the venue's stream has been broken for it, ``NO_TIME`` where it is not.
    """

    version: int
    sequence: int
    instruments: pl.DataFrame
    values: Floats
    impossible: Flags
    event_ms: Ints
    received_us: Ints
    inferred_hours: Floats
    changed_at: Ints
    seen_at: Ints
    updates: Ints
    gap_since_us: Ints

    def __len__(self) -> int:
        return len(self.changed_at)

    def column(self, field: str) -> Floats:
        """Return a field of every instrument, shape (n,), without copying."""
        cells: Floats = self.values[FIELD[field]]
        return cells

    def changed_since(self, version: int) -> Ints:
        """Return the rows whose values have changed after a version."""
        return np.flatnonzero(self.changed_at > version)

    def seen_since(self, sequence: int) -> Ints:
        """Return the rows that the venue has spoken of after a sequence, changed or not."""
        return np.flatnonzero(self.seen_at > sequence)

    def age_seconds(self, now: datetime) -> Floats:
        """Return how long ago each cell was said, NaN where never; shape (fields, n)."""
        age = (to_us(now) - self.received_us) / 1e6
        return np.where(self.received_us == NO_TIME, np.nan, age)

    @cached_property
    def observed_us(self) -> Ints:
        """When the venue last spoke of each instrument, ``NO_TIME`` if never; shape (n,)."""
        newest: Ints = self.received_us.max(axis=0, initial=NO_TIME)
        return newest

    @cached_property
    def interval_hours(self) -> Floats:
        """The interval as the venue states it, in its stream or else in its list; shape (n,)."""
        stated = self.column("interval_hours")
        return np.where(np.isnan(stated), self._listed_hours, stated)

    @cached_property
    def interval_source(self) -> Ints:
        """Where each interval is known from, a code of ``INTERVAL_SOURCES``; shape (n,)."""
        known = (
            ~np.isnan(self.column("interval_hours")),
            ~np.isnan(self._listed_hours),
            ~np.isnan(self.inferred_hours),
        )
        return np.select(known, (STATED, LISTED, INFERRED), UNKNOWN)

    @cached_property
    def spread_bps(self) -> Floats:
        """``(ask - bid) / mid * 1e4``, NaN where a side is unknown or 0; shape (n,)."""
        bid, ask = self.column("best_bid"), self.column("best_ask")
        with np.errstate(divide="ignore", invalid="ignore"):
            spread: Floats = (ask - bid) / ((ask + bid) / 2) * 1e4
        return np.where((bid > 0) & (ask > 0), spread, np.nan)

    @cached_property
    def open_interest_usd(self) -> Floats:
        """As the venue says, else ``open_interest_base * mark`` of a dollar quote; shape (n,)."""
        said = self.column("open_interest_usd")
        with np.errstate(over="ignore"):
            held = self.column("open_interest_base") * self.column("mark_price")
        known = self.in_dollars & np.isfinite(held)
        return np.where(np.isnan(said) & known, held, said)

    @cached_property
    def in_dollars(self) -> Flags:
        """Whether each instrument is quoted in dollars; shape (n,)."""
        quotes = self.instruments["quote"]
        dollars = [quote for quote in quotes.unique() if is_dollar(quote)]  # few, of thousands
        return quotes.is_in(dollars).fill_null(value=False).to_numpy()

    @cached_property
    def _listed_hours(self) -> Floats:
        return self.instruments["interval_hours"].fill_null(np.nan).to_numpy()

    def frame(self, now: datetime, rows: Ints | None = None) -> pl.DataFrame:
        """Make a frame of every cell: keys, values, and ages in seconds.

        An interval that is neither stated nor listed is the inferred one, and marked.

        Parameters
        ----------
        now
            What ages are told from.
        rows
            Those wanted; all by default.
        """
        wanted = np.arange(len(self)) if rows is None else rows
        inferred: Flags = self.interval_source == INFERRED
        hours = np.where(np.isnan(self.interval_hours), self.inferred_hours, self.interval_hours)
        shown = {name: self.column(name) for name in FIELDS} | {
            "interval_hours": hours,
            "open_interest_usd": self.open_interest_usd,
            "spread_bps": self.spread_bps,
        }
        columns = [
            pl.Series(name, cells[wanted], nan_to_null=True) for name, cells in shown.items()
        ]
        age = self.age_seconds(now)
        return (
            self.instruments[wanted]
            .select("venue", "venue_symbol", "base", "quote", "multiplier", "contract_type")
            .with_columns(
                *columns,
                pl.Series("interval_inferred", inferred[wanted]),
                times("next_funding_time", self.column("next_funding_ms")[wanted] * 1e3),
                _known_times("observed_at", self.observed_us[wanted]),
                _known_times("gap_since", self.gap_since_us[wanted]),
                *(
                    pl.Series(f"{name}_age_seconds", age[number][wanted], nan_to_null=True)
                    for number, name in enumerate(FIELDS)
                ),
                pl.Series("impossible", np.any(self.impossible[:, wanted], axis=0)),
            )
            .drop("next_funding_ms")
        )


def times(name: str, microseconds: Floats) -> pl.Series:
    """Make a column of times, null where NaN; a float holds every microsecond until 2255."""
    return pl.Series(name, microseconds, nan_to_null=True).cast(pl.Int64).cast(UTC_TIME)


def _known_times(name: str, microseconds: Ints) -> pl.Series:
    return times(name, np.where(microseconds == NO_TIME, np.nan, microseconds))

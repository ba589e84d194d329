"""The board: the latest that every venue said of every instrument, and when.

One writer, many readers: whoever reads takes a ``BoardView``, which nobody changes any more. A
cell is a value with the venue's time and ours. What a venue says again refreshes both times and
changes nothing else; what is older by the venue's own clock than what is shown is left out and
counted; what cannot be is flagged and not shown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from msgspec import UNSET

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.time_grid import HOUR_MS, to_us
from funding_platform.live.board.rules import (
    FIELDS,
    INDEX,
    INTERVAL,
    MARK,
    NEXT,
    next_impossible,
    out_of_bounds,
)
from funding_platform.live.board.view import NO_TIME, BoardView
from funding_platform.venues.streams.possible import SKEW_MS, are_apart, divides_no_day
from funding_platform.venues.streams.updates import MarketUpdate

MOST_INSTRUMENTS: Final = 50_000
"""Ten times as many as all venues list: beyond, a stream invents names, and memory is bounded."""

FACTS: Final = (
    *("venue", "venue_symbol", "base", "quote", "multiplier", "asset_class", "contract_type"),
    *("interval_hours", "status"),
)
"""Columns of ``core.instruments`` that the board keeps."""

_ASSET: Final = FACTS.index("base")
_FIRST_ROWS: Final = 1024
_TOGETHER: Final = [INTERVAL, NEXT, MARK, INDEX]
"""Fields that are judged beside each other."""

_JUDGED_TOGETHER: Final = frozenset((INTERVAL, NEXT, MARK))
"""Those of them that may be flagged for it."""

_said = attrgetter(*FIELDS)


class _Blank(NamedTuple):
    """What an array holds of an instrument of which nothing is known."""

    blank: float | int | bool
    of_cells: bool = True


_BLANK: Final = {
    "values": _Blank(np.nan),
    "impossible": _Blank(blank=False),
    "event": _Blank(NO_TIME),
    "newest_event": _Blank(NO_TIME),
    "received": _Blank(NO_TIME),
    "inferred": _Blank(np.nan, of_cells=False),
    "gap_since": _Blank(NO_TIME, of_cells=False),
    "changed_at": _Blank(0, of_cells=False),
    "seen_at": _Blank(0, of_cells=False),
    "updates": _Blank(0, of_cells=False),
}
"""The arrays of a board, each with an entry for every cell, or for every instrument."""

_COUNTERS: Final = frozenset(("changed_at", "seen_at", "updates"))
"""Those that only grow."""


@dataclass(slots=True)
class Counts:
    """What came of a venue's updates since the board was made.

    Parameters
    ----------
    accepted
        Updates of which at least one value was taken.
    late
        Updates of which a value was older than what was shown.
    repeated
        Updates that changed nothing.
    impossible
        Values that were flagged.
    unplaced
        Updates of instruments for which there was no room.
    gaps
        Times that the stream broke.
    """

    accepted: int = 0
    late: int = 0
    repeated: int = 0
    impossible: int = 0
    unplaced: int = 0
    gaps: int = 0


class Board:
    """The state of the market: written by streams, read through ``view``."""

    def __init__(self) -> None:
        self.counts: dict[str, Counts] = {}
        self._version = self._sequence = 0
        self._rows: dict[tuple[str, str], int] = {}
        self._facts: list[tuple[Any, ...]] = []
        self._instruments: pl.DataFrame | None = None
        self._view: BoardView | None = None
        self._gaps: dict[int, str] = {}
        self._hold(
            {
                name: np.full((len(FIELDS), _FIRST_ROWS) if of_cells else _FIRST_ROWS, blank)
                for name, (blank, of_cells) in _BLANK.items()
            }
        )

    def list_instruments(self, instruments: pl.DataFrame) -> None:
        """Take over what is known of instruments: rows of ``core.instruments``.

        A ticker that now stands for another asset begins anew: what was shown of the other one is
        not its own.
        """
        rows = INSTRUMENTS.conform(instruments).select(FACTS).rows()
        for facts in rows:
            row = self._row(facts[0], facts[1])
            if row is None or self._facts[row] == facts:
                continue
            if self._facts[row][_ASSET] not in (None, facts[_ASSET]):
                self._forget(row)
            self._facts[row] = facts
            self._instruments = None
            self._note_change(row)

    def apply(self, venue: str, received_at: datetime, updates: Sequence[MarketUpdate]) -> None:
        """Take what one frame says.

        Parameters
        ----------
        venue
            Whose frame it is.
        received_at
            When it came.
        updates
            What it says, in the order in which it does.
        """
        counts = self.counts.setdefault(venue, Counts())
        received = to_us(received_at)
        for update in updates:
            row = self._row(venue, update.venue_symbol)
            if row is None:
                counts.unplaced += 1
            else:
                self._take(row, received, update, counts)

    def mark_gap(
        self, venue: str, symbols: Sequence[str] | None, reason: str, at: datetime
    ) -> None:
        """Note that a venue's stream is broken, until it speaks of the instruments again.

        Parameters
        ----------
        symbols
            Those concerned; None for all of the venue's.
        reason
            What happened, in words.
        at
            When.
        """
        self.counts.setdefault(venue, Counts()).gaps += 1
        concerned = (
            [row for (of, _), row in self._rows.items() if of == venue]
            if symbols is None
            else [row for name in symbols if (row := self._row(venue, name)) is not None]
        )
        for row in concerned:
            if row not in self._gaps:
                self._gap_since[row] = to_us(at)
                self._gaps[row] = reason
                self._note_change(row)

    def gaps(self) -> dict[tuple[str, str], str]:
        """Return why, by venue and symbol, the stream of an instrument is broken now."""
        return {self._key(row): reason for row, reason in self._gaps.items()}

    def view(self) -> BoardView:
        """Return what is shown now; the same object until something new is said."""
        view = self._view
        if view is None or (view.version, view.sequence) != (self._version, self._sequence):
            view = self._view = self._taken()
        return view

    def _taken(self) -> BoardView:
        taken = {
            name: np.array(held[..., : len(self._facts)], order="C")
            for name, held in self._arrays.items()
        }
        taken["values"][taken["impossible"]] = np.nan
        for array in taken.values():
            array.setflags(write=False)
        return BoardView(
            version=self._version,
            sequence=self._sequence,
            instruments=self._listed(),
            values=taken["values"],
            impossible=taken["impossible"],
            event_ms=taken["event"],
            received_us=taken["received"],
            inferred_hours=taken["inferred"],
            changed_at=taken["changed_at"],
            seen_at=taken["seen_at"],
            updates=taken["updates"],
            gap_since_us=taken["gap_since"],
        )

    def _listed(self) -> pl.DataFrame:
        if self._instruments is None:
            types = {name: INSTRUMENTS.column(name).type.polars for name in FACTS}
            self._instruments = pl.DataFrame(self._facts, schema=types, orient="row")
        return self._instruments

    def _key(self, row: int) -> tuple[str, str]:
        venue, symbol = self._facts[row][:2]
        return venue, symbol

    def _row(self, venue: str, symbol: str) -> int | None:
        """Return the row of an instrument, a new one where it is new, None where none is left."""
        row = self._rows.get((venue, symbol))
        if row is not None:
            return row
        row = len(self._facts)
        if row == MOST_INSTRUMENTS:
            return None
        if row == len(self._updates):
            self._grow()
        self._rows[venue, symbol] = row
        self._facts.append((venue, symbol, *[None] * (len(FACTS) - 2)))
        self._instruments = None
        self._note_change(row)
        return row

    def _hold(self, arrays: dict[str, Any]) -> None:
        """Keep the arrays, and look at single cells through memory views: three times as fast."""
        self._arrays = arrays
        cells: dict[str, Any] = {name: memoryview(array) for name, array in arrays.items()}
        self._values, self._impossible = cells["values"], cells["impossible"]
        self._event, self._newest_event = cells["event"], cells["newest_event"]
        self._received, self._gap_since = cells["received"], cells["gap_since"]
        self._inferred, self._updates = cells["inferred"], cells["updates"]
        self._changed_at, self._seen_at = cells["changed_at"], cells["seen_at"]

    def _grow(self) -> None:
        """Make room for twice as many instruments."""
        self._hold(
            {
                name: np.concatenate((held, np.full_like(held, _BLANK[name].blank)), axis=-1)
                for name, held in self._arrays.items()
            }
        )

    def _forget(self, row: int) -> None:
        for name, (blank, _) in _BLANK.items():
            if name not in _COUNTERS:
                self._arrays[name][..., row] = blank

    def _note_change(self, row: int) -> None:
        self._version += 1
        self._changed_at[row] = self._version

    def _take(self, row: int, received: int, update: MarketUpdate, counts: Counts) -> None:
        event = update.event_ms
        if event is None or event - received // 1000 > SKEW_MS:
            event = NO_TIME  # a clock that runs ahead would shut out all that follows
        accepted = changed = late = together = False
        for field, said in enumerate(_said(update)):
            if said is UNSET:
                continue
            if event != NO_TIME:
                if event < self._newest_event[field, row]:
                    late = True
                    continue
                self._newest_event[field, row] = event
            accepted = True
            self._event[field, row] = event
            self._received[field, row] = received
            changed |= self._set(field, row, said, counts)
            together |= field in _TOGETHER
        if together:
            changed |= self._judge_together(row, received / 1e3, counts)
        counts.late += late
        if not accepted:
            return
        counts.accepted += 1
        self._sequence += 1
        self._seen_at[row] = self._sequence
        self._updates[row] += 1
        if self._gaps.pop(row, None) is not None:
            self._gap_since[row] = NO_TIME
            changed = True
        if changed:
            self._note_change(row)
        else:
            counts.repeated += 1

    def _set(self, field: int, row: int, said: float | None, counts: Counts) -> bool:
        """Put a value into its cell; return whether it is another one."""
        value = math.nan if said is None else float(said) if said == said else math.inf
        before = self._values[field, row]
        if value == before or (value != value and before != before):
            return False
        if field == NEXT:
            self._infer_interval(row, before, value)
        self._values[field, row] = value
        if field not in _JUDGED_TOGETHER:
            self._impossible[field, row] = bad = value == value and out_of_bounds(field, value)
            counts.impossible += bad
        return True

    def _infer_interval(self, row: int, before: float, due: float) -> None:
        """Remember the distance of two settlements in a row, the least that was seen.

        A wider one may be a settlement that was missed.
        """
        hours = (due - before) / HOUR_MS
        if hours > 0 and not self._impossible[NEXT, row] and not divides_no_day(hours):
            self._inferred[row] = float(np.fmin(self._inferred[row], hours))

    def _judge_together(self, row: int, now_ms: float, counts: Counts) -> bool:
        """Flag what cannot be beside the other cells of its row; return whether a flag changed."""
        interval, due, mark, index = [self._values[field, row] for field in _TOGETHER]
        no_interval = interval == interval and out_of_bounds(INTERVAL, interval)
        verdicts = (
            (INTERVAL, no_interval or divides_no_day(interval)),
            (NEXT, next_impossible(due, math.nan if no_interval else interval, now_ms)),
            (MARK, (mark == mark and out_of_bounds(MARK, mark)) or are_apart(mark, index)),
        )
        changed = False
        for field, bad in verdicts:
            if bad != self._impossible[field, row]:
                self._impossible[field, row] = bad
                counts.impossible += bad
                changed = True
        return changed

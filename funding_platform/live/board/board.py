"""The board: the latest that every venue said of every instrument, and when.

One writer, many readers: whoever reads takes a ``BoardView``, which nobody changes any more. A
cell is a value with the venue's time and ours. What a venue says again refreshes both times and
changes nothing else; what is older by the venue's own clock than what is shown is left out and
counted; what cannot be is flagged and not shown.

What comes is taken in when somebody looks, or when enough has come, all of it at once
(``board.cells``): nobody can tell, for whoever looks sees it taken in.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import numpy as np
import polars as pl

from funding_platform.core.arrays import Ints
from funding_platform.core.parts import in_parts
from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.time_grid import to_us
from funding_platform.live.board.batch import Batch, Told, batch_of
from funding_platform.live.board.cells import MOST_TOGETHER, Cells, Outcome
from funding_platform.live.board.counts import Counts
from funding_platform.live.board.gaps import Gaps
from funding_platform.live.board.rules import FIELD
from funding_platform.live.board.view import NO_TIME, BoardView
from funding_platform.venues.streams.updates import MarketUpdate

_LOG = logging.getLogger(__name__)

MOST_INSTRUMENTS: Final = 50_000
"""Ten times as many as all venues list: beyond, a stream invents names, and memory is bounded."""

FACTS: Final = (
    *("venue", "venue_symbol", "base", "quote", "multiplier", "asset_class", "contract_type"),
    *("interval_hours", "status"),
)
"""Columns of ``core.instruments`` that the board keeps."""

_ASSET: Final = FACTS.index("base")

_UNREADABLE: Final = (TypeError, ValueError, OverflowError)
"""What making numbers of something else fails with."""

_symbol = attrgetter("venue_symbol")


@dataclass(slots=True)
class _Venue:
    """One venue's number, in the order of their first words, and its rows by symbol."""

    name: str
    number: int
    rows: dict[str, int] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)


class Board:
    """The state of the market: written by streams, read through ``view``."""

    def __init__(self) -> None:
        self._version = self._sequence = 0
        self._venues: dict[str, _Venue] = {}
        self._facts: list[tuple[Any, ...]] = []
        self._instruments: pl.DataFrame | None = None
        self._view: BoardView | None = None
        self._gaps = Gaps()
        self._cells = Cells()
        self._waiting: list[Told] = []
        self._room_to_wait = MOST_TOGETHER
        self._received_us = 0

    @property
    def counts(self) -> Mapping[str, Counts]:
        """What came of each venue's updates."""
        self._take_in()
        return {name: venue.counts for name, venue in self._venues.items()}

    def list_instruments(self, instruments: pl.DataFrame) -> None:
        """Take over what is known of instruments: rows of ``core.instruments``.

        A ticker that now stands for another asset begins anew: what was shown of the other one is
        not its own.
        """
        self._take_in()
        rows = INSTRUMENTS.conform(instruments).select(FACTS).rows()
        for facts in rows:
            row = self._row(self._venue(facts[0]), facts[1])
            if row is None or self._facts[row] == facts:
                continue
            if self._facts[row][_ASSET] not in (None, facts[_ASSET]):
                self._cells.forget(row)
                self._gaps.forget(row)
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
            What it says, in the order in which it does; not to be changed any more.
        """
        of, received_us = self._venue(venue), to_us(received_at)
        if received_us < self._received_us:  # our clock was set back
            self._take_in()
        self._received_us = received_us
        if len(updates) <= MOST_TOGETHER:
            self._await(of, received_us, updates)
        else:
            for part in in_parts(updates, MOST_TOGETHER):
                self._await(of, received_us, part)

    def _await(self, of: _Venue, received_us: int, updates: Sequence[MarketUpdate]) -> None:
        """Let updates wait to be taken in; at most as many as are taken in at once."""
        rows: list[Any] = [*map(of.rows.get, map(_symbol, updates))]
        told = Told(of.number, received_us, updates, rows)
        if None in rows:
            told = self._placed(of, told)
        if len(told.rows) > self._room_to_wait:
            self._take_in()
        self._waiting.append(told)
        self._room_to_wait -= len(told.rows)

    def mark_gap(
        self,
        venue: str,
        symbols: Sequence[str] | None,
        reason: str,
        at: datetime,
        until: str | None = None,
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
        until
            The field that has to be said for it to be over; any of them where it is left out.
        """
        self._take_in()
        of, ends = self._venue(venue), None if until is None else FIELD[until]
        of.counts.gaps += 1
        rows = (
            [*of.rows.values()]
            if symbols is None
            else [row for name in symbols if (row := self._row(of, name)) is not None]
        )
        for row in rows:
            if self._gaps.begin(row, ends, to_us(at), reason):
                self._cells["gap_since"][row] = self._gaps.since(row)
                self._note_change(row)

    def gaps(self) -> dict[tuple[str, str], str]:
        """Return why, by venue and symbol, the stream of an instrument is broken now."""
        self._take_in()
        return {self._facts[row][:2]: reason for row, reason in self._gaps.reasons().items()}

    def view(self) -> BoardView:
        """Return what is shown now; the same object until something new is said."""
        self._take_in()
        view = self._view
        if view is None or (view.version, view.sequence) != (self._version, self._sequence):
            view = self._view = self._shown()
        return view

    def _shown(self) -> BoardView:
        shown = self._cells.copies(len(self._facts))
        return BoardView(
            version=self._version,
            sequence=self._sequence,
            instruments=self._listed(),
            values=shown["values"],
            impossible=shown["impossible"],
            event_ms=shown["event"],
            received_us=shown["received"],
            inferred_hours=shown["inferred"],
            changed_at=shown["changed_at"],
            seen_at=shown["seen_at"],
            updates=shown["updates"],
            gap_since_us=shown["gap_since"],
        )

    def _listed(self) -> pl.DataFrame:
        if self._instruments is None:
            types = {name: INSTRUMENTS.column(name).type.polars for name in FACTS}
            self._instruments = pl.DataFrame(self._facts, schema=types, orient="row")
        return self._instruments

    def _venue(self, name: str) -> _Venue:
        found = self._venues.get(name)
        if found is None:
            found = self._venues[name] = _Venue(name, len(self._venues))
        return found

    def _row(self, of: _Venue, symbol: str) -> int | None:
        """Return the row of an instrument, a new one where it is new, None where none is left."""
        row = of.rows.get(symbol)
        if row is not None:
            return row
        row = len(self._facts)
        if row == MOST_INSTRUMENTS:
            return None
        if row == self._cells.room:
            self._cells.grow()
        of.rows[symbol] = row
        self._facts.append((of.name, symbol, *[None] * (len(FACTS) - 2)))
        self._instruments = None
        self._note_change(row)
        return row

    def _placed(self, of: _Venue, told: Told) -> Told:
        """Find rows for instruments that are new, and leave out those that there is no room for."""
        rows = [self._row(of, update.venue_symbol) for update in told.updates]
        of.counts.unplaced += rows.count(None)
        placed = [*zip(told.updates, rows, strict=True)]
        return told._replace(
            updates=[update for update, row in placed if row is not None],
            rows=[row for row in rows if row is not None],
        )

    def _note_change(self, row: int) -> None:
        self._version += 1
        self._cells["changed_at"][row] = self._version

    def _take_in(self) -> None:
        """Take in what has come since this was last done."""
        if not self._waiting:
            return
        waiting, self._waiting, self._room_to_wait = self._waiting, [], MOST_TOGETHER
        try:
            batch = batch_of(waiting)
        except _UNREADABLE:
            batch = batch_of([told for told in waiting if self._is_readable(told)])
        self._note(batch, self._cells.take(batch))

    def _is_readable(self, told: Told) -> bool:
        """Tell whether a message holds numbers; one that does not costs itself only."""
        try:
            batch_of([told])
        except _UNREADABLE as error:
            of = [*self._venues.values()][told.venue]
            of.counts.unreadable += len(told.updates)
            _LOG.warning("%s: a message is left out: %s", of.name, error)
            return False
        return True

    def _note(self, batch: Batch, came: Outcome) -> None:
        """Give what was accepted and what changed their numbers, in order, and count them."""
        rows, cells = batch.rows, self._cells
        accepted = np.flatnonzero(came.accepted)
        broken = accepted[cells["gap_since"][rows[accepted]] != NO_TIME]
        if len(broken):
            self._end_gaps(batch, came, broken)
        changed = np.flatnonzero(came.changed)
        cells["seen_at"][rows[accepted]] = self._sequence + 1 + np.arange(len(accepted))
        cells["changed_at"][rows[changed]] = self._version + 1 + np.arange(len(changed))
        np.add.at(cells["updates"], rows[accepted], 1)
        self._sequence += len(accepted)
        self._version += len(changed)
        self._count(batch, came)

    def _end_gaps(self, batch: Batch, came: Outcome, broken: Ints) -> None:
        """End the gaps that are over with updates of instruments that have some, in order."""
        for update in broken.tolist():
            row = int(batch.rows[update])
            said = np.flatnonzero(came.taken[:, update]).tolist()
            if self._gaps.hear(row, said):
                self._cells["gap_since"][row] = self._gaps.since(row)
                came.changed[update] = True

    def _count(self, batch: Batch, came: Outcome) -> None:
        told = (came.accepted, came.late, came.accepted & ~came.changed, came.impossible)
        sums = [np.bincount(batch.venues, one, len(self._venues)).astype(int) for one in told]
        for venue, counted in zip(self._venues.values(), np.transpose(sums).tolist(), strict=True):
            accepted, late, repeated, impossible = counted
            venue.counts.accepted += accepted
            venue.counts.late += late
            venue.counts.repeated += repeated
            venue.counts.impossible += impossible

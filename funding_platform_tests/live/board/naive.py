"""What the board has to show, worked out one value after another."""

import math
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from msgspec import UNSET

from funding_platform.core.time_grid import FIRST_PERPETUAL, HOUR_MS, to_ms, to_us
from funding_platform.live.board.counts import Counts
from funding_platform.live.board.rules import BOUNDS, FIELD, FIELDS
from funding_platform.live.board.view import NO_TIME, BoardView
from funding_platform.venues.streams.possible import (
    SKEW_MS,
    are_apart,
    divides_no_day,
    is_too_far_ahead,
)
from funding_platform.venues.streams.updates import MarketUpdate


@dataclass
class Cell:
    value: float = math.nan
    impossible: bool = False
    event: int = NO_TIME
    newest_event: int = NO_TIME
    received: int = NO_TIME


@dataclass
class Row:
    cells: dict[str, Cell] = field(default_factory=lambda: {name: Cell() for name in FIELDS})
    inferred: float = math.nan
    gaps: dict[str | None, int] = field(default_factory=dict)
    changed: bool = True
    seen: bool = False
    updates: int = 0


def out_of_bounds(name: str, value: float) -> bool:
    low, high = BOUNDS[FIELD[name]]
    return value == value and not low <= value <= high


class NaiveBoard:
    """The latest of every cell; ``changed`` and ``seen`` are since somebody last looked."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.bases: dict[tuple[str, str], str] = {}
        self.counts: defaultdict[str, Counts] = defaultdict(Counts)

    def apply(self, venue: str, received_at: datetime, updates: list[MarketUpdate]) -> None:
        for update in updates:
            row = self.rows.setdefault((venue, update.venue_symbol), Row())
            self._take(row, to_us(received_at), update, self.counts[venue])

    def mark_gap(self, venue: str, at: datetime, until: str | None) -> None:
        self.counts[venue].gaps += 1
        for (of, _), row in self.rows.items():
            if of == venue and until not in row.gaps:
                row.gaps[until], row.changed = to_us(at), True

    def relist(self, venue: str, symbol: str, base: str) -> None:
        """Take note of what a ticker stands for; of another asset than before nothing is known."""
        row = self.rows.setdefault((venue, symbol), Row())
        if self.bases.setdefault((venue, symbol), base) != base:
            self.rows[venue, symbol] = row = Row(updates=row.updates, seen=row.seen)
        self.bases[venue, symbol] = base
        row.changed = True

    def check(self, view: BoardView, before: BoardView, counts: dict[str, Counts]) -> None:
        """Hold a board's view against this, and what it says of changes since another view."""
        keys = view.instruments.select("venue", "venue_symbol").rows()
        assert keys == [*self.rows]
        for name in FIELDS:
            cells = [row.cells[name] for row in self.rows.values()]
            shown = [math.nan if cell.impossible else cell.value for cell in cells]
            number = FIELD[name]
            np.testing.assert_array_equal(view.values[number], shown, name)
            for held, kept in (
                (view.impossible, "impossible"),
                (view.event_ms, "event"),
                (view.received_us, "received"),
            ):
                found = held[number].tolist()
                assert found == [getattr(cell, kept) for cell in cells], (name, kept)
        rows = [*self.rows.values()]
        np.testing.assert_array_equal(view.inferred_hours, [row.inferred for row in rows])
        gaps = [min(row.gaps.values(), default=NO_TIME) for row in rows]
        assert view.gap_since_us.tolist() == gaps
        assert view.updates.tolist() == [row.updates for row in rows]
        changed, seen = view.changed_since(before.version), view.seen_since(before.sequence)
        assert changed.tolist() == [place for place, row in enumerate(rows) if row.changed]
        assert seen.tolist() == [place for place, row in enumerate(rows) if row.seen]
        for row in rows:
            row.changed = row.seen = False
        blank = Counts()
        for venue in {*counts, *self.counts}:
            found, expected = counts.get(venue, blank), self.counts.get(venue, blank)
            assert asdict(found) == asdict(expected), venue

    def _take(self, row: Row, received: int, update: MarketUpdate, counts: Counts) -> None:
        event = update.event_ms
        if event is None or event - received // 1000 > SKEW_MS:
            event = NO_TIME
        for cell in row.cells.values():
            if cell.newest_event - received // 1000 > SKEW_MS:
                cell.newest_event = NO_TIME
        accepted = changed = late = together = False
        for name in FIELDS:
            said: Any = getattr(update, name)
            if said is UNSET:
                continue
            cell = row.cells[name]
            if event != NO_TIME:
                if event < cell.newest_event:
                    late = True
                    continue
                cell.newest_event = event
            accepted = True
            cell.event, cell.received = event, received
            changed |= self._set(row, name, said, counts)
            for over in {None, name} & row.gaps.keys():
                del row.gaps[over]
                changed = True
            together |= name in ("interval_hours", "next_funding_ms", "mark_price", "index_price")
        if together:
            changed |= self._judge(row, received / 1e3, counts)
        counts.late += late
        counts.accepted += accepted
        if accepted:
            row.seen = True
            row.updates += 1
            row.changed |= changed
            counts.repeated += not changed

    def _set(self, row: Row, name: str, said: float | None, counts: Counts) -> bool:
        cell = row.cells[name]
        value = math.nan if said is None else float(said) if said == said else math.inf
        before = cell.value
        if value == before or (value != value and before != before):
            return False
        if name == "next_funding_ms":
            hours = (value - before) / HOUR_MS
            if hours > 0 and not cell.impossible and not divides_no_day(hours):
                row.inferred = float(np.fmin(row.inferred, hours))
        cell.value = value
        if name not in ("interval_hours", "next_funding_ms", "mark_price"):
            cell.impossible = out_of_bounds(name, value)
            counts.impossible += cell.impossible
        return True

    def _judge(self, row: Row, now_ms: float, counts: Counts) -> bool:
        interval, due, mark, index = (
            row.cells[name].value
            for name in ("interval_hours", "next_funding_ms", "mark_price", "index_price")
        )
        no_interval = out_of_bounds("interval_hours", interval)
        believed = math.nan if no_interval else interval
        verdicts = {
            "interval_hours": no_interval or divides_no_day(interval),
            "next_funding_ms": is_too_far_ahead(due, believed, now_ms)
            or due < to_ms(FIRST_PERPETUAL),
            "mark_price": out_of_bounds("mark_price", mark) or are_apart(mark, index),
        }
        changed = False
        for name, bad in verdicts.items():
            if bad != row.cells[name].impossible:
                row.cells[name].impossible = bad
                counts.impossible += bad
                changed = True
        return changed

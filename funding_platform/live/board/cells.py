"""The cells of the board, and what becomes of them when a batch of updates is taken in.

All updates of a batch are taken in at once, with the result of taking them one after another: a
value is held against the one before it of the same cell, and a row is judged after each update that
speaks of what is judged together. Where an array is indexed by cells or rows that come more than
once, the last assignment counts, as NumPy documents it.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.time_grid import HOUR_MS
from funding_platform.live.board.batch import Batch
from funding_platform.live.board.rules import (
    FIELDS,
    JUDGED_TOGETHER,
    NEXT,
    TOGETHER,
    divides_no_day,
    judged_together,
    out_of_bounds,
)
from funding_platform.live.board.view import NO_TIME
from funding_platform.venues.streams.possible import SKEW_MS

MOST_TOGETHER: Final = 2_048
"""Updates that are taken in at once: memory is bounded, and what orders cells by their number and
time fits into 64 bits until the year 9999."""

_FIRST_ROWS: Final = 1024


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

_TOGETHER, _JUDGED = np.array(TOGETHER), np.array(JUDGED_TOGETHER)
_ALONE: Final = np.setdiff1d(np.arange(len(FIELDS)), _JUDGED)
"""Fields that nothing but their own bounds flags."""

_DUE: Final = TOGETHER.index(NEXT)


class Outcome(NamedTuple):
    """What came of the updates of a batch, an entry for each, and which of their values counted."""

    accepted: Flags
    late: Flags
    changed: Flags
    impossible: Ints
    taken: Flags


class Cells:
    """Arrays with room for more instruments than there are; shape (fields, room) or (room,)."""

    def __init__(self) -> None:
        self._arrays: dict[str, Any] = {
            name: np.full((len(FIELDS), _FIRST_ROWS) if of_cells else _FIRST_ROWS, blank)
            for name, (blank, of_cells) in _BLANK.items()
        }

    def __getitem__(self, name: str) -> Any:
        return self._arrays[name]

    @property
    def room(self) -> int:
        """How many instruments there is room for."""
        return len(self._arrays["updates"])

    def grow(self) -> None:
        """Make room for twice as many instruments."""
        self._arrays = {
            name: np.concatenate((held, np.full_like(held, _BLANK[name].blank)), axis=-1)
            for name, held in self._arrays.items()
        }

    def forget(self, row: int) -> None:
        """Forget what is known of an instrument, but for how often it was spoken of."""
        for name, (blank, _) in _BLANK.items():
            if name not in _COUNTERS:
                self._arrays[name][..., row] = blank

    def copies(self, rows: int) -> dict[str, Any]:
        """Copy what readers see of the first rows, not to be written any more."""
        copied = {
            name: np.array(held[..., :rows], order="C")
            for name, held in self._arrays.items()
            if name != "newest_event"
        }
        copied["values"][copied["impossible"]] = np.nan
        for array in copied.values():
            array.setflags(write=False)
        return copied

    def take(self, batch: Batch) -> Outcome:
        """Take a batch in: at most ``MOST_TOGETHER`` updates, none received before the one before.

        Late is what is older by the venue's clock than the newest that was said of its cell.
        """
        by_row = _ByRow(batch)
        late = by_row.said & self._are_late(by_row)
        taken = by_row.said & ~late
        before, after = self._states(by_row, taken)
        anew = taken & (after != before) & ~(np.isnan(after) & np.isnan(before))
        bad = anew[_ALONE] & out_of_bounds(_ALONE[:, None], after[_ALONE])
        changed, impossible = anew.any(axis=0), bad.sum(axis=0)
        self._keep(by_row, taken, after)
        judged = np.flatnonzero(taken[_TOGETHER].any(axis=0))
        turned, verdict = self._judge(by_row, judged, before, after)
        changed[judged] |= turned.any(axis=0)
        impossible[judged] += (turned & verdict).sum(axis=0)
        outcome = (taken.any(axis=0), late.any(axis=0), changed, impossible, taken)
        return Outcome(*map(by_row.as_they_came, outcome))

    def _are_late(self, by_row: "_ByRow") -> Flags:
        """Tell of each cell of an update whether something newer was said of it, shape (f, n)."""
        newest = self._arrays["newest_event"]
        held = newest[:, by_row.row[by_row.first]]
        # What is yet to come was stamped by a clock that ran ahead, ours as like as not.
        held[held > by_row.received_us[by_row.first] // 1000 + SKEW_MS] = NO_TIME
        event = by_row.event_ms
        known = np.where(by_row.said, event, NO_TIME)
        known[:, by_row.first] = np.maximum(known[:, by_row.first], held)
        # Each row has a span of its own, above that of the one before: no maximum carries over.
        begins = by_row.number * (known.max(initial=0) - known.min(initial=0) + 1)
        so_far = np.maximum.accumulate(known + begins, axis=1) - begins
        newest[:, by_row.row[by_row.last]] = so_far[:, by_row.last]
        late: Flags = (event != NO_TIME) & (event < so_far)
        return late

    def _states(self, by_row: "_ByRow", taken: Flags) -> tuple[Floats, Floats]:
        """Return what cells hold before and after each update of their row, shape (fields, n)."""
        held = self._arrays["values"][:, by_row.row]
        source = by_row.newest(taken)
        after = np.where(source < 0, held, np.take_along_axis(by_row.value, source, axis=1))
        return np.where(by_row.first, held, np.roll(after, 1, axis=1)), after

    def _keep(self, by_row: "_ByRow", taken: Flags, after: Floats) -> None:
        """Put what cells hold in the end where it belongs, with its times and flags."""
        last = by_row.last
        rows, state, source = by_row.row[last], after[:, last], by_row.newest(taken)[:, last]
        self._arrays["values"][:, rows] = state
        self._arrays["impossible"][np.ix_(_ALONE, rows)] = out_of_bounds(
            _ALONE[:, None], state[_ALONE]
        )
        for name, stamps in (("event", by_row.event_ms), ("received", by_row.received_us)):
            kept = self._arrays[name]
            kept[:, rows] = np.where(source < 0, kept[:, rows], stamps[source])

    def _judge(
        self, by_row: "_ByRow", judged: Ints, before: Floats, after: Floats
    ) -> tuple[Flags, Flags]:
        """Flag what cannot be beside the other cells of its row.

        Parameters
        ----------
        judged
            After which updates: those that say something of what is judged together.
        before, after
            What cells hold before and after each update.

        Returns
        -------
        Whether each verdict is another one than before, and whether it is that a value cannot be,
        shape (3, judged).
        """
        flags, row = self._arrays["impossible"], by_row.row[judged]
        states = after[np.ix_(_TOGETHER, judged)]
        verdict = judged_together(states, by_row.received_us[judged] / 1e3)
        held = flags[np.ix_(_JUDGED, row)]
        known = np.where(_firsts(row), held, np.roll(verdict, 1, axis=1))
        last = np.flatnonzero(_lasts(row))
        flags[np.ix_(_JUDGED, row[last])] = verdict[:, last]
        self._infer_intervals(row, before[NEXT, judged], states[_DUE], known[_DUE])
        return verdict != known, verdict

    def _infer_intervals(self, row: Ints, before: Floats, due: Floats, impossible: Flags) -> None:
        """Remember the distance of two settlements in a row, the least that was seen.

        A wider one may be a settlement that was missed.
        """
        with np.errstate(invalid="ignore"):
            hours = (due - before) / HOUR_MS
        found = (hours > 0) & ~impossible & ~divides_no_day(hours)
        np.fmin.at(self._arrays["inferred"], row[found], hours[found])


class _ByRow:
    """The updates of a batch, those of a row side by side and in the order in which they came."""

    def __init__(self, batch: Batch) -> None:
        self._order = np.argsort(batch.rows, kind="stable")
        self.row = batch.rows[self._order]
        self.received_us = batch.received_us[self._order]
        self.event_ms = batch.event_ms[self._order]
        self.said, self.value = batch.said[:, self._order], batch.value[:, self._order]
        self.first, self.last = _firsts(self.row), _lasts(self.row)
        self.number = np.cumsum(self.first) - 1
        """The how manyeth of the rows it is of."""

    def newest(self, taken: Flags) -> Ints:
        """Find the last update up to each that was taken of a cell, shape (fields, n).

        Negative where there is none of its row.
        """
        source = np.maximum.accumulate(np.where(taken, np.arange(len(self.row)), -1), axis=1)
        return np.where(source < np.flatnonzero(self.first)[self.number], -1, source)

    def as_they_came(self, values: Any) -> Any:
        """Put an array's last axis back into the order in which the updates came."""
        ordered = np.empty_like(values)
        ordered[..., self._order] = values
        return ordered


def _firsts(ordered: Ints) -> Flags:
    """Tell which entries are the first of their kind, of entries that are ordered."""
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return first


def _lasts(ordered: Ints) -> Flags:
    """Tell which are the last of their kind."""
    last = np.ones(len(ordered), dtype=np.bool_)
    last[:-1] = ordered[1:] != ordered[:-1]
    return last

"""Paging by offset: a history that is addressed by row number only, newest first.

A request says how many rows to pass over and carries no time, so the row at which a window ends
has to be searched for. Reading from row 0 instead would cost every month of a backfill all the
months after it.
"""

from collections.abc import Sequence

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.venues.paging.backward import BackwardOpen
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.records import PageOf, Row

_MARGINS_PER_PAGE = 8
"""The first guess aims this part of a page too new, so that some lost hours do not void it."""


class BackwardOffset(BackwardOpen[Row]):
    """Newest first, by how many rows to pass over; the ask's token is that number.

    No perpetual settles more often than hourly, so the window ends at most as many rows down as
    hours have passed since. From that guess the search goes back in growing strides, then halves:
    ``_newer`` rows are known to lie after the window, and the row at ``_older`` is known not to.
    From the page that holds the end on, it reads without a gap. A row that settles meanwhile moves
    the others down by one, so that one comes twice and none is lost; repeats count once.
    """

    _newer = 0
    _newer_until_ms: int | None = None
    _older: int | None = None
    _overshoots = 0
    _next: int | None = None

    def ask(self) -> Ask:
        """Ask for as many rows as a page holds, from the next offset on."""
        return Ask(self._low_ms, self._high_ms, self._limit, str(self._offset))

    def _learn(self, page: PageOf[Row]) -> None:
        offset, times = self._offset, page.times_ms
        if self._next is None and not self._holds_the_end(offset, times):
            return
        if times == [self._cursor_ms + 1]:
            page = PageOf([])  # the oldest row of all, moved down by one that settled meanwhile
        super()._learn(page)
        self._next = offset + len(set(times))

    @property
    def _offset(self) -> int:
        """Where to read on, or where to look for the end of the window."""
        if self._next is not None:
            return self._next
        if self._older is None:
            since_ms = self._newer_until_ms or self._now_ms
            hours = (since_ms - self._high_ms) // HOUR_MS
            return self._newer + max(0, hours - self._limit // _MARGINS_PER_PAGE)
        if self._older - self._newer <= self._limit:
            return self._newer
        stride = self._limit << (self._overshoots - 1)
        return max(self._older - stride, (self._newer + self._older) // 2)

    def _holds_the_end(self, offset: int, times: Sequence[int]) -> bool:
        """Tell whether nothing within the window can lie before the page; if not, learn from it."""
        if offset > self._newer and (not times or max(times) <= self._high_ms):
            self._older = offset
            self._overshoots += 1
            return False
        if times and min(times) > self._high_ms:
            if self._newer_until_ms is not None and min(times) >= self._newer_until_ms:
                raise self._stuck(f"rows from {offset} on are no older than those before")
            self._newer, self._newer_until_ms = offset + len(set(times)), min(times)
            return False
        return True

    def _reach(self) -> tuple[int, int]:
        return super()._reach()[0], self._now_ms + self._context_ms

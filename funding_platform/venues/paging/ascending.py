"""Paging with time: oldest first, from a start on."""

from collections.abc import Sequence

from funding_platform.venues.paging.pager import Ask, Ended, Pager
from funding_platform.venues.parsing.records import PageOf, Row


class Ascending(Pager[Row]):
    """Oldest first, from a start time on: the next page starts after the last row."""

    def _origin(self) -> int:
        return self._low_ms

    def ask(self) -> Ask:
        """Ask from the cursor to the far edge, or as far as one request may reach."""
        end_ms = self._high_ms
        if self._page_span_ms is not None:
            end_ms = min(end_ms, self._cursor_ms + self._page_span_ms)
        return Ask(self._cursor_ms, end_ms, self._limit)

    def _advance(self, page: PageOf[Row], times: Sequence[int]) -> None:
        last = max(times)
        if last < self._cursor_ms:
            raise self._stuck(f"asked from {self._cursor_ms}, got nothing later than {last}")
        self._cursor_ms = last + 1
        if self._is_beyond(last):
            self.ended = Ended.ROW_BEYOND
        elif len(times) < self._limit and self._next_is_not_due():
            self.ended = Ended.RUNNING_PRESENT

    def _advance_past_nothing(self) -> None:
        end_ms = self.ask().end_ms
        if end_ms == self._high_ms:
            self.ended = Ended.EXHAUSTED
        self._cursor_ms = end_ms + 1

    def _next_is_not_due(self) -> bool:
        """Tell whether less time has passed since the last settlement than between the last two."""
        latest = sorted(self._by_second)[-2:]
        if self._end_ms <= self._now_ms or len(latest) < 2:
            return False
        gap = latest[1] - latest[0]
        return self._now_ms - latest[1] < gap <= self._context_ms

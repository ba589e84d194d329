"""Paging against time: newest first, up to an end, by time or by cursor."""

from collections.abc import Sequence

from funding_platform.core.time_grid import FIRST_PERPETUAL, to_ms
from funding_platform.venues.paging.pager import Ask, Ended, Pager
from funding_platform.venues.parsing.records import PageOf, Row


class Backward(Pager[Row]):
    """Newest first, up to an end time: the next page ends before the oldest row."""

    def _origin(self) -> int:
        return self._high_ms

    def ask(self) -> Ask:
        """Ask from the near edge, or as far back as one request may reach, to the cursor."""
        start_ms = self._low_ms
        if self._page_span_ms is not None:
            start_ms = max(start_ms, self._cursor_ms - self._page_span_ms)
        return Ask(start_ms, self._cursor_ms, self._limit)

    def _advance(self, page: PageOf[Row], times: Sequence[int]) -> None:
        oldest = min(times)
        if oldest > self._cursor_ms:
            raise self._stuck(f"asked up to {self._cursor_ms}, got nothing earlier than {oldest}")
        self._cursor_ms = oldest - 1
        if self._has_context() or self._cursor_ms < self._low_ms:
            self.ended = Ended.ROW_BEYOND

    def _advance_past_nothing(self) -> None:
        start_ms = self.ask().start_ms
        if start_ms == self._low_ms:
            self.ended = Ended.ROW_BEYOND if self._rows_before() else Ended.EXHAUSTED
        self._cursor_ms = start_ms - 1


class BackwardOpen(Backward[Row]):
    """As ``Backward``, where a request cannot carry its start: pages run on past the window."""

    def _reach(self) -> tuple[int, int]:
        return to_ms(FIRST_PERPETUAL), super()._reach()[1]


class BackwardToken(Backward[Row]):
    """Newest first, by a cursor that each page hands on; no cursor means no more rows."""

    _token: str | None = None

    def ask(self) -> Ask:
        """Ask for the same span each time, with the last page's token."""
        return Ask(self._low_ms, self._high_ms, self._limit, self._token)

    def _learn(self, page: PageOf[Row]) -> None:
        super()._learn(page)
        if self.ended is not None:
            return
        if not page.token:
            self._advance_past_nothing()
        elif page.token == self._token:
            raise self._stuck(f"the cursor {page.token!r} came again")
        else:
            self._token = page.token

    def _advance_past_nothing(self) -> None:
        self.ended = Ended.EXHAUSTED

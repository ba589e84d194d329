"""Paging a history of which nobody says at which end its pages begin."""

from collections.abc import Sequence

from funding_platform.venues.paging.backward import BackwardOpen
from funding_platform.venues.paging.pager import PUBLISHED_WITHIN_MS, Ask, Ended
from funding_platform.venues.parsing.records import PageOf, Row


class EitherEnd(BackwardOpen[Row]):
    """A page from the start of what was asked for, or from its end: which, the rows tell.

    A page is a run of rows without a hole, however short it is cut. After the first one the
    stretch after it is asked for. Rows there prove that pages begin at the start, so that nothing
    lies before a page; no rows there prove the end, and the stretch before it is asked for. A
    page of which no row lies within what was asked for proves nothing and is an error: such a
    server hides rows that its parameters cannot reach.
    """

    _oldest: int | None = None
    _newest: int = 0
    _end_is_known = False
    _begins_at_start = False

    def ask(self) -> Ask:
        """Ask for all of it; then what follows the newest row; then what precedes the oldest."""
        if self._oldest is None:
            return Ask(self._low_ms, self._high_ms, self._limit)
        if not self._end_is_known:
            return Ask(self._newest + 1, self._high_ms, self._limit)
        return Ask(self._low_ms, self._oldest - 1, self._limit)

    def _learn(self, page: PageOf[Row]) -> None:
        ask = self.ask()
        within = [row for row in page.rows if ask.start_ms <= row.time_ms <= ask.end_ms]
        complete = [at for at in page.passed_over_ms if at <= self._complete_until_ms]
        if (page.rows or complete) and not within:
            raise self._stuck(f"asked for {ask.start_ms} to {ask.end_ms}, got rows outside only")
        super()._learn(PageOf(within))

    def _reach(self) -> tuple[int, int]:
        earliest, latest = super()._reach()
        return earliest, max(latest, self._now_ms + PUBLISHED_WITHIN_MS)

    def _advance(self, page: PageOf[Row], times: Sequence[int]) -> None:
        follows = self._oldest is not None and not self._end_is_known
        if follows and min(times) < self._now_ms - PUBLISHED_WITHIN_MS:
            self._begins_at_start = True
        self._oldest = min(*times, self._oldest or self._high_ms)
        self._newest = max(*times, self._newest)
        self._end_is_known |= self._is_beyond(self._newest)
        self._conclude()

    def _advance_past_nothing(self) -> None:
        if self._oldest is None or self._end_is_known:
            self.ended = Ended.EXHAUSTED
        else:
            self._end_is_known = True
            self._conclude()

    def _conclude(self) -> None:
        """End the reading if neither side can hold more."""
        nothing_before = self._begins_at_start or self._has_context()
        if self._end_is_known and nothing_before:
            self.ended = Ended.ROW_BEYOND

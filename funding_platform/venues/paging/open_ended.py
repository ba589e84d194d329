"""Paging forward through a history that can be asked for from a time on, but not up to one."""

from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.pager import PUBLISHED_WITHIN_MS, Ended
from funding_platform.venues.parsing.records import PageOf, Row


class OpenEnded(Ascending[Row]):
    """As ``Ascending``, where a request cannot carry its end: pages run on past the window.

    The start may be no more than a filter of the newest rows that the server hands out. Its pages
    look the same, a run without a hole up to the newest row; only whether anything lies before
    their oldest row they do not tell. So a row before the window is what proves its beginning.
    Without one the rows are taken, and the history is not called whole.
    """

    def _learn(self, page: PageOf[Row]) -> None:
        super()._learn(page)
        if self.ended is not None and not self._rows_before():
            self.ended = Ended.NOT_KEPT

    def _reach(self) -> tuple[int, int]:
        earliest, _ = super()._reach()
        return earliest, self._now_ms + PUBLISHED_WITHIN_MS

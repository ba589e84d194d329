"""How many pages a window can fill, and that each of them leads on.

A server may creep: a millisecond a page, or the same rows under ever new cursors. No venue has rows
closer than a minute: settlements are hours apart, and the samples that some hand out in between
come by the minute. So a page of n rows covers n minutes, however dense they are.
"""

from collections.abc import Iterable
from typing import Final

SHORTEST_MS: Final = 60_000
"""The smallest distance of two rows."""

SLACK_PAGES: Final = 32
"""For servers that cut pages short, and for the search for the window's end."""

PAGES_WITHOUT_PROGRESS: Final = 3
"""In a row, with rows of known minutes only: a filter by the nominal time brings an edge again."""


class PageBound:
    """Counts the pages of one symbol and window.

    Parameters
    ----------
    span_ms
        The stretch of time to read.
    limit
        Rows per page.
    page_span_ms
        The longest stretch per page; None where a page may cover all of it.
    """

    def __init__(self, span_ms: int, limit: int, page_span_ms: int | None) -> None:
        rows = span_ms // SHORTEST_MS
        spans = 0 if page_span_ms is None else span_ms // page_span_ms
        self._left = rows // max(1, limit) + spans + SLACK_PAGES
        self._minutes: set[int] = set()
        self._standing = 0

    def complaint(self, times_ms: Iterable[int]) -> str | None:
        """Return what is wrong once a page with these rows is one too many; else None."""
        minutes = {time_ms // SHORTEST_MS for time_ms in times_ms}
        leads_on = not minutes or not minutes <= self._minutes
        self._standing = 0 if leads_on else self._standing + 1
        self._minutes |= minutes
        self._left -= 1
        if self._standing > PAGES_WITHOUT_PROGRESS:
            return f"{self._standing} pages in a row hold nothing new"
        return None if self._left >= 0 else "more pages than the window can fill"

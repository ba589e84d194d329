"""Reading a history page by page, whatever its intervals, until the window is proven covered.

A pager has two jobs: learn from a page, shape the next request. One class per style of paging.
None assumes an interval or trusts a short page (servers cap lower than asked); each goes on from
the last row received until it can prove that none is missing (see ``Ended``).

The window is read with ``CONTEXT`` added on both sides. That lets intervals be inferred alike
however a long window is split, and makes a row beyond the far edge, which comes for free, the
usual proof.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from funding_platform.core.intervals import CONTEXT
from funding_platform.core.time_grid import DAY_MS, HOUR_MS, MILLISECOND, Window, from_ms, to_ms
from funding_platform.venues.errors import ConflictError, ContractError, PagingError
from funding_platform.venues.paging.bound import PageBound
from funding_platform.venues.parsing.leniency import leave_out
from funding_platform.venues.parsing.records import Page, Settlement
from funding_platform.venues.rest.endpoints import Params

PUBLISHED_WITHIN_MS = HOUR_MS
"""A settlement older than this was there for the first request already."""

_SLACK_MS = HOUR_MS
"""How far a stamp may lie outside what was asked for: venues filter by the nominal time."""

CONTEXT_MS = CONTEXT // MILLISECOND


class Ended(Enum):
    """Why reading a window came to its end."""

    ROW_BEYOND = "a row beyond the far edge"
    EXHAUSTED = "the venue has no more rows that way"
    RUNNING_PRESENT = "the next settlement is not due yet"
    UNREADABLE = "rows could not be read"
    NOT_KEPT = "the window reaches back further than the venue keeps its history"

    @property
    def proven(self) -> bool:
        """Whether no settlement of the window can be missing from what was read."""
        return self not in (Ended.UNREADABLE, Ended.NOT_KEPT)


class Ask(NamedTuple):
    """What to ask for next: rows from ``start_ms`` to ``end_ms``, both included."""

    start_ms: int
    end_ms: int
    limit: int
    token: str | None = None

    def cursor(self, parameter: str) -> Params:
        """Return the token as that parameter, once there is one."""
        return {parameter: self.token} if self.token else {}

    def days(self, now: datetime) -> Iterator[datetime]:
        """Yield the days that have begun, in UTC, of what is asked for."""
        day = from_ms(self.start_ms).replace(hour=0, minute=0, second=0, microsecond=0)
        while day <= min(from_ms(self.end_ms), now):
            yield day
            day += timedelta(days=1)


class Pager(ABC):
    """Reads one symbol's settlements of one window.

    Parameters
    ----------
    venue, symbol
        Whose history it is.
    window
        The window to cover.
    limit
        Rows to ask for per page.
    now
        The present, for windows that reach into it.
    page_span
        The longest stretch to ask for at once, for venues that cut off a longer one silently.
    """

    def __init__(
        self,
        venue: str,
        symbol: str,
        window: Window,
        limit: int,
        now: datetime,
        page_span: timedelta | None = None,
    ) -> None:
        self.ended: Ended | None = None
        self.requests = 0
        self._venue = venue
        self._symbol = symbol
        self._limit = limit
        self._now_ms = to_ms(now)
        self._start_ms = to_ms(window.start)
        self._end_ms = to_ms(window.end)
        self._low_ms = self._start_ms - CONTEXT_MS
        self._high_ms = self._end_ms + CONTEXT_MS
        self._page_span_ms = None if page_span is None else page_span // MILLISECOND
        self._bound = PageBound(self._high_ms - self._low_ms, limit, self._page_span_ms)
        self._by_second: dict[int, Settlement] = {}
        self._cursor_ms = self._origin()

    @property
    def settlements(self) -> list[Settlement]:
        """Everything read so far, context included, in order of time."""
        return [row for _, row in sorted(self._by_second.items())]

    @abstractmethod
    def ask(self) -> Ask:
        """Return the next request to make."""

    @abstractmethod
    def _origin(self) -> int:
        """Return where the cursor begins."""

    @abstractmethod
    def _advance(self, page: Page, times: Sequence[int]) -> None:
        """Move the cursor past ``times``, which is not empty, or say how the reading ended."""

    @abstractmethod
    def _advance_past_nothing(self) -> None:
        """Draw the conclusion from an empty page."""

    def learn(self, page: Page) -> None:
        """Take in the answer to ``ask()``.

        Raises
        ------
        ContractError
            If most rows are of another symbol, or lie outside what was asked for.
        ConflictError
            If a settlement comes twice with different rates.
        PagingError
            If the page does not lead on, or is one more than the window can fill.
        """
        self.requests += 1
        page = self._credible(page)
        if complaint := self._bound.complaint(page.times_ms):
            raise self._stuck(complaint)
        self._learn(page)

    def _learn(self, page: Page) -> None:
        """Take in a page of which there may be one more."""
        times = page.times_ms
        if not times:
            self._advance_past_nothing()
            return
        self._take(page.settlements)
        self._advance(page, times)

    def _reach(self) -> tuple[int, int]:
        """Return between what times a row may lie, in milliseconds; outside is a fault."""
        return self._low_ms - _SLACK_MS, min(self._high_ms, self._now_ms) + _SLACK_MS

    def _credible(self, page: Page) -> Page:
        """Return the page without rows of another symbol, or of a time that cannot be.

        A time that lies outside by less than a day is not one row's: the clock is another, and
        the rows that it leaves inside are as wrong.
        """
        earliest, latest = self._reach()
        foreign = {row.venue_symbol for row in page.settlements} - {self._symbol}
        times = page.times_ms
        if not foreign and all(earliest <= time_ms <= latest for time_ms in times):
            return page
        reach = f"outside what can be, {earliest} to {latest} ms"
        late = [time for time in times if not earliest <= time <= latest]
        shifted = [time for time in late if earliest - DAY_MS <= time <= latest + DAY_MS]
        if shifted:
            raise ContractError(
                f"settlement time {shifted[0]} lies {reach}",
                hint="the venue may have changed the clock of its time stamps: all are wrong then",
                **self._where,
            )
        others = [row for row in page.settlements if row.venue_symbol in foreign]
        leave_out(
            [f"a row of {row.venue_symbol} at {row.time_ms}" for row in others]
            + [f"settlement time {time_ms} lies {reach}" for time_ms in late],
            len(times),
            is_remainder=bool(self._by_second),
            hint="the venue may have changed the unit of its time stamps" if late else None,
            **self._where,
        )
        kept = [row for row in page.settlements if earliest <= row.time_ms <= latest]
        kept = [row for row in kept if row.venue_symbol == self._symbol]
        passed_over = [time for time in page.passed_over_ms if earliest <= time <= latest]
        return Page(kept, page.token, passed_over)

    def _take(self, settlements: Sequence[Settlement]) -> None:
        for row in settlements:
            known = self._by_second.setdefault(round_to_second(row.time_ms), row)
            if known.rate != row.rate:
                raise ConflictError(
                    f"two rates at {from_ms(row.time_ms)}: {known.rate} and {row.rate}",
                    **self._where,
                )

    def _rows_before(self) -> int:
        """Count the settlements before the window that are known."""
        return sum(second < self._start_ms for second in self._by_second)

    def _stuck(self, what: str) -> PagingError:
        return PagingError(
            f"{what}; {len(self._by_second)} settlements after {self.requests} requests",
            hint="the server may ignore the parameters that page through its history",
            **self._where,
        )

    @property
    def _where(self) -> dict[str, str]:
        return {"venue": self._venue, "endpoint": f"funding history of {self._symbol}"}


def round_to_second(time_ms: int) -> int:
    """Round a millisecond stamp to the nearest full second, in milliseconds."""
    return (time_ms + 500) // 1000 * 1000

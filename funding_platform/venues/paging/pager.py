"""Reading a history page by page, whatever its intervals, until the window is proven covered.

A pager has two jobs: learn from a page, shape the next request. One class per style of paging.
None assumes an interval or trusts a short page (servers cap lower than asked); each goes on from
the last row received until it can prove that none is missing (see ``Ended``).

A window of settlements is read with context added on both sides. That lets intervals be inferred
alike however a long window is split, and makes a row beyond the far edge, which comes for free, the
usual proof. Of rows on a grid the last one is that proof, and one row before the window the other.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Generic, NamedTuple

from funding_platform.core.time_grid import DAY_MS, HOUR_MS, MILLISECOND, Window, from_ms, to_ms
from funding_platform.venues.errors import ConflictError, ContractError, PagingError
from funding_platform.venues.paging.bound import PageBound
from funding_platform.venues.paging.series import Series
from funding_platform.venues.parsing.leniency import leave_out
from funding_platform.venues.parsing.records import PageOf, Row
from funding_platform.venues.rest.endpoints import Params

PUBLISHED_WITHIN_MS = HOUR_MS
"""A settlement older than this was there for the first request already."""

_SLACK_MS = HOUR_MS
"""How far a stamp may lie outside what was asked for: venues filter by the nominal time."""


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

    @property
    def hours(self) -> int:
        """How many full hours there are between its edges at most."""
        return (self.end_ms - self.start_ms) // HOUR_MS + 1

    def cursor(self, parameter: str) -> Params:
        """Return the token as that parameter, once there is one."""
        return {parameter: self.token} if self.token else {}

    def days(self, now: datetime) -> Iterator[datetime]:
        """Yield the days that have begun, in UTC, of what is asked for."""
        day = from_ms(self.start_ms).replace(hour=0, minute=0, second=0, microsecond=0)
        while day <= min(from_ms(self.end_ms), now):
            yield day
            day += timedelta(days=1)


class Pager(ABC, Generic[Row]):
    """Reads one symbol's rows of one window.

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
    series
        What kind of rows they are.
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
        series: Series[Row],
        page_span: timedelta | None = None,
    ) -> None:
        self.ended: Ended | None = None
        self.requests = 0
        self.contradictions: dict[int, str] = {}
        self._venue = venue
        self._symbol = symbol
        self._limit = limit
        self._now_ms = to_ms(now)
        self._start_ms = to_ms(window.start)
        self._end_ms = to_ms(window.end)
        self._series = series
        self._complete_until_ms = self._now_ms - series.lasts_ms
        self._context_ms = series.context // MILLISECOND
        self._low_ms = self._start_ms - self._context_ms
        self._high_ms, self._proof_ms = self._far_edge()
        self._page_span_ms = None if page_span is None else page_span // MILLISECOND
        self._bound = PageBound(self._high_ms - self._low_ms, limit, self._page_span_ms)
        self._by_second: dict[int, Row] = {}
        self._cursor_ms = self._origin()

    @property
    def rows(self) -> list[Row]:
        """Everything read so far, context included, in order of time."""
        return [row for _, row in sorted(self._by_second.items())]

    @property
    def reaches_back(self) -> bool:
        """Whether a row proves that the venue still had what lies at the window's beginning."""
        return any(second < self._first_due_ms for second in self._by_second)

    @abstractmethod
    def ask(self) -> Ask:
        """Return the next request to make."""

    @abstractmethod
    def _origin(self) -> int:
        """Return where the cursor begins."""

    @abstractmethod
    def _advance(self, page: PageOf[Row], times: Sequence[int]) -> None:
        """Move the cursor past ``times``, which is not empty, or say how the reading ended."""

    @abstractmethod
    def _advance_past_nothing(self) -> None:
        """Draw the conclusion from an empty page."""

    def learn(self, page: PageOf[Row]) -> None:
        """Take in the answer to ``ask()``.

        Raises
        ------
        ContractError
            If most rows are of another symbol, or lie outside what was asked for.
        ConflictError
            If a settlement comes twice with different rates; a bar that differs is only noted.
        PagingError
            If the page does not lead on, or is one more than the window can fill.
        """
        self.requests += 1
        page = self._complete(self._credible(page))
        if complaint := self._bound.complaint(page.times_ms):
            raise self._stuck(complaint)
        self._learn(page)

    def _learn(self, page: PageOf[Row]) -> None:
        """Take in a page of which there may be one more."""
        times = page.times_ms
        if not times:
            self._advance_past_nothing()
            return
        self._take(page.rows)
        self._advance(page, times)

    def _far_edge(self) -> tuple[int, int]:
        """Return up to what time to ask, and the time whose row proves that no later one is due."""
        if (step_ms := self._series.step_ms) is None:
            return self._end_ms + self._context_ms, self._end_ms
        return self._end_ms - 1, (self._end_ms - 1) // step_ms * step_ms

    @property
    def _first_due_ms(self) -> int:
        """A row before this moment proves the window's beginning."""
        step_ms = self._series.step_ms
        return self._start_ms if step_ms is None else -(-self._start_ms // step_ms) * step_ms + 1

    def _is_beyond(self, time_ms: int) -> bool:
        """Tell whether a row of that time proves that the window holds no later one."""
        return round_to_second(time_ms) >= self._proof_ms

    def _reach(self) -> tuple[int, int]:
        """Return between what times a row may lie, in milliseconds; outside is a fault."""
        return self._low_ms - _SLACK_MS, min(self._high_ms, self._now_ms) + _SLACK_MS

    def _complete(self, page: PageOf[Row]) -> PageOf[Row]:
        """Pass over the rows that are not complete yet, whatever the venue says."""
        latest = self._complete_until_ms
        if not self._series.lasts_ms or all(row.time_ms <= latest for row in page.rows):
            return page
        running = [row.time_ms for row in page.rows if row.time_ms > latest]
        kept = [row for row in page.rows if row.time_ms <= latest]
        return PageOf(kept, page.token, [*page.passed_over_ms, *running])

    def _credible(self, page: PageOf[Row]) -> PageOf[Row]:
        """Return the page without rows of another symbol, or of a time that cannot be.

        A time that lies outside by less than a day is not one row's: the clock is another, and
        the rows that it leaves inside are as wrong.
        """
        earliest, latest = self._reach()
        foreign = {row.venue_symbol for row in page.rows} - {self._symbol}
        times = page.times_ms
        if not foreign and all(earliest <= time_ms <= latest for time_ms in times):
            return page
        reach = f"outside what can be, {earliest} to {latest} ms"
        late = [time for time in times if not earliest <= time <= latest]
        shifted = [time for time in late if earliest - DAY_MS <= time <= latest + DAY_MS]
        if shifted:
            raise ContractError(
                f"{self._series.noun} time {shifted[0]} lies {reach}",
                hint="the venue may have changed the clock of its time stamps: all are wrong then",
                **self._where,
            )
        others = [row for row in page.rows if row.venue_symbol in foreign]
        leave_out(
            [f"a row of {row.venue_symbol} at {row.time_ms}" for row in others]
            + [f"{self._series.noun} time {time_ms} lies {reach}" for time_ms in late],
            len(times),
            is_remainder=bool(self._by_second),
            hint="the venue may have changed the unit of its time stamps" if late else None,
            **self._where,
        )
        kept = [row for row in page.rows if earliest <= row.time_ms <= latest]
        kept = [row for row in kept if row.venue_symbol == self._symbol]
        passed_over = [time for time in page.passed_over_ms if earliest <= time <= latest]
        return PageOf(kept, page.token, passed_over)

    def _take(self, rows: Sequence[Row]) -> None:
        for row in rows:
            second = round_to_second(row.time_ms)
            known = self._by_second.setdefault(second, row)
            if known is row or (contradiction := self._series.differ(known, row)) is None:
                continue
            if self._series.step is None:
                raise ConflictError(f"{from_ms(row.time_ms)}: {contradiction}", **self._where)
            self.contradictions[second] = contradiction

    def _rows_before(self) -> int:
        """Count the settlements before the window that are known."""
        return sum(second < self._start_ms for second in self._by_second)

    def _has_context(self) -> bool:
        """Tell whether the rows before the window are known that are asked for beside it."""
        return self._rows_before() >= self._series.context_rows

    def _stuck(self, what: str) -> PagingError:
        return PagingError(
            f"{what}; {len(self._by_second)} {self._series.noun}s after {self.requests} requests",
            hint="the server may ignore the parameters that page through its history",
            **self._where,
        )

    @property
    def _where(self) -> dict[str, str]:
        return {"venue": self._venue, "endpoint": f"{self._series.subject} of {self._symbol}"}


def round_to_second(time_ms: int) -> int:
    """Round a millisecond stamp to the nearest full second, in milliseconds."""
    return (time_ms + 500) // 1000 * 1000

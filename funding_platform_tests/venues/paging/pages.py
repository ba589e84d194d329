"""A made-up server of every style of paging, for the pagers alone."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.backward import Backward, BackwardOpen, BackwardToken
from funding_platform.venues.paging.offset import BackwardOffset
from funding_platform.venues.paging.pager import Ask, Pager
from funding_platform.venues.paging.series import SETTLEMENTS
from funding_platform.venues.parsing.history import Reading, build_history
from funding_platform.venues.parsing.records import Page, Settlement

START = datetime(2025, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 1, tzinfo=UTC)
HOUR_MS = 3_600_000


def settlement(hour: float, rate: float = 1e-4) -> Settlement:
    return Settlement("S", to_ms(START + timedelta(hours=hour)), rate)


@dataclass
class Server:
    """Answers one style of paging, at most ``cap`` rows at a time."""

    rows: Sequence[Settlement]
    cap: int

    def ascending(self, ask: Ask) -> Page:
        found = [row for row in self.rows if ask.start_ms <= row.time_ms <= ask.end_ms]
        return Page(found[: min(self.cap, ask.limit)])

    def backward(self, ask: Ask) -> Page:
        found = [row for row in self.rows if ask.start_ms <= row.time_ms <= ask.end_ms]
        return Page(found[::-1][: min(self.cap, ask.limit)])

    def backward_open(self, ask: Ask) -> Page:
        found = [row for row in self.rows if row.time_ms <= ask.end_ms]
        return Page(found[::-1][: min(self.cap, ask.limit)])

    def backward_token(self, ask: Ask) -> Page:
        offset = int(ask.token or 0)
        found = [row for row in self.rows if ask.start_ms <= row.time_ms <= ask.end_ms][::-1]
        end = offset + min(self.cap, ask.limit)
        return Page(found[offset:end], token=str(end) if end < len(found) else "")

    def backward_offset(self, ask: Ask) -> Page:
        offset = int(ask.token or 0)
        return Page(self.rows[::-1][offset : offset + min(self.cap, ask.limit)])


STYLES: list[tuple[type[Pager[Any]], Callable[[Server], Callable[[Ask], Page]]]] = [
    (Ascending, lambda server: server.ascending),
    (Backward, lambda server: server.backward),
    (BackwardOpen, lambda server: server.backward_open),
    (BackwardToken, lambda server: server.backward_token),
    (BackwardOffset, lambda server: server.backward_offset),
]
styles = pytest.mark.parametrize(
    ("kind", "style"), STYLES, ids=lambda v: getattr(v, "__name__", "")
)


def read(
    kind: type[Pager[Any]],
    answer: Callable[[Ask], Page],
    window: Window,
    *,
    limit: int = 100,
    now: datetime = LATER,
    page_span: timedelta | None = None,
) -> Pager[Any]:
    pager = kind("v", "S", window, limit, now, SETTLEMENTS, page_span)
    asked: Counter[Ask] = Counter()
    # A page that was looked at in the search for an offset may be read later.
    most = 2 if kind is BackwardOffset else 1
    while pager.ended is None:
        ask = pager.ask()
        assert asked[ask] < most, "the same page again"
        asked[ask] += 1
        pager.learn(answer(ask))
    return pager


def rows_of(pager: Pager[Any], window: Window) -> list[dict[str, Any]]:
    assert pager.ended is not None
    reading = Reading.of(pager, pager.ended, window, None)
    return build_history("v", window, {"S": reading}, {}, LATER).frame.to_dicts()


def hours(first: int, last: int) -> Window:
    return Window(START + timedelta(hours=first), START + timedelta(hours=last))


EIGHT_HOURLY = [settlement(hour) for hour in range(-400, 1600, 8)]

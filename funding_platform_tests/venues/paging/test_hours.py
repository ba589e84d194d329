"""Every pager on rows by the hour: each bar once, whatever the pages, and no page too many."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding_platform.core.time_grid import HOUR, Window, to_ms
from funding_platform.venues.errors import ContractError, PagingError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.backward import Backward, BackwardOpen, BackwardToken
from funding_platform.venues.paging.either_end import EitherEnd
from funding_platform.venues.paging.pager import Ask, Ended, Pager
from funding_platform.venues.parsing.candles import Candle, candles_of, interest_of
from funding_platform.venues.parsing.hourly import due_window
from funding_platform.venues.parsing.records import PageOf
from funding_platform_tests.venues.paging.pages import HOUR_MS, LATER, START, hours

Bars = Sequence[Candle]
Answer = Callable[[Ask], PageOf[Candle]]
TRADES = candles_of("trade")


def bar(hour: float, close: float = 2.0) -> Candle:
    return Candle("S", to_ms(START + timedelta(hours=hour)), 1.0, 3.0, 1.0, close)


def forward(bars: Bars, cap: int, ask: Ask) -> PageOf[Candle]:
    found = [row for row in bars if ask.start_ms <= row.time_ms <= ask.end_ms]
    return PageOf(found[: min(cap, ask.limit)])


def hangs_on_its_end(bars: Bars, cap: int, ask: Ask) -> PageOf[Candle]:
    """The newest of what was asked for; the old end is left out without a word."""
    found = [row for row in bars if ask.start_ms <= row.time_ms <= ask.end_ms]
    return PageOf(found[-min(cap, ask.limit) :][::-1])


def knows_no_start(bars: Bars, cap: int, ask: Ask) -> PageOf[Candle]:
    found = [row for row in bars if row.time_ms <= ask.end_ms]
    return PageOf(found[-min(cap, ask.limit) :][::-1])


def by_cursor(bars: Bars, cap: int, ask: Ask) -> PageOf[Candle]:
    offset = int(ask.token or 0)
    found = [row for row in bars if ask.start_ms <= row.time_ms <= ask.end_ms][::-1]
    end = offset + min(cap, ask.limit)
    return PageOf(found[offset:end], str(end) if end < len(found) else "")


STYLES: list[tuple[type[Pager[Any]], Callable[[Bars, int, Ask], PageOf[Candle]]]] = [
    (Ascending, forward),
    (Backward, hangs_on_its_end),
    (BackwardOpen, knows_no_start),
    (BackwardToken, by_cursor),
    (EitherEnd, forward),
    (EitherEnd, hangs_on_its_end),
]
styles = pytest.mark.parametrize(
    ("kind", "style"), STYLES, ids=lambda it: getattr(it, "__name__", "")
)


def read(
    kind: type[Pager[Any]],
    answer: Answer,
    window: Window,
    limit: int = 100,
    page_span: timedelta | None = None,
) -> Pager[Candle]:
    pager: Pager[Candle] = kind("v", "S", window, limit, LATER, TRADES, page_span)
    while pager.ended is None:
        pager.learn(answer(pager.ask()))
    return pager


def within(rows: Bars, window: Window) -> list[int]:
    return [row.time_ms for row in rows if to_ms(window.start) <= row.time_ms < to_ms(window.end)]


@styles
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_gaps_in_any_pages_give_every_bar_once(
    kind: type[Pager[Any]],
    style: Callable[[Bars, int, Ask], PageOf[Candle]],
    data: st.DataObject,
) -> None:
    at = data.draw(st.lists(st.integers(0, 200), unique=True, max_size=120))
    bars = [bar(hour) for hour in sorted(at)]
    cap, limit = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    first, last = sorted(data.draw(st.tuples(*[st.integers(-20, 220)] * 2)))
    offset = timedelta(minutes=data.draw(st.sampled_from([0, 0, 17])))
    window = Window(hours(first, last).start + offset, hours(first, last).end + offset)
    pager = read(kind, lambda ask: style(bars, cap, ask), window, limit)
    assert within(pager.rows, window) == within(bars, window)


@styles
@pytest.mark.parametrize(("first", "requests"), [(-1, 1), (0, 1), (100, 2)])
def test_a_month_within_one_page_costs_one_request(
    kind: type[Pager[Any]],
    style: Callable[[Bars, int, Ask], PageOf[Candle]],
    first: int,
    requests: int,
) -> None:
    """The last bar of the grid proves the end; the one before the window proves the start."""
    bars = [bar(hour) for hour in range(min(first, 0) * 2, 744) if hour >= first]
    pager = read(kind, lambda ask: style(bars, 1_000, ask), hours(0, 744), 1_000)
    assert len(within(pager.rows, hours(0, 744))) == 744 - max(0, first)
    assert pager.requests <= (requests if first < 0 else 2)


@pytest.mark.parametrize(("kind", "style"), [STYLES[0], STYLES[1]])
def test_a_stretch_per_request_is_kept_where_a_longer_one_is_cut(
    kind: type[Pager[Any]], style: Callable[[Bars, int, Ask], PageOf[Candle]]
) -> None:
    """As Lighter, which keeps the newest 500 of whatever it is asked for."""
    bars = [bar(hour) for hour in range(2_000)]
    asks: list[Ask] = []

    def noting(ask: Ask) -> PageOf[Candle]:
        asks.append(ask)
        return style(bars, 500, ask)

    pager = read(kind, noting, hours(10, 1_990), 500, 480 * HOUR)
    assert within(pager.rows, hours(10, 1_990)) == within(bars, hours(10, 1_990))
    assert all(ask.hours <= 481 for ask in asks)


def test_forward_over_pages_that_hang_on_their_end_the_beginning_is_seen_to_lack() -> None:
    """Not taken for a venue that keeps no more: the first bar is not the first one due."""
    bars = [bar(hour) for hour in range(2_000)]
    pager = read(Ascending, lambda ask: hangs_on_its_end(bars, 500, ask), hours(0, 1_000), 500)
    assert not pager.reaches_back


@styles
def test_what_still_runs_is_passed_over_whatever_the_venue_says(
    kind: type[Pager[Any]], style: Callable[[Bars, int, Ask], PageOf[Candle]]
) -> None:
    now = START + timedelta(hours=50, minutes=20)
    window = due_window(hours(0, 100), HOUR, now)
    assert window == hours(0, 50)
    bars = [bar(hour) for hour in range(-2, 51)]
    pager: Pager[Candle] = kind("v", "S", window, 100, now, TRADES)
    while pager.ended is None:
        ask = pager.ask()
        reaches = ask.end_ms >= bars[-2].time_ms
        pager.learn(style(bars, 100, ask._replace(end_ms=ask.end_ms + HOUR_MS * reaches)))
    assert [row.time_ms for row in pager.rows][-1] == bars[-2].time_ms


def test_a_window_without_an_hour_that_is_over_is_nobodys_question() -> None:
    now = START + timedelta(minutes=20)
    assert due_window(hours(0, 5), HOUR, now) is None
    assert due_window(hours(0, 5), timedelta(0), now) == hours(0, 1)


def test_a_bar_that_comes_twice_is_noted_where_it_differs() -> None:
    pager: Pager[Candle] = Ascending("v", "S", hours(0, 5), 100, LATER, TRADES)
    pager.learn(PageOf([bar(0), bar(1), bar(1), bar(2), bar(2, 2.5), bar(4)]))
    assert list(pager.contradictions) == [bar(2).time_ms]


@pytest.mark.parametrize("factor", [0.001, 1_000])
@pytest.mark.parametrize("kind", {kind: None for kind, _ in STYLES})
def test_another_unit_of_time_is_named(kind: type[Pager[Any]], factor: float) -> None:
    stamp = int(bar(1).time_ms * factor)
    pager: Pager[Candle] = kind("v", "S", hours(0, 24), 100, LATER, TRADES)
    with pytest.raises((ContractError, PagingError), match=str(stamp)):
        pager.learn(PageOf([Candle("S", stamp, 1, 1, 1, 1)]))


def test_a_point_is_complete_at_its_time_unless_it_is_of_an_hour() -> None:
    assert (interest_of(timedelta(0)).lasts_ms, interest_of(HOUR).lasts_ms) == (0, HOUR_MS)
    pager: Pager[Candle] = Ascending("v", "S", hours(0, 5), 100, LATER, TRADES)
    pager.learn(PageOf([bar(hour) for hour in range(5)]))
    assert pager.ended is Ended.ROW_BEYOND

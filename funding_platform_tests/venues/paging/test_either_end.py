"""The pager for exchanges whose paging nobody states: whole, or an error; never a silent loss."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.venues.errors import ContractError, PagingError
from funding_platform.venues.paging.either_end import EitherEnd
from funding_platform.venues.paging.pager import Ask, Ended
from funding_platform.venues.paging.series import SETTLEMENTS
from funding_platform.venues.parsing.records import Page, Settlement

START = datetime(2025, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 1, tzinfo=UTC)

Rows = Sequence[Settlement]
Server = Callable[[Rows, Ask, int], Rows]


def settlement(hour: float) -> Settlement:
    return Settlement("S", to_ms(START + timedelta(hours=hour)), 1e-4)


def from_start(rows: Rows, ask: Ask, cap: int) -> Rows:
    return [row for row in rows if ask.start_ms <= row.time_ms <= ask.end_ms][:cap]


def from_end(rows: Rows, ask: Ask, cap: int) -> Rows:
    return [row for row in rows if ask.start_ms <= row.time_ms <= ask.end_ms][-cap:]


def start_only(rows: Rows, ask: Ask, cap: int) -> Rows:
    """Knows no end: rows from the start on."""
    return [row for row in rows if ask.start_ms <= row.time_ms][:cap]


def newest_only(rows: Rows, ask: Ask, cap: int) -> Rows:
    """Knows no time at all: its newest rows, of which ccxt drops those before the start."""
    return [row for row in rows[-cap:] if ask.start_ms <= row.time_ms]


def read(
    server: Server, rows: Rows, window: Window, cap: int = 100, now: datetime = LATER
) -> EitherEnd[Settlement]:
    pager = EitherEnd("v", "S", window, 1_000, now, SETTLEMENTS)
    while pager.ended is None:
        pager.learn(Page(server(rows, pager.ask(), cap)))
    return pager


def hours(first: int, last: int) -> Window:
    return Window(START + timedelta(hours=first), START + timedelta(hours=last))


def within(rows: Rows, window: Window) -> list[int]:
    first, last = to_ms(window.start), to_ms(window.end)
    return [row.time_ms for row in rows if first <= row.time_ms < last]


GAPS = st.sampled_from([1, 1, 2, 4, 8, 8, 8, 24, 30, 100])


@pytest.mark.parametrize("server", [from_start, from_end, start_only, newest_only])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_history_is_whole_or_an_error(server: Server, data: st.DataObject) -> None:
    gaps = data.draw(st.lists(GAPS, max_size=80))
    series = [settlement(sum(gaps[:i])) for i in range(len(gaps))]
    window = hours(*sorted(data.draw(st.tuples(*[st.integers(-50, 600)] * 2))))
    cap = data.draw(st.integers(1, 40))
    try:
        pager = read(server, series, window, cap)
    except PagingError:
        # The two that know both ends of what was asked for never have to give up.
        assert server in (start_only, newest_only)
        return
    assert within(pager.rows, window) == within(series, window)


EIGHT_HOURLY = [settlement(hour) for hour in range(-400, 1_600, 8)]


@pytest.mark.parametrize("server", [from_start, from_end, start_only])
def test_a_month_of_eight_hour_rates_is_one_page_of_a_hundred(server: Server) -> None:
    pager = read(server, EIGHT_HOURLY, Window.of_month(START))
    assert (pager.requests, pager.ended) == (1, Ended.ROW_BEYOND)


@pytest.mark.parametrize(("server", "requests"), [(from_start, 11), (from_end, 11)])
def test_each_page_of_a_long_history_is_asked_for_once(server: Server, requests: int) -> None:
    """1000 hours and the context; a page from the start ends short of the far edge each time."""
    series = [settlement(hour) for hour in range(-300, 1_300)]
    assert read(server, series, hours(0, 1_000)).requests == requests


def test_nothing_is_proven_by_one_empty_page() -> None:
    pager = read(from_end, [], hours(0, 240))
    assert (pager.requests, pager.ended) == (1, Ended.EXHAUSTED)


def test_a_listing_is_proven_by_nothing_on_either_side() -> None:
    series = [settlement(hour) for hour in range(40, 80, 8)]
    pager = read(from_end, series, hours(0, 240))
    assert (pager.requests, pager.ended, len(pager.rows)) == (3, Ended.EXHAUSTED, 5)


def test_a_settlement_made_meanwhile_proves_nothing_about_the_order_of_pages() -> None:
    """The second request finds a newer row; the pages still come from the end."""
    now = START + timedelta(hours=240)
    series = [settlement(hour) for hour in range(241)]
    window = hours(0, 300)
    pager = EitherEnd("v", "S", window, 100, now, SETTLEMENTS)
    while pager.ended is None:
        published = series[: 240 if pager.requests == 0 else 241]
        pager.learn(Page(from_end(published, pager.ask(), 100)))
    assert within(pager.rows, window) == within(series, window)


def test_rows_that_no_parameter_reaches_are_not_taken_for_absent() -> None:
    """The newest 100 rows lie after the window: an empty window would be a lie."""
    with pytest.raises(PagingError, match="got rows outside only"):
        read(newest_only, EIGHT_HOURLY, hours(0, 240))


def test_another_unit_of_time_is_named() -> None:
    pager = EitherEnd("v", "S", hours(0, 24), 100, LATER, SETTLEMENTS)
    row = Settlement("S", settlement(8).time_ms // 1_000, 1e-4)
    with pytest.raises(ContractError, match=str(row.time_ms)):
        pager.learn(Page([row]))


def test_rows_of_another_symbol_are_refused() -> None:
    pager = EitherEnd("v", "S", hours(0, 24), 100, LATER, SETTLEMENTS)
    with pytest.raises(ContractError, match="OTHER"):
        pager.learn(Page([Settlement("OTHER", settlement(8).time_ms, 1e-4)]))

"""Each pager alone, against a made-up server of its style: whole, split, short, empty."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding_platform.core.time_grid import Window, from_ms
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.backward import Backward
from funding_platform.venues.paging.offset import BackwardOffset
from funding_platform.venues.paging.pager import Ask, Ended, Pager, round_to_second
from funding_platform.venues.parsing.history import Reading, build_history
from funding_platform.venues.parsing.records import Page
from funding_platform_tests.venues.paging.pages import (
    EIGHT_HOURLY,
    HOUR_MS,
    LATER,
    START,
    STYLES,
    Server,
    hours,
    read,
    rows_of,
    settlement,
    styles,
)

styles_that_ask_by_time = pytest.mark.parametrize(
    ("kind", "style"), STYLES[:4], ids=lambda v: getattr(v, "__name__", "")
)


GAPS = st.sampled_from([0.999, 1, 1, 1.001, 2, 4, 8, 8, 8, 24, 30, 100])


@pytest.mark.sampled(2)
@styles
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_series_in_any_pages_gives_exactly_the_rows_of_the_window_however_split(
    kind: type[Pager[Any]], style: Callable[[Server], Callable[[Ask], Page]], data: st.DataObject
) -> None:
    gaps = data.draw(st.lists(GAPS, max_size=80))
    series = [settlement(sum(gaps[:i]), rate=i * 1e-6) for i in range(len(gaps))]
    cap = data.draw(st.integers(1, 40))
    limit = data.draw(st.integers(1, 40))
    first, middle, last = sorted(data.draw(st.tuples(*[st.integers(-50, 600)] * 3)))
    answer = style(Server(series, cap))

    whole = rows_of(read(kind, answer, hours(first, last), limit=limit), hours(first, last))
    parts = [
        row
        for window in (hours(first, middle), hours(middle, last))
        for row in rows_of(read(kind, answer, window, limit=limit), window)
    ]

    seconds = [from_ms(round_to_second(row.time_ms)) for row in series]
    assert [row["funding_time"] for row in whole] == [
        second for second in seconds if second in hours(first, last)
    ]
    assert parts == whole


@styles_that_ask_by_time
def test_a_month_of_eight_hour_rates_is_one_page_of_a_hundred(
    kind: type[Pager[Any]], style: Callable[[Server], Callable[[Ask], Page]]
) -> None:
    pager = read(kind, style(Server(EIGHT_HOURLY, 100)), Window.of_month(START))
    assert (pager.requests, pager.ended) == (1, Ended.ROW_BEYOND)


@styles
def test_a_short_page_is_no_proof(
    kind: type[Pager[Any]], style: Callable[[Server], Callable[[Ask], Page]]
) -> None:
    window = hours(0, 240)
    pager = read(kind, style(Server(EIGHT_HOURLY, 7)), window)
    assert len(rows_of(pager, window)) == 30
    assert pager.requests > 4


@styles_that_ask_by_time
def test_nothing_at_all_is_proven_by_an_empty_page(
    kind: type[Pager[Any]], style: Callable[[Server], Callable[[Ask], Page]]
) -> None:
    pager = read(kind, style(Server([], 100)), hours(0, 240))
    assert (pager.requests, pager.ended, pager.rows) == (1, Ended.EXHAUSTED, [])


def test_delisting_is_proven_by_an_empty_page_after_the_last_row() -> None:
    series = [settlement(hour) for hour in range(0, 80, 8)]
    pager = read(Ascending, Server(series, 100).ascending, hours(0, 240))
    assert (pager.requests, pager.ended) == (2, Ended.EXHAUSTED)


@pytest.mark.parametrize(
    ("elapsed", "requests", "ended"),
    [(3.0, 1, Ended.RUNNING_PRESENT), (9.0, 2, Ended.EXHAUSTED)],
)
def test_the_running_present_needs_no_further_request_until_the_next_is_due(
    elapsed: float, requests: int, ended: Ended
) -> None:
    series = [settlement(hour) for hour in range(0, 80, 8)]
    now = START + timedelta(hours=72 + elapsed)
    pager = read(Ascending, Server(series, 100).ascending, hours(0, 240), now=now)
    assert (pager.requests, pager.ended) == (requests, ended)


@pytest.mark.parametrize(("kind", "style"), STYLES[:2])
def test_a_page_span_is_kept_and_empty_stretches_are_crossed(
    kind: type[Pager[Any]], style: Callable[[Server], Callable[[Ask], Page]]
) -> None:
    series = [settlement(h) for h in (*range(48), *range(400, 448))]
    answer = style(Server(series, 1_000))
    asks: list[Ask] = []

    def noting(ask: Ask) -> Page:
        asks.append(ask)
        return answer(ask)

    pager = read(kind, noting, hours(0, 440), page_span=timedelta(hours=50))
    assert len(rows_of(pager, hours(0, 440))) == 48 + 40
    assert all(ask.end_ms - ask.start_ms <= 50 * HOUR_MS for ask in asks)


@pytest.mark.parametrize(
    ("step", "lost", "most"),
    [(1, 0, 1), (1, 100, 1), (1, 400, 3), (8, 0, 5)],
    ids=["hourly", "some hours lost", "many hours lost", "eight-hourly"],
)
def test_a_month_years_back_is_found_by_offset_in_few_requests(
    step: int, lost: int, most: int
) -> None:
    series = [
        settlement(hour) for hour in range(-400, 7000 + lost, step) if not 2000 < hour < 2000 + lost
    ]
    now = START + timedelta(hours=7000 + lost)
    window = Window.of_month(START)
    server = Server(series, 1000)
    pager = read(BackwardOffset, server.backward_offset, window, limit=1000, now=now)
    assert len(rows_of(pager, window)) == 744 // step
    assert (pager.requests <= most, pager.ended) == (True, Ended.ROW_BEYOND)


def test_a_row_that_settles_while_paging_by_offset_costs_no_row() -> None:
    series = [settlement(hour) for hour in range(100)]
    answers = 0

    def moving(ask: Ask) -> Page:
        nonlocal answers
        answers += 1
        return Server(series[: 90 + answers], 1_000).backward_offset(ask)

    now = START + timedelta(hours=91)
    for limit in (10, 91):
        answers = 0
        pager = read(BackwardOffset, moving, hours(0, 91), limit=limit, now=now)
        assert len(rows_of(pager, hours(0, 91))) == 91
        assert pager.ended is Ended.EXHAUSTED


def test_silence_before_the_kept_history_proves_nothing() -> None:
    window = hours(0, 240)
    kept_since = START + timedelta(hours=80)
    pager = read(Backward, Server(EIGHT_HOURLY[60:], 100).backward, window)
    assert pager.ended is Ended.EXHAUSTED
    assert Reading.of(pager, pager.ended, window, kept_since).ended is Ended.NOT_KEPT
    whole = read(Backward, Server(EIGHT_HOURLY, 100).backward, window)
    assert Reading.of(whole, Ended.ROW_BEYOND, window, kept_since).ended is Ended.ROW_BEYOND


@pytest.mark.parametrize(
    ("case", "at_hours", "missing"),
    [
        ("whole", range(-24, 265, 8), 0),
        ("one lost", [*range(-24, 81, 8), *range(96, 265, 8)], 1),
        ("three days lost", [*range(-24, 81, 8), *range(160, 265, 8)], 9),
        ("lost across the start", [-24, *range(16, 265, 8)], 2),
        ("listed inside the window", range(80, 265, 8), 0),
        ("8 h, then 1 h", [*range(-24, 81, 8), *range(81, 265)], 0),
        ("lost across the end", [*range(-24, 225, 8), *range(240, 265, 8)], 1),
    ],
)
def test_missing_settlements_are_counted_within_the_window(
    case: str, at_hours: Sequence[int], missing: int
) -> None:
    window = hours(0, 240)
    pager = read(Ascending, Server([settlement(h) for h in at_hours], 1_000).ascending, window)
    assert pager.ended is not None
    reading = Reading.of(pager, pager.ended, window, None)
    history = build_history("v", window, {"S": reading}, {}, LATER)
    coverage = history.coverage["S"]
    assert coverage.missing == missing, case
    assert coverage.rows == sum(0 <= hour < 240 for hour in at_hours)
    assert coverage.expected == coverage.rows + missing
    assert coverage.first == history.frame["funding_time"].min()
    assert coverage.last == history.frame["funding_time"].max()
    assert history.frame.schema["interval_hours"] == pl.Float64

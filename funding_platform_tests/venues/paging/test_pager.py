"""Each pager alone, against a made-up server of its style: whole, split, short, looping, lying."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding_platform.core.time_grid import Window, from_ms, to_ms
from funding_platform.venues.errors import ConflictError, ContractError, PagingError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.backward import Backward, BackwardOpen, BackwardToken
from funding_platform.venues.paging.offset import BackwardOffset
from funding_platform.venues.paging.pager import Ask, Ended, Pager, round_to_second
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


STYLES: list[tuple[type[Pager], Callable[[Server], Callable[[Ask], Page]]]] = [
    (Ascending, lambda server: server.ascending),
    (Backward, lambda server: server.backward),
    (BackwardOpen, lambda server: server.backward_open),
    (BackwardToken, lambda server: server.backward_token),
    (BackwardOffset, lambda server: server.backward_offset),
]
styles = pytest.mark.parametrize(
    ("kind", "style"), STYLES, ids=lambda v: getattr(v, "__name__", "")
)
styles_that_ask_by_time = pytest.mark.parametrize(
    ("kind", "style"), STYLES[:4], ids=lambda v: getattr(v, "__name__", "")
)


def read(
    kind: type[Pager],
    answer: Callable[[Ask], Page],
    window: Window,
    *,
    limit: int = 100,
    now: datetime = LATER,
    page_span: timedelta | None = None,
) -> Pager:
    pager = kind("v", "S", window, limit, now, page_span)
    asked: Counter[Ask] = Counter()
    # A page that was looked at in the search for an offset may be read later.
    most = 2 if kind is BackwardOffset else 1
    while pager.ended is None:
        ask = pager.ask()
        assert asked[ask] < most, "the same page again"
        asked[ask] += 1
        pager.learn(answer(ask))
    return pager


def rows_of(pager: Pager, window: Window) -> list[dict[str, Any]]:
    assert pager.ended is not None
    reading = Reading.of(pager, pager.ended, window, None)
    return build_history("v", window, {"S": reading}, {}, LATER).frame.to_dicts()


def hours(first: int, last: int) -> Window:
    return Window(START + timedelta(hours=first), START + timedelta(hours=last))


GAPS = st.sampled_from([0.999, 1, 1, 1.001, 2, 4, 8, 8, 8, 24, 30, 100])


@styles
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_series_in_any_pages_gives_exactly_the_rows_of_the_window_however_split(
    kind: type[Pager], style: Callable[[Server], Callable[[Ask], Page]], data: st.DataObject
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


EIGHT_HOURLY = [settlement(hour) for hour in range(-400, 1600, 8)]


@styles_that_ask_by_time
def test_a_month_of_eight_hour_rates_is_one_page_of_a_hundred(
    kind: type[Pager], style: Callable[[Server], Callable[[Ask], Page]]
) -> None:
    pager = read(kind, style(Server(EIGHT_HOURLY, 100)), Window.of_month(START))
    assert (pager.requests, pager.ended) == (1, Ended.ROW_BEYOND)


@styles
def test_a_short_page_is_no_proof(
    kind: type[Pager], style: Callable[[Server], Callable[[Ask], Page]]
) -> None:
    window = hours(0, 240)
    pager = read(kind, style(Server(EIGHT_HOURLY, 7)), window)
    assert len(rows_of(pager, window)) == 30
    assert pager.requests > 4


@styles_that_ask_by_time
def test_nothing_at_all_is_proven_by_an_empty_page(
    kind: type[Pager], style: Callable[[Server], Callable[[Ask], Page]]
) -> None:
    pager = read(kind, style(Server([], 100)), hours(0, 240))
    assert (pager.requests, pager.ended, pager.settlements) == (1, Ended.EXHAUSTED, [])


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
    kind: type[Pager], style: Callable[[Server], Callable[[Ask], Page]]
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


def test_rows_that_are_no_settlements_still_lead_on() -> None:
    """A page of samples between settlements is not an empty page."""

    def sampled(ask: Ask) -> Page:
        page = Server([settlement(h / 4) for h in range(-200, 1200)], 10).backward(ask)
        kept = [row for row in page.settlements if row.time_ms % (8 * HOUR_MS) == 0]
        dropped = [row.time_ms for row in page.settlements if row not in kept]
        return Page(kept, passed_over_ms=dropped)

    assert len(rows_of(read(Backward, sampled, hours(0, 240)), hours(0, 240))) == 30


@pytest.mark.parametrize("kind", [Ascending, Backward, BackwardOpen, BackwardOffset])
def test_a_server_that_ignores_the_cursor_is_found_out(kind: type[Pager]) -> None:
    page = Page([settlement(hour) for hour in (100, 108, 116)])
    with pytest.raises(PagingError, match=r"nothing (later|earlier|new)"):
        read(kind, lambda ask: page, hours(0, 240))


def test_a_token_that_comes_again_is_found_out() -> None:
    pages = iter([Page([settlement(100)], token="a"), Page([settlement(50)], token="a")])
    with pytest.raises(PagingError, match="came again"):
        read(BackwardToken, lambda ask: next(pages), hours(0, 240))


def test_a_server_that_ignores_the_offset_is_found_out_while_searching() -> None:
    page = Page([settlement(hour) for hour in (300, 308, 316)])
    with pytest.raises(PagingError, match="no older than those before"):
        read(BackwardOffset, lambda ask: page, hours(0, 240))


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


@styles
def test_repeated_and_reordered_rows_change_nothing(
    kind: type[Pager], style: Callable[[Server], Callable[[Ask], Page]]
) -> None:
    window = hours(0, 240)
    straight = style(Server(EIGHT_HOURLY, 9))

    def shuffled(ask: Ask) -> Page:
        page = straight(ask)
        rows = [*page.settlements[1::2], *page.settlements, *page.settlements[::-2]]
        return Page(rows, token=page.token)

    assert rows_of(read(kind, shuffled, window), window) == rows_of(
        read(kind, straight, window), window
    )


def test_two_rates_for_one_settlement_are_a_conflict() -> None:
    page = Page([settlement(8, 1e-4), Settlement("S", settlement(8).time_ms + 3, 2e-4)])
    with pytest.raises(ConflictError, match=r"2025-03-01 08:00.*0\.0001 and 0\.0002"):
        Ascending("v", "S", hours(0, 24), 100, LATER).learn(page)


@pytest.mark.parametrize("kind", [kind for kind, _ in STYLES])
@pytest.mark.parametrize("factor", [0.001, 1_000])
def test_another_unit_of_time_is_named(kind: type[Pager], factor: float) -> None:
    stamp = int(settlement(8).time_ms * factor)
    with pytest.raises(ContractError, match=str(stamp)):
        kind("v", "S", hours(0, 24), 100, LATER).learn(Page([Settlement("S", stamp, 1e-4)]))


def test_rows_of_another_symbol_are_refused() -> None:
    row = Settlement("OTHER", settlement(8).time_ms, 1e-4)
    with pytest.raises(ContractError, match="OTHER"):
        Ascending("v", "S", hours(0, 24), 100, LATER).learn(Page([row]))


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

"""Histories and lists without end: pages are bounded, and each must lead on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.adapters.bybit.rest import INSTRUMENTS
from funding_platform.venues.errors import PagingError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.backward import Backward, BackwardOpen, BackwardToken
from funding_platform.venues.paging.either_end import EitherEnd
from funding_platform.venues.paging.offset import BackwardOffset
from funding_platform.venues.paging.open_ended import OpenEnded
from funding_platform.venues.paging.pager import Ask, Pager
from funding_platform.venues.paging.series import SETTLEMENTS
from funding_platform.venues.parsing.records import Page, Settlement
from funding_platform.venues.rest.calls import MOST_PAGES
from funding_platform_tests.venues.asking import ask, history_of, instruments
from funding_platform_tests.venues.server import Answer, Params

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
PAGERS = [Ascending, Backward, BackwardOpen, BackwardToken, BackwardOffset, OpenEnded, EitherEnd]
LIMIT = 1_000
MOST_REQUESTS = 150
"""Of a month: a page of rows a minute apart covers 16 hours, and there is some slack."""


def of(*times: int, token: str | None = None) -> Page:
    return Page([Settlement("A", time, 1e-4) for time in times], token)


def edge(ask: Ask, pager: type[Pager[Any]]) -> tuple[int, int]:
    """Where a page begins, and in which direction it runs."""
    forward = pager in (Ascending, OpenEnded)
    return (ask.start_ms, 1) if forward else (min(ask.end_ms, to_ms(NOW)), -1)


def a_millisecond_a_page(ask: Ask, number: int, pager: type[Pager[Any]]) -> Page:
    at, way = edge(ask, pager)
    if pager in (BackwardToken, BackwardOffset):
        at += way * number
    return of(at, token=str(number))


def a_second_a_page(ask: Ask, number: int, pager: type[Pager[Any]]) -> Page:
    at, way = edge(ask, pager)
    moved = 1000 * number if pager in (BackwardToken, BackwardOffset) else 999
    return of(at + way * moved, token=str(number))


def a_minute_a_page(ask: Ask, number: int, pager: type[Pager[Any]]) -> Page:
    at, way = edge(ask, pager)
    moved = 60_000 * number if pager in (BackwardToken, BackwardOffset) else 60_000
    return of(at + way * moved, token=str(number))


def the_same_with_a_new_token(ask: Ask, number: int, pager: type[Pager[Any]]) -> Page:
    at = to_ms(WINDOW.end - timedelta(hours=5))
    return of(at, token=str(number))


def samples_only(ask: Ask, number: int, pager: type[Pager[Any]]) -> Page:
    at, way = edge(ask, pager)
    if pager in (BackwardToken, BackwardOffset):
        at += way * number
    return Page([], str(number), [at])


ATTACKS = [
    a_millisecond_a_page,
    a_second_a_page,
    a_minute_a_page,
    the_same_with_a_new_token,
    samples_only,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda it: it.__name__)
@pytest.mark.parametrize("kind", PAGERS, ids=lambda it: it.__name__)
def test_no_history_goes_on_for_ever(
    kind: type[Pager[Any]], attack: Callable[[Ask, int, type[Pager[Any]]], Page]
) -> None:
    pager = kind("venue", "A", WINDOW, LIMIT, NOW, SETTLEMENTS)

    def read() -> None:
        for number in range(100_000):
            if pager.ended is not None:
                return
            pager.learn(attack(pager.ask(), number, kind))
        raise AssertionError("asks on and on")

    if (kind, attack) == (BackwardOffset, the_same_with_a_new_token):
        read()  # by its offset alone, a row that comes again is the oldest, moved down by one
    else:
        with pytest.raises(PagingError):
            read()
    assert pager.requests <= MOST_REQUESTS


def test_rows_a_minute_apart_are_read_to_their_end() -> None:
    """Some venues hand out samples by the minute between their settlements."""
    pager = Ascending("venue", "A", WINDOW, LIMIT, NOW, SETTLEMENTS)
    while pager.ended is None:
        begin = -(-pager.ask().start_ms // 60_000) * 60_000
        pager.learn(of(*range(begin, begin + LIMIT * 60_000, 60_000)))
    assert pager.requests <= MOST_REQUESTS


def test_a_server_that_creeps_is_left(settings: Settings) -> None:
    def creep(params: Params) -> Answer:
        time = int(params["startTime"])
        return Answer([{"symbol": "A", "fundingTime": time, "fundingRate": "0.0001"}])

    history, _, router = ask(
        "binance", {"/fapi/v1/fundingRate": creep}, settings, NOW, history_of("A", WINDOW)
    )
    assert isinstance(history.failures["A"], PagingError)
    assert len(router.requests) <= 10


def test_a_list_with_ever_new_cursors_is_left(settings: Settings) -> None:
    numbers = iter(range(10**6))

    def more(params: Params) -> Answer:
        found: dict[str, Any] = {"list": [], "nextPageCursor": f"c{next(numbers)}"}
        return Answer({"retCode": 0, "result": found})

    with pytest.raises(PagingError, match="pages"):
        ask("bybit", {INSTRUMENTS.path: more}, settings, NOW, instruments)
    assert next(numbers) <= 2 * MOST_PAGES

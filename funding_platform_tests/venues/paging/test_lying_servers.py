"""Pagers against servers that loop, repeat or contradict themselves, or tell of something else."""

from collections.abc import Callable
from typing import Any

import pytest

from funding_platform.venues.errors import ConflictError, ContractError, PagingError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.backward import Backward, BackwardOpen, BackwardToken
from funding_platform.venues.paging.offset import BackwardOffset
from funding_platform.venues.paging.pager import Ask, Pager
from funding_platform.venues.paging.series import SETTLEMENTS
from funding_platform.venues.parsing.records import Page, Settlement
from funding_platform_tests.venues.paging.pages import (
    EIGHT_HOURLY,
    HOUR_MS,
    LATER,
    STYLES,
    Server,
    hours,
    read,
    rows_of,
    settlement,
    styles,
)


def test_rows_that_are_no_settlements_still_lead_on() -> None:
    """A page of samples between settlements is not an empty page."""

    def sampled(ask: Ask) -> Page:
        page = Server([settlement(h / 4) for h in range(-200, 1200)], 10).backward(ask)
        kept = [row for row in page.rows if row.time_ms % (8 * HOUR_MS) == 0]
        dropped = [row.time_ms for row in page.rows if row not in kept]
        return Page(kept, passed_over_ms=dropped)

    assert len(rows_of(read(Backward, sampled, hours(0, 240)), hours(0, 240))) == 30


@pytest.mark.parametrize("kind", [Ascending, Backward, BackwardOpen, BackwardOffset])
def test_a_server_that_ignores_the_cursor_is_found_out(kind: type[Pager[Any]]) -> None:
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


@styles
def test_repeated_and_reordered_rows_change_nothing(
    kind: type[Pager[Any]], style: Callable[[Server], Callable[[Ask], Page]]
) -> None:
    window = hours(0, 240)
    straight = style(Server(EIGHT_HOURLY, 9))

    def shuffled(ask: Ask) -> Page:
        page = straight(ask)
        rows = [*page.rows[1::2], *page.rows, *page.rows[::-2]]
        return Page(rows, token=page.token)

    assert rows_of(read(kind, shuffled, window), window) == rows_of(
        read(kind, straight, window), window
    )


def test_two_rates_for_one_settlement_are_a_conflict() -> None:
    page = Page([settlement(8, 1e-4), Settlement("S", settlement(8).time_ms + 3, 2e-4)])
    with pytest.raises(ConflictError, match=r"2025-03-01 08:00.*0\.0001 and 0\.0002"):
        Ascending("v", "S", hours(0, 24), 100, LATER, SETTLEMENTS).learn(page)


@pytest.mark.parametrize("kind", [kind for kind, _ in STYLES])
@pytest.mark.parametrize("factor", [0.001, 1_000])
def test_another_unit_of_time_is_named(kind: type[Pager[Any]], factor: float) -> None:
    stamp = int(settlement(8).time_ms * factor)
    with pytest.raises(ContractError, match=str(stamp)):
        kind("v", "S", hours(0, 24), 100, LATER, SETTLEMENTS).learn(
            Page([Settlement("S", stamp, 1e-4)])
        )


def test_rows_of_another_symbol_are_refused() -> None:
    row = Settlement("OTHER", settlement(8).time_ms, 1e-4)
    with pytest.raises(ContractError, match="OTHER"):
        Ascending("v", "S", hours(0, 24), 100, LATER, SETTLEMENTS).learn(Page([row]))

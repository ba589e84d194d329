"""However updates are put together, the board shows what taking them one by one comes to."""

import math
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from funding_platform.live.board import board as boards
from funding_platform.live.board.board import Board
from funding_platform.live.board.cells import MOST_TOGETHER
from funding_platform.live.board.rules import FIELDS
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.live.board.naive import NaiveBoard
from funding_platform_tests.live.board.telling import NOW, NOW_MS, listed

HOUR_MS = 3_600_000

VENUES, SYMBOLS = ("binance", "okx"), ("A", "B", "C")
numbers = st.sampled_from(
    [
        *(None, 0, 0.0, -0.0, 1e-4, -0.26, 1, 4.0, 7.0, 8.0, 24.0, 25.0, 900.0, 90_000.0, -1.0),
        *(1e-320, 1e308, math.nan, math.inf, -math.inf),
    ]
)
dues = st.sampled_from(
    [None, 1, math.nan, *(NOW_MS + hours * HOUR_MS for hours in (-9, -1, 0, 1, 4, 8, 20, 24, 30))]
)
events = st.none() | st.sampled_from(
    [
        *(-(10**18), -2, -1, 0, NOW_MS + 10**9, NOW_MS + 299_000, 10**18),
        *(NOW_MS + late for late in (-2, -1, 0, 0, 1, 2)),
    ]
)
updates = st.builds(
    lambda symbol, event, said, due: MarketUpdate(
        venue_symbol=symbol, event_ms=event, **said, **due
    ),
    st.sampled_from(SYMBOLS),
    events,
    st.dictionaries(
        st.sampled_from([name for name in FIELDS if name != "next_funding_ms"]), numbers, max_size=5
    ),
    st.just({}) | st.fixed_dictionaries({"next_funding_ms": dues}),
)
venues = st.sampled_from(VENUES)
milliseconds = st.sampled_from([*[0] * 9, -1, 1, 500_000])
said = st.tuples(st.just("say"), venues, milliseconds, st.lists(updates, max_size=4))
others = (
    st.tuples(
        st.just("gap"),
        venues,
        st.integers(0, 2),
        st.sampled_from([None, "predicted_rate", "best_bid"]),
    )
    | st.tuples(st.just("look"))
    | st.tuples(st.just("relist"), st.sampled_from(SYMBOLS))
)
happenings = st.lists(said | said | said | others, max_size=25)


def happen(board: Board, naive: NaiveBoard, what: tuple[Any, ...], number: int) -> None:
    match what:
        case ("say", venue, milliseconds, told):
            at = NOW + timedelta(milliseconds=milliseconds)
            board.apply(venue, at, told)
            naive.apply(venue, at, told)
        case ("gap", venue, seconds, until):
            at = NOW + timedelta(seconds=seconds)
            board.mark_gap(venue, None, "cut", at, until)
            naive.mark_gap(venue, at, until)
        case ("relist", symbol):
            board.list_instruments(listed(symbol, base=f"{symbol}{number}"))
            naive.relist("binance", symbol, f"{symbol}{number}")


@given(happenings, st.sampled_from([1, 3, 2_048]))
@example([("say", "binance", 0, [MarketUpdate(venue_symbol="A", event_ms=1)])], 2_048)
@example(  # the distance from a settlement that cannot be is none
    [
        (
            "say",
            "okx",
            0,
            [
                MarketUpdate(venue_symbol="A", next_funding_ms=NOW_MS + hours * HOUR_MS)
                for hours in (30, 34)
            ],
        )
    ],
    2_048,
)
@example(  # a clock of ours that ran ahead
    [
        ("say", "okx", late_ms, [MarketUpdate(venue_symbol="A", event_ms=event, best_bid=1.0)])
        for late_ms, event in ((3_600_000, NOW_MS + 3_600_000), (0, NOW_MS), (0, NOW_MS - 1))
    ],
    2_048,
)
def test_a_board_is_what_one_update_after_another_comes_to(
    happened: list[tuple[Any, ...]], together: int
) -> None:
    with patch.object(boards, "MOST_TOGETHER", together):
        board, naive = Board(), NaiveBoard()
        before = board.view()
        for number, what in enumerate([*happened, ("look",)]):
            if what == ("look",):
                view = board.view()
                naive.check(view, before, dict(board.counts))
                before = view
            else:
                happen(board, naive, what, number)


def test_what_waits_is_bounded_however_long_nobody_looks() -> None:
    board = Board()
    for number in range(20_000):
        update = MarketUpdate(venue_symbol="A", event_ms=NOW_MS, predicted_rate=float(number))
        board.apply("binance", NOW, [update])
        assert len(board._waiting) <= MOST_TOGETHER
    assert board.view().updates.tolist() == [20_000]


def test_one_message_of_more_than_are_taken_in_at_once() -> None:
    board, many = Board(), 2 * MOST_TOGETHER + 7
    names = [f"S{number}" for number in range(many)]
    board.apply("okx", NOW, [MarketUpdate(venue_symbol=name, mark_price=2.0) for name in names])
    assert board.view().column("mark_price").tolist() == [2.0] * many
    assert board.view().instruments["venue_symbol"].to_list() == names


def test_a_message_that_holds_no_numbers_costs_itself_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    board = Board()
    nonsense: Any = "12,5"
    for venue, price in (("binance", 1.0), ("okx", nonsense), ("binance", 2.0), ("okx", 3.0)):
        board.apply(venue, NOW, [MarketUpdate(venue_symbol="A", mark_price=price)])
    view = board.view()
    rows = view.instruments.with_columns(mark=pl.Series(view.column("mark_price")))
    assert dict(rows.select("venue", "mark").rows()) == {"binance": 2.0, "okx": 3.0}
    assert board.counts["okx"].unreadable == 1
    assert board.counts["binance"].unreadable == 0
    assert "okx: a message is left out" in caplog.text

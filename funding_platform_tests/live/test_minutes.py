"""Rows of spans that have ended, from two views of a board."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.lake.validation import validate
from funding_platform.live.board.board import Board
from funding_platform.live.minutes import Minutes, span_start
from funding_platform_tests.live.board.telling import SECOND, say

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def begun(board: Board, now: datetime = NOON, span: timedelta = MINUTE) -> Minutes:
    return Minutes(span, board.view(), now)


def test_a_row_says_how_the_minute_began_and_ended() -> None:
    board = Board()
    say(board, NOON - SECOND, predicted_rate=1e-4, interval_hours=8.0, mark_price=90_000.0)
    minutes = begun(board)
    say(board, NOON + 5 * SECOND, predicted_rate=3e-4)
    say(board, NOON + 20 * SECOND, predicted_rate=2e-4, best_bid=89_999.0)
    assert minutes.close(board.view(), NOON + 59 * SECOND).is_empty()
    now = NOON + MINUTE + SECOND / 4
    rows = minutes.close(board.view(), now)
    validate(LIVE_RATES, rows)
    expected = {
        "venue": "binance",
        "venue_symbol": "BTCUSDT",
        "minute_time": NOON,
        "span_seconds": 60.0,
        "predicted_rate_open": 1e-4,
        "predicted_rate_last": 2e-4,
        "interval_hours": 8.0,
        "mark_price": 90_000.0,
        "best_bid": 89_999.0,
        "best_ask": None,
        "updates": 2,
        "staleness_seconds": 40.25,
        "available_at": now,
        "observed_at": NOON + 20 * SECOND,
    }
    assert rows.select(expected.keys()).rows(named=True) == [expected]


def test_a_quiet_minute_has_a_row_without_updates_and_an_hour_of_silence_none() -> None:
    board = Board()
    say(board, NOON, predicted_rate=1e-4)
    minutes = begun(board)
    minutes.close(board.view(), NOON + MINUTE)
    quiet = minutes.close(board.view(), NOON + 2 * MINUTE)
    assert quiet.select("updates", "staleness_seconds").rows() == [(0, 120.0)]
    assert minutes.close(board.view(), NOON + 60 * MINUTE).is_empty()


def test_an_instrument_that_came_in_between_has_no_opening_rate() -> None:
    board = Board()
    say(board, NOON, predicted_rate=1e-4)
    minutes = begun(board)
    say(board, NOON + SECOND, "NEW", predicted_rate=5e-4)
    rows = minutes.close(board.view(), NOON + MINUTE).sort("venue_symbol")
    assert rows["venue_symbol"].to_list() == ["BTCUSDT", "NEW"]
    assert rows["predicted_rate_open"].to_list() == [1e-4, None]
    assert rows["updates"].to_list() == [0, 1]


def test_an_instrument_of_which_nobody_has_spoken_has_no_row() -> None:
    board = Board()
    minutes = begun(board)
    board.mark_gap("binance", ["BTCUSDT"], "not there yet", NOON)
    assert minutes.close(board.view(), NOON + MINUTE).is_empty()


def test_spans_that_nobody_looked_at_have_no_rows() -> None:
    board = Board()
    say(board, NOON, predicted_rate=1e-4)
    minutes = begun(board)
    rows = minutes.close(board.view(), NOON + 7 * MINUTE + SECOND)
    assert rows["minute_time"].to_list() == [NOON + 6 * MINUTE]


def test_a_clock_that_is_set_back_begins_anew() -> None:
    board = Board()
    say(board, NOON, predicted_rate=1e-4)
    minutes = begun(board)
    assert minutes.close(board.view(), NOON - 30 * MINUTE).is_empty()
    rows = minutes.close(board.view(), NOON - 29 * MINUTE)
    assert rows["minute_time"].to_list() == [NOON - 30 * MINUTE]
    assert rows["staleness_seconds"].to_list() == [0.0], "a word from the future is fresh"


@pytest.mark.parametrize("seconds", [10, 60, 600])
def test_spans_begin_at_multiples_of_their_length(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    for offset in (0, 1, seconds - 1):
        assert span_start(NOON + timedelta(seconds=offset), span) == NOON
    assert span_start(NOON - SECOND, span) == NOON - span


said = st.lists(st.tuples(st.integers(0, 299), st.sampled_from("ABC")), max_size=40)


@given(said)
def test_every_update_is_counted_in_one_minute(spoken: list[tuple[int, str]]) -> None:
    board, frames = Board(), []
    minutes = begun(board)
    told = sorted(spoken)
    for end in range(60, 301, 60):
        while told and told[0][0] < end:
            second, symbol = told.pop(0)
            say(board, NOON + second * SECOND, symbol, predicted_rate=second * 1e-5)
        frames.append(minutes.close(board.view(), NOON + end * SECOND))
    rows = pl.concat(frames)
    assert rows.select("venue_symbol", "minute_time").is_duplicated().sum() == 0
    assert rows["updates"].sum() == len(spoken)
    for symbol in "ABC":
        last = [second for second, of in sorted(spoken) if of == symbol]
        found = rows.filter(venue_symbol=symbol).sort("minute_time")["predicted_rate_last"]
        assert found.to_list()[-1:] == [second * 1e-5 for second in last[-1:]]

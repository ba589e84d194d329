"""Frames that come late, stamps from the future, clocks that ran ahead."""

from datetime import timedelta

from funding_platform.live.board.board import Board
from funding_platform.live.board.rules import FIELD
from funding_platform.live.board.view import NO_TIME
from funding_platform_tests.live.board.telling import NOW, NOW_MS, SECOND, say, shown


def test_an_older_frame_changes_nothing_but_the_count() -> None:
    board = Board()
    say(board, event_ms=NOW_MS, mark_price=90_000.0)
    before = board.view()
    say(board, event_ms=NOW_MS - 1, mark_price=80_000.0)
    assert board.view() is before
    assert board.counts["binance"].late == 1
    say(board, event_ms=NOW_MS - 1, mark_price=80_000.0, predicted_rate=1e-4)
    assert shown(board, "mark_price") == 90_000.0
    assert shown(board, "predicted_rate") == 1e-4, "of this cell nothing newer was known"


def test_a_refill_without_a_stamp_does_not_let_an_older_frame_in() -> None:
    board = Board()
    say(board, event_ms=NOW_MS, mark_price=90_000.0)
    say(board, mark_price=91_000.0)
    say(board, event_ms=NOW_MS - 1, mark_price=80_000.0)
    assert shown(board, "mark_price") == 91_000.0
    assert board.view().event_ms[FIELD["mark_price"], 0] == NO_TIME


def test_a_stamp_from_the_future_does_not_shut_out_what_follows() -> None:
    board = Board()
    say(board, event_ms=NOW_MS + 3_600_000, mark_price=90_000.0)
    say(board, event_ms=NOW_MS, mark_price=90_001.0)
    assert shown(board, "mark_price") == 90_001.0


def test_a_clock_of_ours_that_ran_ahead_does_not_shut_out_what_follows() -> None:
    board, hour = Board(), timedelta(hours=1)
    say(board, NOW + hour, event_ms=NOW_MS + 3_600_000, mark_price=90_000.0)
    say(board, NOW + SECOND, event_ms=NOW_MS + 1_000, mark_price=90_001.0)
    assert shown(board, "mark_price") == 90_001.0
    say(board, NOW + SECOND, event_ms=NOW_MS + 999, mark_price=90_002.0)
    assert shown(board, "mark_price") == 90_001.0
    assert board.counts["binance"].late == 1

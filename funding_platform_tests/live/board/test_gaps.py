"""What was missed is said, of whom and until when."""

from funding_platform.core.time_grid import to_us
from funding_platform.live.board.board import Board
from funding_platform.live.board.view import NO_TIME
from funding_platform_tests.live.board.telling import NOW, SECOND, listed, say


def test_a_gap_is_shown_until_the_venue_speaks_again() -> None:
    board = Board()
    for symbol in ("A", "B"):
        say(board, symbol=symbol, mark_price=1.0)
    version = board.view().version
    board.mark_gap("binance", None, "socket closed", NOW)
    board.mark_gap("binance", ["A"], "and again", NOW + SECOND)
    assert board.view().gap_since_us.tolist() == [to_us(NOW)] * 2
    assert board.view().changed_since(version).tolist() == [0, 1]
    say(board, NOW + SECOND, "A", mark_price=1.0)
    assert board.view().gap_since_us.tolist() == [NO_TIME, to_us(NOW)]
    assert board.gaps() == {("binance", "B"): "socket closed"}
    assert board.view().column("mark_price").tolist() == [1.0, 1.0], "what was known stays known"
    assert board.counts["binance"].gaps == 2


def test_a_gap_of_one_channel_is_not_ended_by_what_others_say() -> None:
    board = Board()
    say(board, predicted_rate=1e-4, best_bid=1.0)
    board.mark_gap("binance", None, "no rates", NOW, "predicted_rate")
    board.mark_gap("binance", None, "no books", NOW + SECOND, "best_bid")
    say(board, NOW + 2 * SECOND, best_bid=2.0)
    assert board.view().gap_since_us.tolist() == [to_us(NOW)]
    assert board.gaps() == {("binance", "BTCUSDT"): "no rates"}
    say(board, NOW + 3 * SECOND, predicted_rate=1e-4)
    assert board.view().gap_since_us.tolist() == [NO_TIME]
    assert board.gaps() == {}


def test_a_ticker_of_another_asset_has_gaps_of_its_own() -> None:
    board = Board()
    board.list_instruments(listed())
    board.mark_gap("binance", None, "cut", NOW)
    board.list_instruments(listed(base="BTCX"))
    assert board.gaps() == {}
    board.mark_gap("binance", None, "cut again", NOW + SECOND)
    assert board.view().gap_since_us.tolist() == [to_us(NOW + SECOND)]

"""What the board shows: the latest of each cell, of whom, and what its readers can rely on."""

import math

import numpy as np
import polars as pl
import pytest

from funding_platform.core.time_grid import from_ms, to_us
from funding_platform.live.board import board as boards
from funding_platform.live.board.board import Board
from funding_platform.live.board.rules import FIELD, FIELDS
from funding_platform.live.board.view import NO_TIME
from funding_platform_tests.live.board.telling import NOW, NOW_MS, SECOND, listed, say, shown


def test_shows_the_latest_with_the_times_of_each_cell() -> None:
    board = Board()
    say(board, NOW, event_ms=NOW_MS - 40, predicted_rate=1e-4, mark_price=90_000.0)
    say(board, NOW + SECOND, event_ms=NOW_MS + 950, mark_price=90_001.5)
    view = board.view()
    rate, mark = FIELD["predicted_rate"], FIELD["mark_price"]
    assert view.values[[rate, mark], 0].tolist() == [1e-4, 90_001.5]
    assert view.event_ms[[rate, mark], 0].tolist() == [NOW_MS - 40, NOW_MS + 950]
    assert view.received_us[[rate, mark], 0].tolist() == [to_us(NOW), to_us(NOW + SECOND)]
    assert view.age_seconds(NOW + 3 * SECOND)[[rate, mark], 0].tolist() == [3.0, 2.0]
    assert np.isnan(view.age_seconds(NOW)[FIELD["best_bid"], 0])
    assert view.observed_us.tolist() == [to_us(NOW + SECOND)]


def test_none_is_unknown_and_unset_is_unchanged() -> None:
    board = Board()
    say(board, predicted_rate=1e-4, mark_price=90_000.0)
    say(board, NOW + SECOND, predicted_rate=None)
    assert math.isnan(shown(board, "predicted_rate"))
    assert shown(board, "mark_price") == 90_000.0
    assert board.view().received_us[FIELD["predicted_rate"], 0] == to_us(NOW + SECOND)


def test_a_repeated_value_is_fresh_and_no_change() -> None:
    board = Board()
    say(board, predicted_rate=1e-4, best_bid=None)
    before = board.view()
    say(board, NOW + SECOND, predicted_rate=1e-4, best_bid=None)
    after = board.view()
    assert after.version == before.version
    assert after.changed_since(before.version).size == 0
    assert after.seen_since(before.sequence).tolist() == [0]
    assert after.updates.tolist() == [2]
    assert board.counts["binance"].repeated == 1
    assert before.age_seconds(NOW + SECOND)[FIELD["predicted_rate"], 0] == 1.0
    assert after.age_seconds(NOW + SECOND)[FIELD["predicted_rate"], 0] == 0.0


def test_what_changed_since_a_version_is_what_changed() -> None:
    board = Board()
    for symbol in ("A", "B", "C"):
        say(board, symbol=symbol, mark_price=1.0)
    version = board.view().version
    say(board, symbol="B", mark_price=2.0)
    say(board, symbol="C", mark_price=1.0)
    view = board.view()
    assert view.version > version
    assert view.changed_since(version).tolist() == [1]
    assert view.instruments["venue_symbol"].to_list() == ["A", "B", "C"]


def test_a_view_stays_as_it_was_and_cannot_be_written() -> None:
    board = Board()
    say(board, mark_price=1.0)
    view = board.view()
    for number in range(3_000):
        say(board, symbol=f"S{number}", mark_price=2.0)
    say(board, mark_price=3.0)
    assert len(view) == 1
    assert view.column("mark_price").tolist() == [1.0]
    with pytest.raises(ValueError, match="read-only"):
        view.values[0, 0] = 0.0
    assert len(board.view()) == 3_001
    assert board.view().column("mark_price")[[0, 3_000]].tolist() == [3.0, 2.0]


def test_an_unknown_symbol_is_added_and_its_facts_are_null() -> None:
    board = Board()
    say(board, symbol="NEW", mark_price=1.0)
    assert board.view().instruments.row(0, named=True)["base"] is None
    board.list_instruments(listed("NEW", base="NEWCOIN"))
    assert board.view().instruments.row(0, named=True)["base"] == "NEWCOIN"
    assert shown(board, "mark_price") == 1.0


def test_a_ticker_of_another_asset_begins_anew() -> None:
    board = Board()
    board.list_instruments(listed())
    say(board, event_ms=NOW_MS, mark_price=90_000.0)
    board.list_instruments(listed(base="BTCX"))
    view = board.view()
    assert np.isnan(view.column("mark_price")[0])
    assert view.observed_us.tolist() == [NO_TIME]
    say(board, event_ms=NOW_MS - 5, mark_price=2.0)
    assert shown(board, "mark_price") == 2.0
    assert board.view().updates.tolist() == [2], "a counter only grows"


def test_open_interest_and_spread_are_worked_out_as_in_snapshots() -> None:
    board = Board()
    board.list_instruments(pl.concat([listed("A"), listed("B", quote="EUR"), *map(listed, "CD")]))
    for symbol in ("A", "B"):
        say(board, symbol=symbol, open_interest_base=2.0, mark_price=100.0)
    say(board, symbol="C", open_interest_usd=5.0, best_bid=99.0, best_ask=101.0)
    say(board, symbol="D", open_interest_base=1e200, mark_price=1e200)
    view = board.view()
    assert view.open_interest_usd[[0, 2]].tolist() == [200.0, 5.0]
    assert np.isnan(view.open_interest_usd[1]), "euros are no dollars"
    assert np.isnan(view.open_interest_usd[3]), "more than there are numbers for"
    assert view.spread_bps[2] == pytest.approx(200.0)
    assert np.isnan(view.spread_bps[0])


def test_memory_is_bounded_however_many_names_a_stream_invents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boards, "MOST_INSTRUMENTS", 3)
    board = Board()
    for number in range(5):
        say(board, symbol=f"S{number}", mark_price=1.0)
    assert len(board.view()) == 3
    assert board.counts["binance"].unplaced == 2


def test_the_frame_has_a_value_and_an_age_of_every_field() -> None:
    board = Board()
    board.list_instruments(listed())
    say(board, next_funding_ms=NOW_MS + 60_000, predicted_rate=1e-4)
    row = board.view().frame(NOW + SECOND).row(0, named=True)
    assert row["next_funding_time"] == from_ms(NOW_MS + 60_000)
    assert row["observed_at"] == NOW
    assert row["predicted_rate_age_seconds"] == 1.0
    assert row["best_bid"] is None
    assert row["best_bid_age_seconds"] is None
    assert {f"{name}_age_seconds" for name in FIELDS} <= row.keys()

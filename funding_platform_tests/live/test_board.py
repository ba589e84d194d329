"""The board: what it shows, what it leaves out, and what its readers can rely on."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.rules import rules_of
from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import from_ms, to_ms, to_us
from funding_platform.live.board import board as boards
from funding_platform.live.board.board import Board
from funding_platform.live.board.rules import FIELD, FIELDS
from funding_platform.live.board.view import INTERVAL_SOURCES, NO_TIME
from funding_platform.venues.parsing.plausibility import market_rules
from funding_platform.venues.streams.updates import MarketUpdate

NOW = datetime(2025, 3, 10, 12, 7, 31, 250_000, tzinfo=UTC)
NOW_MS = to_ms(NOW)
SECOND = timedelta(seconds=1)


def listed(symbol: str = "BTCUSDT", **changes: Any) -> pl.DataFrame:
    row = {
        "venue": "binance",
        "venue_symbol": symbol,
        "base": "BTC",
        "quote": "USDT",
        "multiplier": 1.0,
        "contract_type": "linear",
        "status": "trading",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
        **changes,
    }
    return pl.DataFrame(
        [{name: row.get(name) for name in INSTRUMENTS.column_names}],
        schema=INSTRUMENTS.polars_schema,
    )


def say(board: Board, at: datetime = NOW, symbol: str = "BTCUSDT", **said: Any) -> None:
    board.apply("binance", at, [MarketUpdate(venue_symbol=symbol, **said)])


def shown(board: Board, field: str, row: int = 0) -> float:
    return float(board.view().column(field)[row])


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


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("predicted_rate", 0.3),
        ("predicted_rate", math.nan),
        ("mark_price", -1.0),
        ("mark_price", math.inf),
        ("interval_hours", 7.0),
        ("interval_hours", 0.0),
        ("next_funding_ms", NOW_MS // 1000),
        ("next_funding_ms", NOW_MS + 9 * 86_400_000),
        ("best_bid", math.nan),
    ],
)
def test_what_cannot_be_is_flagged_and_not_shown(field: str, value: float) -> None:
    board = Board()
    said: dict[str, Any] = {field: value}
    nothing: dict[str, Any] = {field: None}
    say(board, **said)
    view = board.view()
    assert np.isnan(view.column(field)[0])
    assert view.impossible[FIELD[field], 0]
    assert view.impossible.sum() == 1
    assert board.counts["binance"].impossible == 1
    say(board, **said)
    assert board.view().version == view.version, "said again it is no news"
    say(board, **nothing)
    assert not board.view().impossible.any()


def test_a_mark_comes_back_with_an_index_that_fits() -> None:
    board = Board()
    say(board, mark_price=90_000.0, index_price=90.0)
    assert math.isnan(shown(board, "mark_price"))
    say(board, index_price=90_010.0)
    assert shown(board, "mark_price") == 90_000.0


numbers = st.sampled_from([None, 0.0, 1e-4, -0.26, 1.0, 8.0, 7.0, 24.0, 25.0, 90_000.0, 8_000.0])
dues = st.sampled_from([None, 1, NOW_MS - 1, NOW_MS + 3_600_000, NOW_MS + 86_400_000 + 400_000])


@given(st.tuples(numbers, numbers, numbers, numbers), dues)
def test_flags_are_those_of_the_snapshot(drawn: tuple[float | None, ...], due: int | None) -> None:
    rate, hours, mark, index = drawn
    said: dict[str, Any] = {
        "predicted_rate": rate,
        "interval_hours": hours,
        "mark_price": mark,
        "index_price": index,
    }
    board = Board()
    say(board, **said, next_funding_ms=due)
    frame = MARKET_SNAPSHOTS.conform(
        pl.DataFrame(
            [
                {
                    **said,
                    "venue": "binance",
                    "venue_symbol": "BTCUSDT",
                    "snapshot_hour": NOW,
                    "next_funding_time": None if due is None else from_ms(due),
                    "observed_at": NOW,
                }
            ],
            schema_overrides=MARKET_SNAPSHOTS.polars_schema,
        )
    )
    for rule in rules_of(MARKET_SNAPSHOTS):
        if rule.column in said:
            broken = rule.breaks.fill_null(value=False)
            frame = frame.with_columns(pl.when(~broken).then(rule.column).alias(rule.column))
    for column, broken, _ in market_rules():
        kept = frame.select(pl.when(~broken.fill_null(value=False)).then(column)).to_series()
        field = column.replace("next_funding_time", "next_funding_ms")
        expected = kept[0]
        found = board.view().column(field)[0]
        if expected is None:
            assert np.isnan(found), (column, found)
        else:
            wanted = to_ms(expected) if isinstance(expected, datetime) else expected
            assert found == wanted, column


def test_the_interval_is_as_stated_then_listed_then_inferred_and_else_unknown() -> None:
    board = Board()
    board.list_instruments(listed(interval_hours=4.0))
    say(board, interval_hours=8.0)
    say(board, symbol="UNSAID", next_funding_ms=NOW_MS + 60_000)
    view = board.view()
    assert view.interval_hours[0] == 8.0
    assert np.isnan(view.interval_hours[1])
    assert [INTERVAL_SOURCES[code] for code in view.interval_source] == ["stated", "unknown"]
    say(board, interval_hours=None)
    say(board, NOW, "UNSAID", next_funding_ms=NOW_MS + 60_000 + 8 * 3_600_000)
    say(board, NOW + timedelta(hours=8), "UNSAID", next_funding_ms=NOW_MS + 60_000 + 12 * 3_600_000)
    view = board.view()
    assert view.interval_hours[0] == 4.0
    assert np.isnan(view.interval_hours[1]), "what is inferred does not pass for stated"
    frame = board.view().frame(NOW)
    assert frame["interval_hours"].to_list() == [4.0, 4.0]
    assert frame["interval_inferred"].to_list() == [False, True]


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
    board.list_instruments(pl.concat([listed("A"), listed("B", quote="EUR"), listed("C")]))
    for symbol in ("A", "B"):
        say(board, symbol=symbol, open_interest_base=2.0, mark_price=100.0)
    say(board, symbol="C", open_interest_usd=5.0, best_bid=99.0, best_ask=101.0)
    view = board.view()
    assert view.open_interest_usd[[0, 2]].tolist() == [200.0, 5.0]
    assert np.isnan(view.open_interest_usd[1]), "euros are no dollars"
    assert view.spread_bps[2] == pytest.approx(200.0)
    assert np.isnan(view.spread_bps[0])


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

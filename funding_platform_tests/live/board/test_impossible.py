"""What cannot be is left out, as in snapshots, and an interval is of the best source there is."""

import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.rules import rules_of
from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.time_grid import from_ms, to_ms
from funding_platform.live.board.board import Board
from funding_platform.live.board.rules import FIELD
from funding_platform.live.board.view import INTERVAL_SOURCES
from funding_platform.venues.parsing.plausibility import market_rules
from funding_platform_tests.live.board.telling import NOW, NOW_MS, listed, say, shown


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

"""What cannot be a market: refused where most rows say so, dropped where single ones do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import FIRST_PERPETUAL, from_ms, to_ms
from funding_platform.venues.errors import ContractError
from funding_platform.venues.parsing.plausibility import (
    CRITICAL_COLUMNS,
    drop_implausible,
    drop_implausible_listings,
    missing_columns,
    settled_at_rest,
)

NOW = datetime(2026, 9, 13, 22, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def snapshot(*changes: dict[str, Any]) -> pl.DataFrame:
    """One row for each of the changes, and nine as they should be."""
    good: dict[str, Any] = {
        "predicted_rate": 1e-4,
        "interval_hours": 8.0,
        "next_funding_time": NOW + 1.5 * HOUR,
        "mark_price": 100.0,
        "index_price": 101.0,
        "observed_at": NOW,
    }
    rows = [good | change for change in (*changes, *[{}] * 9)]
    schema = {name: MARKET_SNAPSHOTS.polars_schema[name] for name in good}
    symbols = pl.Series("venue_symbol", [f"S{k}" for k in range(len(rows))])
    return pl.DataFrame(rows, schema=schema).insert_column(0, symbols)


IMPOSSIBLE: list[tuple[str, dict[str, Any]]] = [
    ("interval_hours", {"interval_hours": 7.0}),
    ("interval_hours", {"interval_hours": 16.0}),
    ("next_funding_time", {"next_funding_time": NOW + 9.5 * HOUR}),
    ("next_funding_time", {"next_funding_time": NOW + 2 * HOUR, "interval_hours": 1.0}),
    ("next_funding_time", {"next_funding_time": NOW + 25 * HOUR, "interval_hours": None}),
    ("next_funding_time", {"next_funding_time": datetime(1970, 1, 21, tzinfo=UTC)}),
    ("mark_price", {"mark_price": 10_000.0}),
    ("mark_price", {"mark_price": 1.0}),
]


@pytest.mark.parametrize(("column", "change"), IMPOSSIBLE)
def test_a_single_impossible_value_is_unknown_with_a_warning(
    column: str, change: dict[str, Any]
) -> None:
    frame = snapshot(change)
    kept, (doubt,) = drop_implausible("binance", frame)
    assert kept[column].to_list() == [None, *frame[column][1:]]
    assert kept.drop(column).equals(frame.drop(column))
    assert f"{column} of 1, S0 among them" in str(doubt)


@pytest.mark.parametrize(("column", "change"), IMPOSSIBLE)
def test_most_of_them_are_a_changed_contract(column: str, change: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match=f"{column} of 10, S0, S1, S2 among them"):
        drop_implausible("binance", snapshot(*[change] * 10))


@pytest.mark.parametrize(
    "change",
    [
        {"interval_hours": 1.0, "next_funding_time": NOW + HOUR},
        {"interval_hours": None, "next_funding_time": NOW + 20 * HOUR},
        {"next_funding_time": NOW + 8 * HOUR + timedelta(seconds=10)},
        {"next_funding_time": NOW - 60 * HOUR},
        {"next_funding_time": None, "interval_hours": None, "mark_price": None},
        {"mark_price": 150.0},
        {"index_price": 0.0},
        {"index_price": None},
        {"predicted_rate": None},
    ],
)
def test_what_is_odd_but_possible_stays(change: dict[str, Any]) -> None:
    frame = snapshot(*[change] * 10)
    kept, doubts = drop_implausible("binance", frame)
    assert kept.equals(frame)
    assert doubts == []


def test_without_a_single_rate_there_is_no_snapshot() -> None:
    with pytest.raises(ContractError, match="not one row has a predicted_rate"):
        drop_implausible(
            "paradex", snapshot().with_columns(predicted_rate=pl.lit(None, pl.Float64))
        )


def test_a_column_that_vanished_is_told_unless_it_was_never_there() -> None:
    frame = snapshot().with_columns(
        pl.lit(None).cast(MARKET_SNAPSHOTS.polars_schema[name]).alias(name)
        for name in CRITICAL_COLUMNS
    )
    told = missing_columns("grvt", frame, ("next_funding_time",))
    assert [str(error).split("\n")[0].rpartition(" ")[2] for error in told] == [
        "interval_hours",
        "mark_price",
    ]
    assert missing_columns("grvt", snapshot(), ()) == []


def listings(*changes: dict[str, Any]) -> pl.DataFrame:
    """One listing for each of the changes, nine as they should be, and one of unknown age."""
    good: dict[str, Any] = {"listed_at": datetime(2024, 5, 1, tzinfo=UTC), "last_seen_at": NOW}
    rows = [good | change for change in (*changes, *[{}] * 9, {"listed_at": None})]
    schema = {name: INSTRUMENTS.polars_schema[name] for name in good}
    symbols = pl.Series("venue_symbol", [f"S{k}" for k in range(len(rows))])
    return pl.DataFrame(rows, schema=schema).insert_column(0, symbols)


MISDATED = [
    from_ms(to_ms(datetime(2024, 5, 1, tzinfo=UTC)) // 1000),  # seconds, taken for milliseconds
    from_ms(0),
    NOW + timedelta(days=400),
]


@pytest.mark.parametrize("listed_at", MISDATED)
def test_a_single_impossible_listing_is_unknown_with_a_warning(listed_at: datetime) -> None:
    frame = listings({"listed_at": listed_at})
    kept, (doubt,) = drop_implausible_listings("binance", frame)
    assert kept["listed_at"].to_list() == [None, *frame["listed_at"][1:]]
    assert "listed_at of 1, S0 among them" in str(doubt)
    assert doubt.endpoint == "core.instruments"


@pytest.mark.parametrize("listed_at", MISDATED)
def test_listings_in_another_unit_are_a_changed_contract(listed_at: datetime) -> None:
    with pytest.raises(ContractError, match="listed_at of 10, S0, S1, S2 among them"):
        drop_implausible_listings("binance", listings(*[{"listed_at": listed_at}] * 10))


def test_a_listing_of_the_first_day_and_one_announced_are_possible() -> None:
    frame = listings({"listed_at": FIRST_PERPETUAL}, {"listed_at": NOW + timedelta(days=30)})
    kept, doubts = drop_implausible_listings("binance", frame)
    assert kept.equals(frame)
    assert doubts == []


@pytest.mark.parametrize(
    ("rates", "doubted"),
    [
        ([0.0] * 30, True),
        ([0.0] * 5, True),
        ([-0.0] * 30, True),
        ([0.0] * 29 + [None], True),
        ([0.0] * 29 + [1e-6], False),
        ([0.0] * 4, False),  # a handful of quiet markets may rest
        ([1e-4] * 99, False),  # so may all of a small venue at its default
        ([1e-4] * 300, True),
        ([1e-4] * 299 + [9e-5], False),
    ],
)
def test_all_markets_of_a_venue_never_show_one_rate(
    rates: list[float | None], doubted: bool
) -> None:
    whole = pl.concat([snapshot()[:1]] * len(rates))
    marks = pl.int_range(pl.len()).cast(pl.Float64) + 100.0
    frame = whole.with_columns(
        pl.Series("predicted_rate", rates), marks.alias("mark_price"), marks.alias("index_price")
    )
    kept, doubts = drop_implausible("v", frame)
    assert kept.rows() == frame.rows()
    assert ["predicted_rate" in str(doubt) for doubt in doubts] == [True] * doubted


def test_all_markets_of_a_venue_never_have_one_mark() -> None:
    rates = pl.int_range(pl.len()).cast(pl.Float64) * 1e-6
    frame = pl.concat([snapshot()[:1]] * 300).with_columns(rates.alias("predicted_rate"))
    _, (doubt,) = drop_implausible("v", frame)
    assert "mark_price is 100 in all 300 markets" in str(doubt)


@pytest.mark.parametrize(
    ("rates", "markets", "doubted"),
    [
        ([0.0] * 2700, 30, True),
        ([0.0] * 2699 + [1e-8], 30, False),
        ([0.0] * 2700, 4, False),  # TON on Hyperliquid settled at 0 for 66 days
        ([0.0] * 30, 30, False),  # one settlement each
        ([1e-4] * 2700, 30, False),
        ([], 0, False),
    ],
)
def test_all_markets_of_a_venue_never_settle_at_nothing(
    rates: list[float], markets: int, doubted: bool
) -> None:
    doubts = settled_at_rest("v", pl.Series(rates, dtype=pl.Float64), markets)
    assert len(doubts) == doubted

"""A ticker that two assets have had is two series; one whose listing date moved is one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.intervals import infer_intervals
from funding_platform.core.market.listings import (
    STARTS,
    listing_starts,
    listings_after,
    of_current_listing,
    with_since,
)
from funding_platform.core.tables.collected import INSTRUMENTS, LISTINGS
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import from_ms
from funding_platform_tests.core.slow_listings import beginning

DAY = timedelta(days=1)
LISTED = datetime(2025, 12, 23, 17, 30, tzinfo=UTC)
"""When the venue says that the ticker's present asset was listed; it settles every four hours."""

Series = list[tuple[datetime, float]]


def frame(series: Series, symbol: str = "LIT") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "venue": "v",
            "venue_symbol": symbol,
            "funding_time": [time for time, _ in series],
            "funding_rate": [rate for _, rate in series],
            "interval_hours": None,
        },
        schema={
            "venue": pl.String,
            "venue_symbol": pl.String,
            "funding_time": UTC_TIME,
            "funding_rate": pl.Float64,
            "interval_hours": pl.Float64,
        },
    )


def stamps(
    listed_at: datetime | None, *, relisted: bool = False, symbol: str = "LIT"
) -> pl.DataFrame:
    row = {"venue": "v", "venue_symbol": symbol, "listed_at": listed_at, "relisted": relisted}
    schema: dict[str, Any] = {"venue": pl.String, "venue_symbol": pl.String, "listed_at": UTC_TIME}
    return pl.DataFrame([row], schema={**schema, "relisted": pl.Boolean})


def settled(first: datetime, last: datetime, hours: float, rate: float | None = None) -> Series:
    """Settlements of an asset: rates that move, or one that does not."""
    count = int((last - first) / timedelta(hours=hours)) + 1
    times = [first + number * timedelta(hours=hours) for number in range(count)]
    return [
        (time, (number % 7 - 3) * 1e-5 if rate is None else rate)
        for number, time in enumerate(times)
    ]


OLD = settled(datetime(2024, 12, 1, tzinfo=UTC), datetime(2025, 1, 31, 8, tzinfo=UTC), 8)
TAIL = settled(datetime(2025, 1, 31, 16, tzinfo=UTC), LISTED - 90 * DAY, 8, 1e-4)
"""The archive goes on at a constant after the old asset is gone."""

NEW = settled(datetime(2025, 12, 23, 20, tzinfo=UTC), LISTED + 20 * DAY, 4)
EARLY = settled(datetime(2025, 12, 20, 16, tzinfo=UTC), LISTED + 20 * DAY, 4)
"""The first settlements of the new asset, when its listing is dated days after them."""


def since(series: Series, listed_at: datetime | None = LISTED, **known: Any) -> datetime | None:
    starts = listing_starts(frame(series), stamps(listed_at, **known))
    assert starts.schema == STARTS
    return starts["since"].item() if starts.height else None


@pytest.mark.parametrize(
    ("series", "begins"),
    [
        (OLD + NEW, LISTED),
        (OLD + TAIL + NEW, LISTED),
        (OLD, LISTED),  # imported first, nothing of the new asset collected yet
        (OLD + EARLY, EARLY[0][0]),
        (OLD + TAIL + EARLY, EARLY[0][0]),
        # The constant goes on until the very day.
        (OLD + settled(OLD[-1][0] + DAY, NEW[0][0] - DAY / 6, 8, 1e-4) + NEW, LISTED),
        (NEW, None),
        (EARLY, None),
        ([], None),
    ],
)
def test_a_reused_ticker_begins_with_its_listing(series: Series, begins: datetime | None) -> None:
    assert since(series) == begins
    assert since(series[::-1]) == begins  # in any order of arrival


def test_a_listing_that_moved_is_no_other_one() -> None:
    whole = settled(LISTED - 700 * DAY, LISTED + 100 * DAY, 8)
    assert since(whole) is None
    with_a_hole = [row for row in whole if not LISTED - 300 * DAY < row[0] < LISTED - 290 * DAY]
    assert since(with_a_hole) is None
    lost_some_days = [row for row in whole if abs(row[0] - LISTED) > 3 * DAY]
    assert since(lost_some_days) is None


def test_a_rate_at_rest_for_two_months_is_not_gone() -> None:
    """Binance dates BTCUSDT two weeks after its first settlement; all were at the default."""
    assert since(settled(LISTED - 60 * DAY, LISTED + DAY, 8, 1e-4)) is None


def test_nothing_is_known_of_a_venue_that_dates_nothing() -> None:
    assert since(OLD + NEW, None) is None
    assert since(OLD + NEW, None, relisted=True) is None


def test_a_relisting_that_was_seen_needs_no_silence() -> None:
    whole = settled(LISTED - 20 * DAY, LISTED + 20 * DAY, 8)
    assert since(whole, relisted=True) == LISTED


def test_tickers_do_not_touch_each_other() -> None:
    rows = pl.concat([frame(OLD + NEW), frame(NEW, "BTC"), frame(OLD, "ETH")])
    all_stamps = pl.concat([stamps(LISTED), stamps(LISTED, symbol="BTC")])
    assert listing_starts(rows, all_stamps).rows() == [("v", "LIT", LISTED)]


def test_rows_are_told_apart_by_their_time() -> None:
    starts = listing_starts(frame(OLD + NEW), stamps(LISTED))
    other = frame(OLD, "BTC")
    rows = pl.concat([frame(OLD + NEW), other])
    current = of_current_listing(rows, starts, "funding_time")
    assert current.rows() == pl.concat([frame(NEW), other]).rows()
    dated = with_since(rows.sort("venue_symbol", "funding_time"), starts, "funding_time")
    assert dated.filter(pl.col("since").is_not_null()).drop("since").rows() == frame(NEW).rows()
    assert of_current_listing(rows, starts.clear(), "funding_time").rows() == rows.rows()


def test_no_interval_is_inferred_across_the_border() -> None:
    apart = pl.concat(infer_intervals(frame(one)) for one in (OLD, NEW))
    assert infer_intervals(frame(OLD + NEW)).rows() == apart.rows()
    a_day_apart = settled(NEW[0][0] - 40 * DAY, NEW[0][0] - timedelta(hours=26), 8)
    apart = pl.concat(infer_intervals(frame(one)) for one in (a_day_apart, NEW))
    assert infer_intervals(frame(a_day_apart + NEW)).rows() == apart.rows()


@st.composite
def histories(draw: st.DrawFn) -> tuple[Series, datetime, bool]:
    """Stretches with holes, at rest or not, around a date that may lie anywhere."""
    series: Series = []
    time = datetime(2025, 1, 1, tzinfo=UTC)
    for _ in range(draw(st.integers(1, 4))):
        hours = draw(st.sampled_from([4, 8, 24]))
        rate = draw(st.sampled_from([None, None, 1e-4, 0.0]))
        stretch = settled(time, time + draw(st.integers(0, 130)) * DAY, hours, rate)
        series += stretch
        time = stretch[-1][0] + draw(st.sampled_from([8, 26, 168, 169, 300, 2000])) * timedelta(
            hours=1
        )
    listed_at = series[0][0] + draw(st.integers(-24, 24 * 420)) * timedelta(hours=1)
    return series, listed_at, draw(st.booleans())


@given(histories())
def test_against_the_slow_rule(case: tuple[Series, datetime, bool]) -> None:
    series, listed_at, relisted = case
    expected = beginning(series, listed_at, relisted=relisted)
    assert since(series, listed_at, relisted=relisted) == expected


NOW = datetime(2026, 1, 2, tzinfo=UTC)


def seen(at: datetime = NOW, **facts: Any) -> pl.DataFrame:
    row = {
        "venue": "v", "venue_symbol": "LIT", "base": "LIT", "quote": "USDT", "multiplier": 1.0,
        "contract_type": "linear", "status": "trading", "listed_at": LISTED,
        "first_seen_at": at, "last_seen_at": at, **facts,
    }  # fmt: skip
    return pl.DataFrame(
        [{name: row.get(name) for name in INSTRUMENTS.column_names}],
        schema=INSTRUMENTS.polars_schema,
    )


def told(*sights: pl.DataFrame) -> pl.DataFrame:
    """What the table says after the sights, the newest listing last."""
    table = LISTINGS.empty()
    for sight in sights:
        newest = table.sort("first_seen_at").unique(["venue", "venue_symbol"], keep="last")
        change = listings_after(newest, sight)
        table = table.join(change, on=LISTINGS.key, how="anti").vstack(change)
    return table.sort("first_seen_at")


@pytest.mark.parametrize(
    ("before", "after", "listings"),
    [
        ({}, {}, 1),
        ({"status": "halted"}, {}, 1),
        ({"status": "delisted"}, {"status": "delisted"}, 1),
        ({"status": "delisted"}, {}, 1),  # told delisted by mistake: its date is the same
        ({}, {"listed_at": LISTED + 5 * DAY}, 1),  # moved while it traded
        ({}, {"listed_at": None}, 1),
        ({"listed_at": None}, {}, 1),
        ({"status": "delisted"}, {"listed_at": NOW + DAY}, 2),
        ({"status": "delisted"}, {"listed_at": NOW + DAY, "status": "halted"}, 2),
        ({}, {"listed_at": NOW + 3 * DAY}, 1),  # moved while we did not look
        ({}, {"listed_at": NOW + 8 * DAY}, 2),  # had vanished before
    ],
)
def test_what_is_another_listing(
    before: dict[str, Any], after: dict[str, Any], listings: int
) -> None:
    first = seen(NOW - 9 * DAY)
    table = told(first, seen(**before), seen(NOW + 9 * DAY, **after))
    assert table.height == listings
    assert table["first_seen_at"].to_list() == [NOW - 9 * DAY, NOW + 9 * DAY][:listings]
    assert table["listed_at"][0] in (LISTED, after.get("listed_at", LISTED))
    assert table["last_seen_at"][-1] == NOW + 9 * DAY


def test_a_venue_that_dates_nothing_must_have_been_silent() -> None:
    trading, gone = {"listed_at": None}, {"listed_at": None, "status": "delisted"}
    first = seen(NOW - DAY, **trading)
    flicker = (first, seen(NOW, **gone), seen(NOW + timedelta(hours=1) - DAY / 24, **trading))
    assert told(*flicker).height == 1
    assert told(first, seen(NOW, **gone), seen(NOW + 30 * DAY, **trading)).height == 2


def test_the_facts_of_the_old_listing_stay() -> None:
    first = seen(NOW - 9 * DAY, base="OLD", multiplier=1000.0)
    gone = seen(NOW, base="OLD", multiplier=1000.0, status="delisted")
    table = told(first, gone, seen(NOW + 9 * DAY, base="NEW", listed_at=NOW + 8 * DAY))
    assert table["base"].to_list() == ["OLD", "NEW"]
    assert table["status"].to_list() == ["delisted", "trading"]
    assert table["last_traded_at"].to_list() == [NOW - 9 * DAY, NOW + 9 * DAY]
    assert table["last_seen_at"].to_list() == [NOW, NOW + 9 * DAY]


@pytest.mark.world
def test_real_histories_are_one_listing_each(shared_dir: Path) -> None:
    """With a date that is two weeks late or has moved, no hole is taken for silence."""
    for file in sorted((shared_dir / "data" / "funding" / "binance").glob("*.csv")):
        read = pl.read_csv(file, columns=["funding_time_ms", "funding_rate"])
        times = [from_ms(time) for time in read["funding_time_ms"]]
        series = list(zip(times, read["funding_rate"].cast(pl.Float64), strict=True))
        for listed_at in (times[0] + 15 * DAY, times[len(times) // 2] + DAY / 5, times[-1]):
            assert since(series, listed_at) is None, (file.name, listed_at)

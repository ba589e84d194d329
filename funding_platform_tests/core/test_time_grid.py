"""Months, hours and half-open windows."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.time_grid import (
    Window,
    floor_hour,
    from_ms,
    from_us,
    parse_instant,
    parse_month,
    to_ms,
    to_us,
)

MOMENTS = st.datetimes(
    min_value=datetime(2010, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)
)


@given(st.integers(0, 4_102_444_800_000))
def test_milliseconds_round_trip(milliseconds: int) -> None:
    assert to_ms(from_ms(milliseconds)) == milliseconds


@given(MOMENTS)
def test_microseconds_round_trip(moment: datetime) -> None:
    assert from_us(to_us(moment)) == moment


@given(MOMENTS, MOMENTS)
def test_months_tile_the_window(one: datetime, other: datetime) -> None:
    window = Window(min(one, other), max(one, other) + timedelta(microseconds=1))
    months = list(window.months())
    assert months[0].start <= window.start
    assert window.end <= months[-1].end
    assert all(a.end == b.start for a, b in pairwise(months))
    assert all(month.start.day == 1 and month.start == floor_hour(month.start) for month in months)


def test_a_window_includes_its_start_and_excludes_its_end() -> None:
    window = Window.of_month(datetime(2024, 2, 29, 13, tzinfo=UTC))
    assert window.start in window
    assert window.end not in window
    assert window.end == datetime(2024, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2025-13", "March", ""])
def test_a_month_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM"):
        parse_month(text)


def test_a_window_needs_a_zone_and_an_order() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Window(datetime(2025, 1, 1), datetime(2025, 1, 2, tzinfo=UTC))
    with pytest.raises(ValueError, match="before it starts"):
        Window(datetime(2025, 1, 2, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-03-01", datetime(2025, 3, 1, tzinfo=UTC)),
        ("2025-03-01 08:30", datetime(2025, 3, 1, 8, 30, tzinfo=UTC)),
        ("2025-03-01T08:30:00Z", datetime(2025, 3, 1, 8, 30, tzinfo=UTC)),
        ("2025-03-01T08:30+09:00", datetime(2025, 2, 28, 23, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_without_a_zone_is_utc(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "now", "2025-13-01", "25-3-1", "0001-01-01T00:00+09:00"])
def test_an_instant_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time; write YYYY-MM-DD"):
        parse_instant(text)

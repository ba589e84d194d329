"""Interval inference against hand-worked spacings."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.intervals import CONTEXT, KNOWN, as_known_in_time, infer_intervals

START = datetime(2025, 1, 1, tzinfo=UTC)


def settlements(hours: list[float], stated: float | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "venue": "v",
            "venue_symbol": "S",
            "funding_time": [START + timedelta(hours=hour) for hour in hours],
            "interval_hours": [stated] * len(hours),
        },
        schema_overrides={"funding_time": pl.Datetime("us", "UTC"), "interval_hours": pl.Float64},
    )


@pytest.mark.parametrize(
    ("case", "hours", "expected"),
    [
        ("steady", [0, 8, 16, 24], [8, 8, 8, 8]),
        ("8 h, then 4 h, then 2 h", [0, 8, 16, 20, 24, 26, 28], [8, 8, 8, 4, 4, 2, 2]),
        ("1 h, a six-hour bridge, then 8 h", [0, 1, 2, 8, 16, 24], [1, 1, 1, 6, 8, 8]),
        ("one 4 h settlement lost", [0, 4, 12, 16, 20], [4, 4, 4, 4, 4]),
        ("two 8 h settlements lost", [0, 8, 32, 40], [8, 8, 8, 8]),
        ("a hole, and nothing after it yet", [0, 8, 24], [8, 8, None]),
        ("daily, then 8 h", [0, 24, 48, 56, 64], [24, 24, 8, 8, 8]),
        ("late by minutes", [0, 1, 2.247, 3, 4], [1, 1, 1, 1, 1]),
        ("a hole of a week", [0, 8, 176, 184], [8, 8, 8, 8]),
        ("listed and gone", [0], [None]),
        ("two, a week apart", [0, 168], [None, None]),
    ],
)
def test_inferred_intervals(case: str, hours: list[float], expected: list[float | None]) -> None:
    frame = infer_intervals(settlements(hours))
    assert frame["interval_hours"].to_list() == expected, case
    assert frame["interval_inferred"].to_list() == [value is not None for value in expected]


def test_a_stated_interval_is_kept_and_not_marked() -> None:
    frame = infer_intervals(settlements([0, 8, 16], stated=4.0))
    assert frame["interval_hours"].to_list() == [4.0, 4.0, 4.0]
    assert not frame["interval_inferred"].any()


def test_symbols_do_not_leak_into_each_other() -> None:
    hourly = settlements([0, 1, 2]).with_columns(venue_symbol=pl.lit("H"))
    frame = infer_intervals(pl.concat([hourly, settlements([0, 8, 16])]))
    assert frame["interval_hours"].to_list() == [1, 1, 1, 8, 8, 8]


@pytest.mark.parametrize(
    ("case", "hours", "known"),
    [
        ("steady", [0, 8, 16, 24], [None, 8, 8, 8]),
        ("one 4 h settlement lost", [0, 4, 12, 16, 20], [None, 4, 8, 4, 4]),
        ("daily, then 8 h", [0, 24, 48, 56], [None, None, None, 8]),
        ("late by minutes", [0, 1, 2.247, 3], [None, 1, 1, 1]),
        ("a hole of a week", [0, 8, 176, 184], [None, 8, None, 8]),
    ],
)
def test_what_was_known_is_the_gap_before(
    case: str, hours: list[float], known: list[float | None]
) -> None:
    frame = infer_intervals(settlements(hours))
    assert frame[KNOWN].to_list() == known, case
    assert as_known_in_time(frame)["interval_hours"].to_list() == known
    of_before = as_known_in_time(frame.drop(KNOWN).reverse())
    assert of_before["interval_hours"].to_list() == known


def test_a_stated_interval_was_known() -> None:
    frame = infer_intervals(settlements([0, 8, 200], stated=4.0))
    assert frame[KNOWN].to_list() == [4.0, 4.0, 4.0]
    assert as_known_in_time(frame).equals(frame)
    unmarked = settlements([0, 8], stated=4.0)
    assert as_known_in_time(unmarked).equals(unmarked)


def test_what_was_known_does_not_depend_on_the_next_settlement() -> None:
    """Twenty settlements, eight hours apart, a hole of a day, then 1, 4 or 8 hours apart."""
    past = [8.0 * k for k in range(20)] + [184.0]
    now_known, in_time = [], []
    for step in (1, 4, 8):
        frame = infer_intervals(settlements([*past, *(184.0 + step * k for k in (1, 2, 3))]))
        now_known.append(frame["interval_hours"][20])
        in_time.append(frame[KNOWN].head(21).to_list())
    assert now_known == [1.0, 4.0, 8.0]
    assert in_time[0] == in_time[1] == in_time[2] == [None, *[8.0] * 19, None]


@given(
    gaps=st.lists(
        st.sampled_from([0.75, 1, 1.25, 2, 4, 6, 8, 24, 30, 200]), min_size=1, max_size=30
    ),
    cut=st.integers(0, 2_000),
)
def test_a_window_read_with_context_gives_the_same_intervals(gaps: list[float], cut: int) -> None:
    """Rows of [cut, end) inferred from [cut - CONTEXT, end) equal those of the whole."""
    hours = [sum(gaps[:i]) for i in range(len(gaps) + 1)]
    whole = infer_intervals(settlements(hours))
    moment = START + timedelta(hours=cut)
    for left, right in ((START, moment), (moment, START + timedelta(hours=9_999))):
        time = pl.col("funding_time")
        part = infer_intervals(
            settlements(hours).filter(time >= left - CONTEXT, time <= right + CONTEXT)
        )
        inside = (time >= left) & (time < right)
        assert part.filter(inside).equals(whole.filter(inside))

"""Settled strips, worked by hand."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.time_grid import Window
from funding_platform.core.units import apy
from funding_platform.curves import build_curves
from funding_platform_tests.curves.frames import YEARS, Print, at, settlements, steady


def strip(prints: Sequence[Print], hour: float) -> dict[str, Any]:
    curves = build_curves(settlements(prints), YEARS)
    return curves.row(by_predicate=pl.col("as_of") == at(hour), named=True)


def yields(prints: list[Print], hour: float) -> list[float | None]:
    row = strip(prints, hour)
    return [row[name] for name in BUCKETS]


@pytest.mark.parametrize("interval", [1, 2, 4, 8])
def test_every_interval_sums_to_the_same_tenor(interval: int) -> None:
    """Window w, the last of which is b0, is paid w basis points in equal parts."""
    prints = [
        (float(8 * window + part), window * 1e-4 * interval / 8, float(interval))
        for window in range(8)
        for part in range(interval, 9, interval)
    ]
    row = strip(prints, 64)
    expected = [apy(window * 1e-4) for window in range(7, -1, -1)]
    assert [row[name] for name in BUCKETS] == pytest.approx(expected, rel=1e-12)
    assert (row["n_interpolated"], row["usable"]) == (0, True)
    assert row["available_at"] == at(64)


def test_the_yield_compounds_by_hand() -> None:
    """1 bp per 8 h: 1.0001^1095 - 1 = 11.571 %."""
    assert yields([(8.0, 1e-4, 8.0)], 8)[0] == pytest.approx(0.11571, abs=5e-6)


@pytest.mark.parametrize(
    ("case", "window", "r_8h"),
    [
        ("4 h, then hourly", [(4, 4e-4, 4), *((h, 1e-4, 1) for h in range(5, 9))], 8e-4),
        ("hourly, then a six-hour bridge", [(1, 1e-4, 1), (2, 1e-4, 1), (8, 6e-4, 6)], 8e-4),
        ("bridge stated as 8 h: paid is paid", [(1, 1e-4, 1), (2, 1e-4, 1), (8, 6e-4, 8)], 8e-4),
        ("seven of eight hours", [(hour, 1e-4, 1) for hour in range(2, 9)], 8e-4),
        ("half of the hours", [(hour, 1e-4, 1) for hour in (1, 3, 6, 7)], 8e-4),
        ("three of eight hours", [(hour, 1e-4, 1) for hour in (1, 3, 6)], None),
        ("one of two", [(4, 3e-4, 4)], 6e-4),
        ("one of four", [(2, 3e-4, 2)], None),
        ("24 h: the window's third", [(5, 3e-4, 24)], 1e-4),
        ("interval unknown, alone", [(8, 1e-4, None)], None),
        ("interval unknown, not scaled", [(4, 4e-4, 4), (5, 1e-4, 1), (8, 1e-4, None)], 6e-4),
        ("half an hour early", [(7.5, 1e-4, 8)], 1e-4),
        ("24 minutes late", [(8.398, 1e-4, 8)], 1e-4),
        ("a second late", [(8 + 1 / 3600, 1e-4, 8)], 1e-4),
        ("on the boundary that opens it", [(0, 1e-4, 8)], None),
    ],
)  # fmt: skip
def test_one_window(case: str, window: list[Print], r_8h: float | None) -> None:
    """The window (0, 8], between known neighbours so that a strip stands in any case."""
    prints = [(-8.0, 0.0, 8.0), *window, (16.0, 0.0, 8.0)]
    found = yields(prints, 8)[0]
    assert found == (None if r_8h is None else pytest.approx(apy(r_8h), rel=1e-12)), case


def test_a_late_settlement_is_known_when_it_is_made() -> None:
    row = strip([(8.0, 1e-4, 8.0), (16.398, 2e-4, 8.0)], 16)
    assert row["b0"] == pytest.approx(apy(2e-4), rel=1e-12)
    assert row["available_at"] == at(16.398)
    assert strip([(8.0, 1e-4, 8.0), (15.9, 2e-4, 8.0)], 16)["available_at"] == at(16)


@pytest.mark.parametrize(
    ("missing", "n_interpolated", "usable"),
    [
        ([3], 1, True),
        ([2, 3], 2, True),
        ([1, 6], 2, True),
        ([1, 3, 5], 3, False),
        ([1, 2, 3, 4, 5, 6], 6, False),
    ],
)
def test_inner_gaps_are_interpolated(missing: list[int], n_interpolated: int, usable: bool) -> None:
    """With yields linear in the bucket, linear interpolation restores what is missing."""
    line = [0.10 + 0.02 * k for k in range(8)]
    prints = [
        (64.0 - 8 * k, (1 + y) ** (1 / 1095) - 1, 8.0)
        for k, y in enumerate(line)
        if k not in missing
    ]
    row = strip(prints, 64)
    assert [row[name] for name in BUCKETS] == pytest.approx(line, rel=1e-10)
    assert (row["n_interpolated"], row["usable"]) == (n_interpolated, usable)


@pytest.mark.parametrize(
    ("missing", "null", "n_interpolated"),
    [([0], [0], 0), ([7], [7], 0), ([0, 1, 3], [0, 1], 1), ([5, 6, 7], [5, 6, 7], 0)],
)
def test_edges_stay_missing(missing: list[int], null: list[int], n_interpolated: int) -> None:
    prints = [(64.0 - 8 * k, 1e-4 * (k + 1), 8.0) for k in range(8) if k not in missing]
    row = strip(prints, 64)
    assert [k for k, name in enumerate(BUCKETS) if row[name] is None] == null
    assert (row["n_interpolated"], row["usable"]) == (n_interpolated, False)


def test_strips_stand_from_the_first_window_to_seven_after_the_last() -> None:
    """Two windows a fortnight apart: eight strips each, none in the hole between."""
    curves = build_curves(settlements([(8.0, 1e-4, 8.0), (344.0, 1e-4, 8.0)]), YEARS)
    assert curves["as_of"].to_list() == [
        at(first + 8 * roll) for first in (8, 344) for roll in range(8)
    ]
    assert curves.filter(~pl.col("b7").is_null())["as_of"].to_list() == [at(64), at(400)]


def test_a_window_that_is_missing_makes_no_strip() -> None:
    curves = build_curves(settlements([(3.0, 1e-4, 1.0)]), YEARS)
    assert curves.is_empty()
    assert curves.schema == CURVE_SNAPSHOTS.polars_schema


def test_only_the_window_asked_for() -> None:
    curves = build_curves(settlements(steady(8, range(8, 200))), Window(at(64), at(80)))
    assert curves["as_of"].to_list() == [at(64), at(72)]
    assert curves["usable"].all()


def test_settlements_off_the_grid_keep_their_boundaries() -> None:
    row = strip([(4.0 + 8 * k, 1e-4 * (k + 1), 8.0) for k in range(8)], 60)
    assert [row[name] for name in BUCKETS] == pytest.approx(
        [apy(1e-4 * k) for k in range(8, 0, -1)]
    )
    assert row["usable"]


def test_24_hours_keep_the_common_grid_and_are_never_usable() -> None:
    """Settled at noon, so in the window to 16:00, which is every third."""
    curves = build_curves(settlements([(12.0 + 24 * k, 3e-4, 24.0) for k in range(4)]), YEARS)
    last = curves.row(by_predicate=pl.col("as_of") == at(88), named=True)
    assert [last[f"b{k}"] for k in (0, 3, 6)] == pytest.approx([apy(1e-4)] * 3)
    assert (last["b7"], last["n_interpolated"]) == (None, 4)
    assert not curves["usable"].any()


def test_phase_follows_the_instrument_off_the_grid_and_back() -> None:
    """Hourly to hour 104, every 8 h off the grid from 108 to 132, and hourly again.

    The first settlement off the grid moves the boundaries; they return once no strip holds the
    last, 64 hours later. Every strip in between is whole.
    """
    hourly = [(float(hour), 1e-5, 1.0) for hour in range(1, 105)]
    eightfold = [(108.0, 4e-5, 4.0), *((float(hour), 8e-5, 8.0) for hour in (116, 124, 132))]
    again = [(float(hour), 1e-5, 1.0) for hour in range(133, 260)]
    curves = build_curves(settlements(hourly + eightfold + again), YEARS)
    usable = curves.filter("usable")
    assert usable["as_of"].to_list() == [
        at(hour)
        for hours in (range(64, 113, 8), range(116, 190, 8), range(200, 257, 8))
        for hour in hours
    ]
    assert usable.select(BUCKETS).to_numpy() == pytest.approx(apy(8e-5), rel=1e-10)


def test_instruments_do_not_leak_into_each_other() -> None:
    one = settlements(steady(8, range(8, 65)), symbol="A")
    other = settlements(steady(1, range(65, 200)), symbol="B")
    both = build_curves(pl.concat([other, one]), YEARS)
    apart = pl.concat([build_curves(one, YEARS), build_curves(other, YEARS)])
    assert both.equals(apart)
    assert both.schema == CURVE_SNAPSHOTS.polars_schema

"""Histories with too little in them: outages of a day and of a month, two settlements ever."""

import polars as pl
import pytest

from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.time_grid import Window
from funding_platform.curves import build_curves, curve_factors, rolling_pca
from funding_platform_tests.curves.frames import at, settlements, steady

DAYS = 120
NULLS_OF_A_NEW_INSTRUMENT = ("slope", "curvature", "half_life_hours", "level_z", "slope_z")


def curves_of(hours: list[range], interval: int = 8) -> pl.DataFrame:
    """Curves of an instrument that settles steadily within each span of hours, and not between."""
    prints = [row for span in hours for row in steady(interval, span)]
    return build_curves(settlements(prints), Window(at(0), at(24 * DAYS)))


@pytest.mark.parametrize("interval", [1, 8])
def test_a_day_without_settlements_makes_eight_windows_of_curves_unusable_at_most(
    interval: int,
) -> None:
    """Three windows are missing: interpolated while inside the strip, an edge before and after."""
    lost = range(24 * 40 + interval, 24 * 41 + interval)
    curves = curves_of(
        [range(interval, lost.start, interval), range(lost.stop, 24 * 60, interval)], interval
    )
    around = curves.filter(pl.col("as_of").is_between(at(24 * 40), at(24 * 45)))
    flags = dict(around.select("as_of", "usable").iter_rows())
    assert flags[at(24 * 40)]
    unusable = [time for time, usable in flags.items() if not usable]
    assert min(unusable) == at(24 * 40 + 8)
    assert max(unusable) == at(24 * 41 + 56)
    assert flags[at(24 * 41 + 64)]
    inside = around.filter(pl.col("n_interpolated") > 0)
    assert inside["n_interpolated"].max() == 3
    assert not inside["usable"].any()


def test_a_month_without_settlements_ends_the_curves_and_they_begin_anew() -> None:
    curves = curves_of([range(8, 24 * 40, 8), range(24 * 70, 24 * 100, 8)])
    silent = curves.filter(pl.col("as_of").is_between(at(24 * 43), at(24 * 69)))
    assert silent.is_empty()
    resumed = curves.filter(pl.col("as_of") >= at(24 * 70)).sort("as_of")
    assert resumed["usable"].to_list()[:8] == [False] * 7 + [True]
    assert resumed[0].select(BUCKETS[1:]).null_count().row(0) == (1,) * 7


def test_two_settlements_ever_are_curves_that_nothing_is_computed_from() -> None:
    curves = curves_of([range(8, 24, 8)])
    assert curves.height == 9
    assert not curves["usable"].any()
    factors = curve_factors(curves)
    known = factors.select(NULLS_OF_A_NEW_INSTRUMENT).null_count().row(0)
    assert known == (factors.height,) * len(NULLS_OF_A_NEW_INSTRUMENT)
    found = rolling_pca(curves, Window(at(0), at(24 * 95)))
    assert set(found.models["status"]) == {"sparse"}
    assert found.scores.is_empty()

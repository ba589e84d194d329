"""Pictures: real PNG files, small enough for an event log, empty input included."""

from datetime import timedelta
from io import BytesIO

import matplotlib.image
import polars as pl
import pytest

from funding_platform.core.tables.features import CURVE_SNAPSHOTS
from funding_platform.curves import build_curves
from funding_platform.views.pictures import curve_picture
from funding_platform_tests.curves.frames import YEARS, settlements, steady

CURVES = build_curves(
    pl.concat([settlements(steady(8, range(8, 100)), venue=venue) for venue in ("a", "b")]), YEARS
)


@pytest.mark.parametrize("curves", [CURVES, CURVE_SNAPSHOTS.empty()])
def test_a_small_png(curves: pl.DataFrame) -> None:
    picture = curve_picture(curves)
    assert len(picture) < 60_000
    pixels = matplotlib.image.imread(BytesIO(picture), format="png")
    assert pixels.shape[:2] == (288, 560)
    assert pixels.min() < pixels.max()


def test_the_picture_shows_what_changed() -> None:
    assert curve_picture(CURVES) != curve_picture(CURVES.filter(venue="a"))


def test_a_curve_of_another_time_is_not_drawn_beside_todays() -> None:
    gone = CURVES.filter(venue="a").with_columns(
        pl.col("as_of") - timedelta(days=90), venue=pl.lit("gone")
    )
    assert curve_picture(pl.concat([CURVES, gone])) == curve_picture(CURVES)

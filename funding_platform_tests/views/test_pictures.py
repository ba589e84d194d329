"""Pictures: real PNG files, small enough for an event log, empty input included."""

from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO

import matplotlib.image
import polars as pl
import pytest

from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.curves import build_curves
from funding_platform.flows.collection.history.report import DAILY
from funding_platform.flows.queries.upkeep.coverage import SCHEMA
from funding_platform.views.pictures import (
    coverage_picture,
    curve_picture,
    rates_picture,
    spread_picture,
)
from funding_platform_tests.curves.frames import YEARS, settlements, steady

CURVES = build_curves(
    pl.concat([settlements(steady(8, range(8, 100)), venue=venue) for venue in ("a", "b")]), YEARS
)


DAYS = pl.DataFrame(
    [(date(2026, 3, day), -0.1, 0.1 * day, 0.5 * day) for day in range(1, 31)], DAILY, orient="row"
)
COVERED = pl.DataFrame(
    [
        (venue, f"{year}-{month:02}", 3, 90, 93, share)
        for year in (2023, 2024, 2025, 2026)
        for month in range(1, 13)
        for venue, share in (("okx", 0.99), ("lighter", None if year < 2026 else 0.5))
    ],
    SCHEMA,
    orient="row",
)
RATES = pl.DataFrame({"venue": ["okx", "okx", "aster", "lighter"], "apr": [0.1, 0.3, -0.2, None]})


@pytest.mark.parametrize(
    ("draw", "rows"),
    [
        (curve_picture, CURVES),
        (curve_picture, CURVE_SNAPSHOTS.empty()),
        (rates_picture, DAYS),
        (rates_picture, DAYS.clear()),
        (coverage_picture, COVERED),
        (coverage_picture, COVERED.clear()),
        (spread_picture, RATES),
        (spread_picture, RATES.clear()),
    ],
)
def test_a_small_png(draw: Callable[[pl.DataFrame], bytes], rows: pl.DataFrame) -> None:
    picture = draw(rows)
    assert len(picture) < 12_000
    pixels = matplotlib.image.imread(BytesIO(picture), format="png")
    assert pixels.shape[:2] == (288, 560)
    assert pixels.min() < pixels.max()


def test_the_picture_shows_what_changed() -> None:
    assert curve_picture(CURVES) != curve_picture(CURVES.filter(venue="a"))


def test_stretches_may_come_in_any_order() -> None:
    assert rates_picture(DAYS.reverse()) == rates_picture(DAYS)
    assert rates_picture(DAYS) != rates_picture(DAYS.head(20))


def test_a_month_of_which_nothing_was_due_is_not_one_of_which_nothing_came() -> None:
    nothing_due = pl.col("coverage").fill_null(0.0)
    assert coverage_picture(COVERED) != coverage_picture(COVERED.with_columns(nothing_due))


def test_an_instrument_without_a_rate_is_not_one_at_rest() -> None:
    at_rest = pl.col("apr").fill_null(0.0)
    assert spread_picture(RATES) == spread_picture(RATES.drop_nulls())
    assert spread_picture(RATES) != spread_picture(RATES.with_columns(at_rest))


def test_a_curve_of_another_time_is_not_drawn_beside_todays() -> None:
    gone = CURVES.filter(venue="a").with_columns(
        pl.col("as_of") - timedelta(days=90), venue=pl.lit("gone")
    )
    assert curve_picture(pl.concat([CURVES, gone])) == curve_picture(CURVES)

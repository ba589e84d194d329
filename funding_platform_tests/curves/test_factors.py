"""Factors of hand-made curves."""

import polars as pl
import pytest

from funding_platform.core.feature_tables import BUCKETS, CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.curves import build_curves, curve_factors
from funding_platform_tests.curves.frames import YEARS, at, settlements, steady


def curve(buckets: list[float | None]) -> pl.DataFrame:
    row = {
        "venue": "v",
        "venue_symbol": "S",
        "as_of": at(64),
        "kind": "settled",
        **dict(zip(BUCKETS, buckets, strict=True)),
        "n_interpolated": 0,
        "usable": False,
        "available_at": at(64.5),
    }
    return pl.DataFrame([row], schema=CURVE_SNAPSHOTS.polars_schema)


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ([0.5, 0.0, 0.3, 0.1, 0.0, 0.2, 0.0, 0.9], (0.5, 0.4, 0.3)),
        ([None, 0.0, 0.3, 0.1, 0.0, 0.2, 0.0, 0.9], (None, None, 0.3)),
        ([0.5, 0.0, 0.3, 0.1, 0.0, 0.2, 0.0, None], (0.5, None, 0.3)),
        ([0.5, 0.0, None, 0.1, 0.0, 0.2, 0.0, 0.9], (0.5, 0.4, None)),
        ([0.5, None, 0.3, 0.1, None, 0.2, None, 0.9], (0.5, 0.4, 0.3)),
    ],
)
def test_by_hand(buckets: list[float | None], expected: tuple[float | None, ...]) -> None:
    factors = curve_factors(curve(buckets)).row(0, named=True)
    for name, value in zip(("level", "slope", "curvature"), expected, strict=True):
        assert factors[name] == (None if value is None else pytest.approx(value)), name
    assert factors["available_at"] == at(64.5)


def test_one_row_per_curve_in_the_declared_shape() -> None:
    curves = build_curves(settlements(steady(4, range(4, 200))), YEARS)
    factors = curve_factors(curves)
    assert factors.schema == CURVE_FACTORS.polars_schema
    assert factors.select(CURVE_FACTORS.key).equals(curves.select(CURVE_FACTORS.key))
    assert curve_factors(CURVE_SNAPSHOTS.empty()).schema == CURVE_FACTORS.polars_schema


def test_a_flat_curve_has_only_a_level() -> None:
    prints = [(float(hour), 1e-5, 1.0) for hour in range(1, 65)]
    factors = curve_factors(build_curves(settlements(prints), YEARS))
    last = factors.row(by_predicate=pl.col("as_of") == at(64), named=True)
    assert last["level"] == pytest.approx(1.00008**1095 - 1)
    assert (last["slope"], last["curvature"]) == pytest.approx((0.0, 0.0), abs=1e-12)

"""The wide join of all features."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_SCORES
from funding_platform.core.tables.features.store import FEATURE_GROUPS, FEATURE_STORE
from funding_platform.core.tables.schema import Table
from funding_platform.curves import CurveError, build_features

T0 = datetime(2026, 3, 1, tzinfo=UTC)
TENOR = timedelta(hours=8)
INSTRUMENTS = pl.DataFrame({"venue": ["okx"], "venue_symbol": ["X"], "base": ["X"]})


def rows(table: Table, *given: dict[str, object]) -> pl.DataFrame:
    """Rows of a table that say only what a test is about."""
    blank = {"venue": "okx", "venue_symbol": "X", "kind": "settled", "usable": True}
    return pl.DataFrame(
        [{name: {**blank, **row}.get(name) for name in table.column_names} for row in given],
        schema=table.polars_schema,
    )


def curve(back: int, **values: object) -> dict[str, object]:
    """A curve so many windows before T0, known a second after its boundary."""
    as_of = T0 - back * TENOR
    return {"as_of": as_of, "available_at": as_of + timedelta(seconds=1), "b0": 0.1, **values}


def score(back: int, scope: str, late: timedelta, **values: object) -> dict[str, object]:
    """The score of that curve, known so much after its boundary."""
    scored = {"scope": scope, "model_id": f"{scope}:okx", "pc1": 0.5, "residual": 0.0, **values}
    return {**curve(back), **scored, "available_at": T0 - back * TENOR + late}


def test_parts_stand_side_by_side_and_the_latest_says_when_all_is_known() -> None:
    curves = rows(CURVE_SNAPSHOTS, curve(1, n_interpolated=0), curve(0, n_interpolated=0))
    factors = rows(CURVE_FACTORS, curve(1, level=0.2), curve(0, level=0.3))
    scores = rows(
        PCA_SCORES,
        score(0, "instrument", timedelta(seconds=5)),
        score(0, "venue", timedelta(seconds=9), pc1=0.7),
    )
    old, new = build_features(curves, factors, scores, INSTRUMENTS).iter_rows(named=True)
    assert (old["level"], new["level"], new["base"], new["b0"]) == (0.2, 0.3, "X", 0.1)
    assert (old["pca_pc1"], old["venue_pca_model_id"]) == (None, None)
    assert (new["pca_pc1"], new["venue_pca_pc1"]) == (0.5, 0.7)
    assert new["venue_pca_model_id"] == "venue:okx"
    assert old["available_at"] == T0 - TENOR + timedelta(seconds=1)
    assert new["available_at"] == T0 + timedelta(seconds=9)


def test_a_curve_without_anything_else_is_kept() -> None:
    curves = rows(CURVE_SNAPSHOTS, curve(0, n_interpolated=0))
    unknown = INSTRUMENTS.clear()
    (row,) = build_features(curves, CURVE_FACTORS.empty(), PCA_SCORES.empty(), unknown).iter_rows(
        named=True
    )
    assert (row["b0"], row["base"], row["level"], row["pca_pc1"]) == (0.1, None, None, None)


def test_two_models_of_one_scope_for_one_curve_are_refused() -> None:
    twice = [score(0, "venue", TENOR, model_id=name) for name in ("a", "b")]
    with pytest.raises(CurveError, match=r"okx X at 2026-03-01 00:00 UTC was scored by 2 rows"):
        build_features(
            rows(CURVE_SNAPSHOTS, curve(0)),
            CURVE_FACTORS.empty(),
            rows(PCA_SCORES, *twice),
            INSTRUMENTS,
        )


def test_every_feature_has_a_name_of_its_own_and_a_description() -> None:
    features = [column for _, _, columns in FEATURE_GROUPS for column in columns]
    assert {column.name for column in features} <= set(FEATURE_STORE.column_names)
    assert len({column.name for column in features}) == len(features)
    assert all(column.description for column in features)

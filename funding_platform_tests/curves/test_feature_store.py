"""The wide join of all features, and what was known of it at an instant."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding_platform.core.tables.feature_store import FEATURE_GROUPS, FEATURE_STORE
from funding_platform.core.tables.features import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.pca import PCA_SCORES
from funding_platform.core.tables.schema import Table
from funding_platform.curves import CurveError, build_features, get_features

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


@contextmanager
def stored(features: pl.DataFrame) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that has these features."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("given", features)
        connection.execute("CREATE SCHEMA features")
        connection.execute("CREATE TABLE features.feature_store AS SELECT * FROM given")
        yield connection


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two instruments: X with a row per window, of which the newest was late; Y long silent."""
    features = rows(
        FEATURE_STORE,
        curve(2, level=0.2),
        curve(1, level=0.1),
        {**curve(0, level=0.0), "available_at": T0 + timedelta(hours=3)},
        curve(30, venue_symbol="Y", level=9.0),
        curve(1, kind="live", level=0.15),
    )
    with stored(features) as connection:
        yield connection


@pytest.mark.parametrize(
    ("at", "level"),
    [
        (T0 - 2 * TENOR, None),  # settled, but not yet known
        (T0 - 2 * TENOR + timedelta(seconds=1), 0.2),
        (T0, 0.1),
        (T0 + timedelta(hours=3) - timedelta(seconds=1), 0.1),
        (T0 + timedelta(hours=3), 0.0),
        (T0 + timedelta(days=1), None),  # a day without a newer row
    ],
)
def test_features_are_those_known_at_the_time(
    store: duckdb.DuckDBPyConnection, at: datetime, level: float | None
) -> None:
    (row,) = get_features(at, [("okx", "X")], store).iter_rows(named=True)
    assert row["level"] == level


def test_an_instrument_without_features_shows_as_nulls(store: duckdb.DuckDBPyConnection) -> None:
    found = get_features(T0, [("okx", "Y"), ("okx", "X"), ("gone", "Z")], store)
    assert found.schema == FEATURE_STORE.polars_schema
    assert found.select("venue", "venue_symbol", "level").rows() == [
        ("gone", "Z", None),
        ("okx", "X", 0.1),
        ("okx", "Y", None),
    ]
    assert get_features(T0, None, store)["venue_symbol"].to_list() == ["X"]
    assert get_features(T0, [], store).is_empty()
    assert get_features(T0, None, store, kind="live")["level"].to_list() == [0.15]
    assert get_features(T0, None, store, max_age=timedelta(days=20)).height == 2


@pytest.mark.parametrize(
    ("at", "kind", "message"),
    [(T0.replace(tzinfo=None), "settled", "no time zone"), (T0, "dead", "no 'dead' curves")],
)
def test_bad_questions_are_refused(
    store: duckdb.DuckDBPyConnection, at: datetime, kind: str, message: str
) -> None:
    with pytest.raises(CurveError, match=message):
        get_features(at, None, store, kind=kind)


@settings(max_examples=25, deadline=None)  # a database each
@given(
    minutes=st.integers(-24 * 60, 24 * 60), later=st.integers(1, 24 * 60), level=st.floats(-9, 9)
)
def test_what_becomes_known_later_changes_nothing(minutes: int, later: int, level: float) -> None:
    at = T0 + timedelta(minutes=minutes)
    known = rows(FEATURE_STORE, *(curve(back, level=back / 10) for back in range(6)))
    news = curve(0, level=level) | {
        "as_of": at - timedelta(seconds=1),
        "available_at": at + timedelta(minutes=later),
    }
    with stored(known) as before, stored(known.vstack(rows(FEATURE_STORE, news))) as after:
        found = get_features(at, None, before)
        assert found.equals(get_features(at, None, after))
    assert (found["available_at"] <= at).all()

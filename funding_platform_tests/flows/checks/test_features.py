"""The questions about models and features, on tables made for each."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest

from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_MODELS
from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.schema import Table
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.features import (
    every_curve_has_features,
    models_explain,
    models_fitted,
    models_full_rank,
    models_steady,
)

OCTOBER, NOVEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (10, 11))
MODEL_QUESTIONS = (models_explain, models_fitted, models_full_rank, models_steady)

Question = Callable[[duckdb.DuckDBPyConnection], Answer]


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA features")
        for table in (PCA_MODELS, CURVE_SNAPSHOTS, FEATURE_STORE):
            connection.execute(table.ddl().replace(" NOT NULL", ""))
        yield connection


def put(lake: duckdb.DuckDBPyConnection, table: Table, *rows: dict[str, object]) -> None:
    frame = pl.DataFrame(
        [{name: row.get(name) for name in table.column_names} for row in rows],
        schema=table.polars_schema,
    )
    lake.register("given", frame)
    lake.execute(f"INSERT INTO {table.full_name} FROM given")


def model(month: datetime = NOVEMBER, **values: object) -> dict[str, object]:
    """A venue's model that is well in every respect, but for the values given."""
    well = {
        "model_id": f"venue:okx:{month:%Y-%m}",
        "scope": "venue",
        "venue": "okx",
        "status": "fitted",
        "window_end": month,
        "coverage": 1.0,
        "rank_deficient": False,
        "pc1_share": 0.6,
        "pc2_share": 0.2,
        "pc3_share": 0.1,
        "pc1_drift_degrees": 3.0,
    }
    return {**well, **values}


@pytest.mark.parametrize("question", MODEL_QUESTIONS)
def test_nothing_due_is_no_fault_and_says_so(
    lake: duckdb.DuckDBPyConnection, question: Question
) -> None:
    assert question(lake) == Answer(True, "no model was due yet")


@pytest.mark.parametrize("question", MODEL_QUESTIONS)
def test_a_sound_model_passes(lake: duckdb.DuckDBPyConnection, question: Question) -> None:
    put(lake, PCA_MODELS, model())
    assert question(lake).passed


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        (models_fitted, {"status": "sparse"}),
        (models_full_rank, {"rank_deficient": True}),
        (models_steady, {"pc1_drift_degrees": 30.1}),
        (models_explain, {"pc1_share": 0.3, "pc2_share": 0.1, "pc3_share": None}),
    ],
)
def test_a_fault_of_the_newest_model_shows_and_an_older_one_is_past(
    lake: duckdb.DuckDBPyConnection, question: Question, fault: dict[str, object]
) -> None:
    put(lake, PCA_MODELS, model(OCTOBER, **fault), model(NOVEMBER))
    assert question(lake).passed
    lake.execute("DELETE FROM features.pca_models")
    put(lake, PCA_MODELS, model(OCTOBER), model(NOVEMBER, **fault))
    assert not question(lake).passed


def test_the_flagged_model_is_named(lake: duckdb.DuckDBPyConnection) -> None:
    put(lake, PCA_MODELS, model(rank_deficient=True))
    answer = models_full_rank(lake)
    assert answer.verdict == "1 of 1 newest models are rank deficient: venue:okx:2026-11"


def test_the_spike_that_a_component_is_made_of_is_named(lake: duckdb.DuckDBPyConnection) -> None:
    """Thirty strips, of which one has a bucket of 50 a year, along which the component lies."""
    loading = {f"pc1_{bucket}": float(bucket == "b0") for bucket in BUCKETS}
    means = {f"mean_{bucket}": 0.1 for bucket in BUCKETS}
    put(lake, PCA_MODELS, {**model(window_start=OCTOBER), **loading, **means})
    seen = [OCTOBER + timedelta(hours=8 * k) for k in range(1, 31)]
    put(
        lake,
        CURVE_SNAPSHOTS,
        *(
            {"venue": "okx", "venue_symbol": "X", "as_of": time, "kind": "settled", "usable": True,
             "available_at": time, **dict.fromkeys(BUCKETS, 0.1), "b0": 50.0 if k == 7 else 0.2}
            for k, time in enumerate(seen)
        ),
    )  # fmt: skip
    answer = models_explain(lake)
    assert answer.passed
    assert answer.verdict.endswith(f"first X at {seen[7]:%Y-%m-%d %H:%M}")
    assert answer.figures["driven_by_spikes"] == 1


@pytest.mark.parametrize(
    ("features", "passed"),
    [
        ([], False),
        ([{"available_at": OCTOBER}], False),
        ([{"available_at": NOVEMBER}], True),
    ],
    ids=["absent", "early", "there"],
)
def test_every_curve_has_features_no_earlier_than_itself(
    lake: duckdb.DuckDBPyConnection, features: list[dict[str, object]], passed: bool
) -> None:
    key = {"venue": "okx", "venue_symbol": "X", "as_of": OCTOBER, "kind": "settled"}
    put(lake, CURVE_SNAPSHOTS, {**key, "available_at": NOVEMBER})
    put(lake, FEATURE_STORE, *({**key, **row} for row in features))
    assert every_curve_has_features(lake).passed is passed

"""Rolling principal components: against scikit-learn, by hand, and never ahead of their time."""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sklearn.decomposition import PCA

from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_COMPONENTS
from funding_platform.core.time_grid import Window
from funding_platform.curves import CurveError, build_curves, rolling_pca
from funding_platform_tests.curves.pca.strips import (
    DAY,
    PER_WINDOW,
    START,
    TENOR,
    Row,
    curves,
    loadings,
    strips,
)
from funding_platform_tests.curves.test_real_history import ALWAYS, history
from funding_platform_tests.examples import costly

Every = Literal["month", "step"]


def fitted_by_sklearn(window: pl.DataFrame) -> PCA:
    return PCA(n_components=3, svd_solver="full").fit(window.select(BUCKETS).to_numpy())


def assert_agrees(model: Row, window: pl.DataFrame) -> PCA:
    """Mean, variances and directions equal those of a fit from scratch."""
    peer = fitted_by_sklearn(window)
    assert model["n_strips"] == window.height
    mean = [model[f"mean_{name}"] for name in BUCKETS]
    np.testing.assert_allclose(mean, peer.mean_, rtol=1e-9, atol=1e-12)
    total = np.cov(window.select(BUCKETS).to_numpy().T).trace()
    np.testing.assert_allclose(model["total_variance"], total, rtol=1e-9)
    shares = np.array([model[f"{pc}_share"] for pc in PCA_COMPONENTS], dtype=float)
    np.testing.assert_allclose(np.sort(shares)[::-1], peer.explained_variance_ratio_, rtol=1e-9)
    ours = loadings(model)[np.argsort(-shares)]
    alike = np.abs(np.sum(ours * peer.components_, axis=1))
    np.testing.assert_allclose(alike, 1.0, rtol=0, atol=1e-9)
    return peer


def within(frame: pl.DataFrame, model: Row) -> pl.DataFrame:
    """The strips that the model's window holds."""
    return frame.filter(
        pl.col("as_of") > model["window_start"], pl.col("as_of") <= model["window_end"]
    )


def test_monthly_models_equal_refits() -> None:
    frame = strips()
    found = rolling_pca(frame)
    fitted = found.models.filter(status="fitted")
    assert fitted.group_by("scope").len().sort("scope")["len"].to_list() == [12, 4]
    for model in fitted.iter_rows(named=True):
        mine = within(frame, model)
        if model["scope"] == "instrument":
            mine = mine.filter(venue_symbol=model["venue_symbol"])
        assert_agrees(model, mine)


def test_scores_and_residuals_are_projections() -> None:
    frame = strips()
    found = rolling_pca(frame)
    models = {model["model_id"]: model for model in found.models.iter_rows(named=True)}
    rows = found.scores.join(frame, on=["venue", "venue_symbol", "as_of", "kind"])
    assert rows.height == found.scores.height > 1000
    for row in rows.sample(50, seed=3).iter_rows(named=True):
        model = models[row["model_id"]]
        apart = np.array([row[name] - model[f"mean_{name}"] for name in BUCKETS])
        vectors = loadings(model)
        np.testing.assert_allclose([row[pc] for pc in PCA_COMPONENTS], vectors @ apart, atol=1e-12)
        left = np.linalg.norm(apart - vectors.T @ (vectors @ apart))
        np.testing.assert_allclose(row["residual"], left, atol=1e-12)
        np.testing.assert_allclose(row["residual_share"], left**2 / (apart @ apart), atol=1e-9)


def test_every_step_equals_a_refit() -> None:
    frame = strips(days=130, symbols=("A",))
    models = rolling_pca(frame, every="step").models
    assert models.height == frame.height - PER_WINDOW + 1
    for model in models.gather_every(7).iter_rows(named=True):
        last = frame.filter(pl.col("as_of") <= model["window_end"]).tail(PER_WINDOW)
        assert_agrees(model, last)


@pytest.mark.parametrize("name", ["binance/BTCUSDT.csv", "hyperliquid/SOL.csv.gz"])
def test_every_step_of_a_real_history_equals_a_refit(shared_dir: Path, name: str) -> None:
    real_curves = build_curves(history(shared_dir / "data" / "funding" / name), ALWAYS)
    models = rolling_pca(real_curves, every="step").models
    usable = real_curves.filter(pl.col("usable"), kind="settled").sort("as_of")
    assert models.height == usable.height - PER_WINDOW + 1
    # Pieces of the history lie years apart: windows that span them are too thin to be fitted.
    fitted = models.filter(status="fitted")
    assert fitted.height > 50
    assert (models.filter(status="sparse")["coverage"] < 0.25).all()
    for model in fitted.gather_every(97).iter_rows(named=True):
        last = usable.filter(pl.col("as_of") <= model["window_end"]).tail(PER_WINDOW)
        assert_agrees(model, last)


def test_a_model_applies_after_its_window_and_when_it_is_known() -> None:
    frame = strips(days=100, symbols=("A",))
    found = rolling_pca(frame)
    (model,) = (
        found.models.filter(scope="instrument", status="fitted").tail(1).iter_rows(named=True)
    )
    scored = found.scores.filter(model_id=model["model_id"]).sort("as_of")
    assert model["window_end"] == datetime(2025, 4, 1, tzinfo=UTC)
    assert scored["as_of"][0] == model["window_end"] + TENOR
    assert model["available_at"] == model["window_end"] + timedelta(seconds=1)
    strip_known = scored["as_of"] + timedelta(seconds=1)
    assert (scored["available_at"] == strip_known).all()


def test_what_cannot_be_fitted_says_why() -> None:
    flat = curves(np.full((300, 8), 0.1), "FLAT")
    few = strips(days=15, symbols=("FEW",))
    line = curves(np.outer(np.random.default_rng(2).normal(size=300), np.ones(8)), "LINE")
    unusable = strips(days=100, symbols=("BAD",)).with_columns(usable=pl.lit(False))
    models = rolling_pca(pl.concat([flat, few, line, unusable])).models
    march = models.filter(scope="instrument", window_end=datetime(2025, 3, 1, tzinfo=UTC))
    status = dict(march.select("venue_symbol", "status").iter_rows())
    assert status == {"FLAT": "constant", "FEW": "sparse", "LINE": "fitted", "BAD": "sparse"}
    ((rank, deficient, second),) = (
        march.filter(venue_symbol="LINE").select("rank", "rank_deficient", "pc2_b0").iter_rows()
    )
    assert (rank, deficient, second) == (1, True, None)
    assert march.filter(venue_symbol="FLAT")["pc1_b0"].to_list() == [None]


def test_a_range_of_months_equals_month_after_month() -> None:
    frame = strips(days=200)
    whole = Window(datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC))
    at_once = rolling_pca(frame, whole)
    models: list[pl.DataFrame] = []
    scores: list[pl.DataFrame] = []
    for month in whole.months():
        before = pl.concat(models) if models else None
        found = rolling_pca(
            frame.filter(pl.col("as_of") < month.end, pl.col("as_of") > month.start - 91 * DAY),
            month,
            previous=before,
        )
        models.append(found.models)
        scores.append(found.scores)
    key = ["scope", "venue_symbol", "window_end"]
    assert_frame_equal(pl.concat(models).sort(key), at_once.models.sort(key), abs_tol=1e-9)
    key = ["venue_symbol", "as_of", "model_id"]
    assert_frame_equal(pl.concat(scores).sort(key), at_once.scores.sort(key), abs_tol=1e-9)


def test_the_order_of_rows_is_of_no_matter() -> None:
    frame = strips(days=120)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=4)
    ours, theirs = rolling_pca(frame), rolling_pca(shuffled)
    assert_frame_equal(ours.models, theirs.models)
    assert_frame_equal(ours.scores, theirs.scores)


PAST = strips(days=150, symbols=("A", "B"))
EVERY: tuple[Every, ...] = get_args(Every)
KNOWN = {every: rolling_pca(PAST, every=every) for every in EVERY}


@costly(15)
@given(
    at=st.integers(3 * 60, 3 * 149),
    every=st.sampled_from(EVERY),
    change=st.sampled_from(["drop", "shift", "unusable", "huge"]),
)
def test_the_future_changes_nothing_before_it(at: int, every: Every, change: str) -> None:
    now = START + at * TENOR
    future = pl.col("as_of") > now
    changed = {
        "drop": PAST.filter(~future),
        "shift": PAST.with_columns(
            pl.when(future).then(pl.col(name) * 3 + 1).otherwise(name).alias(name)
            for name in BUCKETS
        ),
        "unusable": PAST.with_columns(usable=~future),
        "huge": PAST.with_columns(pl.when(future).then(1e9).otherwise("b3").alias("b3")),
    }[change]
    window = Window(START, START + 151 * DAY)
    found = rolling_pca(changed, window, every=every)
    for before, after, time in (
        (KNOWN[every].models, found.models, "window_end"),
        (KNOWN[every].scores, found.scores, "as_of"),
    ):
        past = pl.col(time) <= now
        assert_frame_equal(before.filter(past), after.filter(past), check_exact=True)


@pytest.mark.parametrize("days", [0, -3])
def test_a_window_without_days_is_refused(days: int) -> None:
    with pytest.raises(CurveError, match="has no strips"):
        rolling_pca(strips(days=40, symbols=("A",)), days=days)


def test_nothing_to_fit_needs_a_window() -> None:
    with pytest.raises(CurveError, match="no curves"):
        rolling_pca(CURVE_SNAPSHOTS.empty())
    found = rolling_pca(CURVE_SNAPSHOTS.empty(), Window(START, START + DAY))
    assert (found.models.height, found.scores.height) == (0, 0)


def test_a_curve_given_twice_is_refused() -> None:
    frame = strips(days=40, symbols=("A",))
    with pytest.raises(CurveError, match="A"):
        rolling_pca(frame.vstack(frame.head(1)))


def test_ids_tell_scope_owner_and_month() -> None:
    models = rolling_pca(strips(days=40, symbols=("A",))).models
    months = ("2025-01", "2025-02")
    owners = ("instrument:okx:A", "venue:okx")
    expected = {f"{owner}:{month}" for owner, month in product(owners, months)}
    assert set(models["model_id"]) <= expected
    assert {"instrument:okx:A:2025-02", "venue:okx:2025-02"} <= set(models["model_id"])

"""Principal components of ln(1 + b), and which strips drive a component."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest

from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.tables.features.pca import PCA_COMPONENTS
from funding_platform.core.time_grid import Window
from funding_platform.curves import CurveError, driving_strips, rolling_pca
from funding_platform.curves.pca.inputs import Transform
from funding_platform.curves.pca.rolling import score_curves
from funding_platform_tests.curves.pca.strips import DAY, START, TENOR, curves, loadings, strips

WINDOW = Window(START, START + 100 * DAY)


def logs(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(BUCKETS).log1p())


def test_of_logs_the_fit_is_that_of_the_logs_of_the_buckets() -> None:
    given = strips(days=100, symbols=("A",))
    found = rolling_pca(given, WINDOW, transform="log1p")
    peer = rolling_pca(logs(given), WINDOW)
    assert set(found.models["transform"]) == {"log1p"}
    assert set(peer.models["transform"]) == {"yield"}
    named = ("model_id", "previous_model_id", "transform")
    assert found.models.drop(named).equals(peer.models.drop(named))
    assert found.scores.drop("model_id").equals(peer.scores.drop("model_id"))


def test_the_transform_is_in_the_name_of_the_model() -> None:
    given = strips(days=100, symbols=("A",))
    both = [rolling_pca(given, WINDOW, transform=one).models for one in get_args(Transform)]
    ids = pl.concat(both)["model_id"]
    assert ids.n_unique() == len(ids)
    assert {"instrument:okx:A:2025-03", "instrument:okx:A:2025-03:log1p"} <= set(ids)


def test_models_of_another_transform_are_neither_aligned_to_nor_applied() -> None:
    given = strips(days=150, symbols=("A",))
    later = Window(START + 90 * DAY, START + 150 * DAY)
    yields = rolling_pca(given, Window(START, later.start)).models
    apart = rolling_pca(given, later, transform="log1p", previous=yields)
    assert apart.models.equals(rolling_pca(given, later, transform="log1p").models)
    assert score_curves(given, yields, transform="log1p").is_empty()
    unnamed = yields.with_columns(pl.lit(None, pl.String).alias("transform"))  # of an older version
    assert score_curves(given, unnamed).height == score_curves(given, yields).height > 0


def test_there_is_no_other_transform() -> None:
    with pytest.raises(CurveError, match="no transform 'sqrt'"):
        rolling_pca(strips(days=40), transform="sqrt")  # type: ignore[arg-type]


def spiked() -> pl.DataFrame:
    """A hundred days of one instrument, and one settlement that compounds to 5,000 % a year."""
    return (
        strips(days=100, symbols=("A", "B"))
        .sort("venue_symbol", "as_of")
        .with_columns(
            pl.when((pl.col("venue_symbol") == "A") & (pl.col("as_of") == START + 100 * TENOR))
            .then(50.0)
            .otherwise("b0")
            .alias("b0")
        )
    )


def leading(model: pl.DataFrame) -> str:
    """The component with most of the variance: pc1 continues that of the model before."""
    row = model.row(0, named=True)
    return max(PCA_COMPONENTS, key=lambda pc: row[f"{pc}_share"] or 0.0)


def test_the_spike_that_drives_a_component_is_named() -> None:
    given = spiked()
    models = rolling_pca(given, WINDOW).models
    fitted = models.filter(status="fitted", scope="venue")
    newest = fitted.filter(pl.col("window_end") == pl.col("window_end").max())
    found = driving_strips(given, newest, component=leading(newest), top=3)
    assert found.height == 3
    first = found.row(0, named=True)
    assert (first["venue_symbol"], first["as_of"]) == ("A", START + 100 * TENOR)
    assert first["share"] > 0.9
    of_logs = rolling_pca(given, WINDOW, transform="log1p").models.filter(status="fitted")
    newest = of_logs.filter(scope="venue").filter(
        pl.col("window_end") == pl.col("window_end").max()
    )
    in_logs = driving_strips(given, newest, component=leading(newest), top=1)
    assert in_logs["share"].item() < first["share"] / 2


def test_shares_are_those_of_the_variance_of_the_component() -> None:
    given = strips(days=100, symbols=("A",))
    models = rolling_pca(given, WINDOW).models.filter(status="fitted", scope="instrument")
    (model,) = models.tail(1).to_dicts()
    inside = given.filter(
        pl.col("as_of") > model["window_start"], pl.col("as_of") <= model["window_end"]
    )
    values = inside.select(BUCKETS).to_numpy()
    score = (values - values.mean(axis=0)) @ loadings(model)[1]
    found = driving_strips(given, models.tail(1), component="pc2", top=len(score))
    assert found["share"].sum() == pytest.approx(1.0)
    assert found["cumulative_share"][-1] == pytest.approx(1.0)
    expected = np.sort(score**2 / (score**2).sum())[::-1]
    np.testing.assert_allclose(found["share"].to_numpy(), expected, rtol=1e-9)


def test_what_is_not_fitted_has_no_drivers() -> None:
    given = curves(np.zeros((300, 8)))
    models = rolling_pca(given, WINDOW).models
    assert driving_strips(given, models).is_empty()
    with pytest.raises(CurveError, match="no component 'pc9'"):
        driving_strips(given, models, component="pc9")


def as_pandas(frame: pl.DataFrame) -> Any:
    return frame.to_pandas()


def as_arrow(frame: pl.DataFrame) -> Any:
    return frame.to_arrow()


@pytest.mark.parametrize("library", [as_pandas, as_arrow])
def test_frames_of_other_libraries_give_the_same(library: Callable[[pl.DataFrame], Any]) -> None:
    given = strips(days=100, symbols=("A",))
    ours = rolling_pca(given, WINDOW)
    theirs = rolling_pca(library(given), WINDOW)
    assert ours.models.equals(theirs.models)
    assert ours.scores.equals(theirs.scores)
    late = Window(START + 90 * DAY, START + 100 * DAY)
    before = ours.models.filter(pl.col("window_end") < late.start)
    assert rolling_pca(given, late, previous=library(before)).models.equals(
        rolling_pca(given, late, previous=before).models
    )


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(CurveError, match=r"curves is a polars\.LazyFrame, not a frame"):
        rolling_pca(strips(days=40).lazy())  # type: ignore[arg-type]

"""Which strips a principal component is made of: the spikes that drive a model.

A component is the direction in which the strips of its window vary most, and a yield is compounded
over a year: a single settlement far out may be most of what varies. Then the model tells of that
settlement, not of the market.
"""

import numpy as np
import polars as pl

from funding_platform.core.frames import Frame, polars_frame
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_COMPONENTS, PCA_MODELS
from funding_platform.curves.errors import CurveError
from funding_platform.curves.pca.inputs import read_curves
from funding_platform.curves.pca.models import MEANS, loadings


def driving_strips(
    curves: Frame, models: Frame, *, component: str = "pc1", top: int = 10
) -> pl.DataFrame:
    """Find the strips that make up most of a component's variance, model by model.

    ``share = s^2 / sum(s^2)``, with ``s = (strip - mean) . loading`` over all strips that the model
    was fitted to: the share of the component's variance that is due to this strip.

    Parameters
    ----------
    curves
        ``features.curve_snapshots``, from the beginnings of the models' windows on.
    models
        Rows of ``features.pca_models``; those that are not fitted, or have no such component, are
        left out.
    component
        ``pc1``, ``pc2`` or ``pc3``.
    top
        How many strips of each model.

    Returns
    -------
    polars.DataFrame
        ``model_id``, ``venue``, ``venue_symbol`` and ``as_of`` of the strip, ``score`` (s, in the
        model's coordinates), ``share`` and ``cumulative_share`` (fractions), by model and share.

    Raises
    ------
    CurveError
        If there is no such component, or what is given is no frame.
    """
    if component not in PCA_COMPONENTS:
        raise CurveError(
            f"there is no component {component!r}", hint=f"there are {', '.join(PCA_COMPONENTS)}"
        )
    given = CURVE_SNAPSHOTS.typed(polars_frame("curves", curves, CurveError))
    typed = PCA_MODELS.typed(polars_frame("models", models, CurveError))
    fitted = PCA_MODELS.conform(typed).filter(pl.col("status") == "fitted")
    by_transform = fitted.with_columns(pl.col("transform").fill_null("yield")).partition_by(
        "transform", as_dict=True
    )
    found = [_EMPTY]
    for (transform, *_), of_one in by_transform.items():
        settled = read_curves(given, transform).usable.filter(kind="settled")
        found += [_drivers(settled, of_one[row], component, top) for row in range(of_one.height)]
    return pl.concat(found)


_EMPTY = pl.DataFrame(
    schema={
        "model_id": pl.String(),
        **{
            name: CURVE_SNAPSHOTS.polars_schema[name] for name in ("venue", "venue_symbol", "as_of")
        },
        **dict.fromkeys(("score", "share", "cumulative_share"), pl.Float64()),
    }
)


def _drivers(settled: pl.DataFrame, model: pl.DataFrame, component: str, top: int) -> pl.DataFrame:
    """Rank the strips of one model, those with the largest share first."""
    row = model.row(0, named=True)
    inside = (
        (pl.col("as_of") > row["window_start"])
        & (pl.col("as_of") <= row["window_end"])
        & (pl.col("venue") == row["venue"])
    )
    if row["venue_symbol"] is not None:
        inside &= pl.col("venue_symbol") == row["venue_symbol"]
    strips = settled.filter(inside)
    loading = loadings(model)[0, PCA_COMPONENTS.index(component)]
    if strips.is_empty() or not loading.any():
        return _EMPTY
    mean = np.array([row[name] for name in MEANS])
    score = (strips.select(BUCKETS).to_numpy() - mean) @ loading
    total = float(np.square(score).sum())
    if total == 0.0:
        return _EMPTY
    return (
        strips.select(
            pl.lit(row["model_id"]).alias("model_id"),
            *("venue", "venue_symbol", "as_of"),
            pl.Series("score", score),
            pl.Series("share", np.square(score) / total),
        )
        .sort("share", "venue_symbol", "as_of", descending=[True, False, False])
        .with_columns(pl.col("share").cum_sum().alias("cumulative_share"))
        .head(top)
    )

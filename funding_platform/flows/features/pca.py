"""Principal components of the stored curves: fitted once a month, applied to curves after that."""

from datetime import timedelta

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_COMPONENTS, PCA_MODELS, PCA_SCORES
from funding_platform.core.time_grid import Window
from funding_platform.curves.pca.rolling import WINDOW_DAYS, fit_models, score_curves
from funding_platform.flows.collection.listings import current_rows
from funding_platform.flows.features.computed import ComputedTable, Feed, Input, by_name
from funding_platform.lake.writer import Lake

PCA_LOOK_BACK = timedelta(days=WINDOW_DAYS)
"""How far before a fit its strips lie, and how long a model applies."""

_FITTED = Input(
    CURVE_SNAPSHOTS,
    "as_of",
    PCA_LOOK_BACK,
    feeds=(
        Feed(
            ("as_of", *BUCKETS, "usable"),
            tuple(
                column.name
                for column in PCA_MODELS.columns
                if column.name not in (*INSTRUMENT_KEY, "model_id", "scope", "transform")
            ),
        ),
        *by_name(*INSTRUMENT_KEY),
    ),
)
_SCORED = Input(
    CURVE_SNAPSHOTS,
    "as_of",
    feeds=(
        *by_name(*CURVE_SNAPSHOTS.key, "available_at"),
        Feed(BUCKETS, (*PCA_COMPONENTS, "residual", "residual_share")),
    ),
)
_APPLYING = Input(
    PCA_MODELS,
    "window_end",
    PCA_LOOK_BACK,
    feeds=(
        *by_name("model_id", "scope", "available_at"),
        Feed(
            tuple(f"{part}_{bucket}" for part in ("mean", *PCA_COMPONENTS) for bucket in BUCKETS),
            (*PCA_COMPONENTS, "residual", "residual_share"),
        ),
    ),
)


def _fit_models(lake: Lake, window: Window) -> pl.DataFrame:
    """Fit the models whose windows end in ``window``, of instruments and of venues.

    A fit is aligned to the models stored before it, so months are to be fitted in order; a range
    of months is.
    """
    curves = current_rows(lake, _FITTED.read(lake, window), "as_of")
    before = Window(window.start, window.start)
    models = _APPLYING.read(lake, before)
    return fit_models(curves, window, models, transform=lake.settings.pca_transform)


def _score_curves(lake: Lake, window: Window) -> pl.DataFrame:
    """Score the stored curves in the window by the stored models that apply to them."""
    curves = current_rows(lake, _SCORED.read(lake, window), "as_of")
    models = _APPLYING.read(lake, window)
    return score_curves(curves, models, transform=lake.settings.pca_transform)


MODELS = ComputedTable(
    PCA_MODELS, "PCA models", (_FITTED,), _fit_models, time="window_end", monthly=True
)

SCORES = ComputedTable(PCA_SCORES, "PCA scores", (_SCORED, _APPLYING), _score_curves)

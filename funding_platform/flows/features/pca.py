"""Principal components of the stored curves: fitted once a month, applied to what follows."""

from datetime import timedelta

import polars as pl

from funding_platform.core.tables.features import CURVE_SNAPSHOTS, PCA_MODELS, PCA_SCORES
from funding_platform.core.time_grid import Window
from funding_platform.curves.pca.rolling import WINDOW_DAYS, fit_models, score_curves
from funding_platform.flows.collection.listings import current_rows
from funding_platform.flows.features.computed import (
    Input,
    changed,
    read_window,
    replace_window,
    version_to_follow,
)
from funding_platform.flows.progress import step
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

PCA_LOOK_BACK = timedelta(days=WINDOW_DAYS)
"""How far before a fit its strips lie, and how long a model applies."""

_MODEL_INPUTS = (Input(CURVE_SNAPSHOTS, "as_of"),)
_SCORE_INPUTS = (Input(CURVE_SNAPSHOTS, "as_of"), Input(PCA_MODELS, "window_end"))


def update_pca_models(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Fit the models whose windows end in ``window``, of instruments and of venues.

    A fit is aligned to the models stored before it, so months are to be fitted in order; a range
    of months is.

    Returns
    -------
    polars.DataFrame
        The rows of ``features.pca_models`` whose windows end in the window.
    """
    with step("PCA models"), Lake(settings) as lake:
        return _refit(lake, window, run_id)


def follow_pca_models(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Fit them only if curves have changed that the first of them is made of.

    Returns
    -------
    polars.DataFrame
        As of ``update_pca_models``.
    """
    with step("PCA models"), Lake(settings) as lake:
        seen = Window(window.start - PCA_LOOK_BACK, window.end)
        if changed(lake, PCA_MODELS, _MODEL_INPUTS, seen).start > window.start:
            return read_window(lake, PCA_MODELS, window, time="window_end")
        return _refit(lake, window, run_id)


def update_pca_scores(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Score the stored curves in the window by the stored models that apply to them.

    Returns
    -------
    polars.DataFrame
        The rows of ``features.pca_scores`` in the window.
    """
    with step("PCA scores"), Lake(settings) as lake:
        return _rescore(lake, window, run_id)


def follow_pca_scores(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Score those curves of the window whose scores can have changed since the last time.

    Returns
    -------
    polars.DataFrame
        The rows scored.
    """
    with step("PCA scores"), Lake(settings) as lake:
        return _rescore(lake, changed(lake, PCA_SCORES, _SCORE_INPUTS, window), run_id)


def _refit(lake: Lake, window: Window, run_id: str) -> pl.DataFrame:
    version = version_to_follow(lake, window)
    start = window.start - PCA_LOOK_BACK
    curves = read_window(lake, CURVE_SNAPSHOTS, Window(start, window.end))
    curves = current_rows(lake, curves, "as_of")
    previous = read_window(lake, PCA_MODELS, Window(start, window.start), time="window_end")
    models = fit_models(curves, window, previous)
    replace_window(lake, PCA_MODELS, models, window, run_id, version, time="window_end")
    return models


def _rescore(lake: Lake, window: Window, run_id: str) -> pl.DataFrame:
    version = version_to_follow(lake, window)
    curves = current_rows(lake, read_window(lake, CURVE_SNAPSHOTS, window), "as_of")
    applying = Window(window.start - PCA_LOOK_BACK, window.end)
    models = read_window(lake, PCA_MODELS, applying, time="window_end")
    scores = score_curves(curves, models)
    replace_window(lake, PCA_SCORES, scores, window, run_id, version)
    return scores

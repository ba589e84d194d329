"""Strips in the coordinates of a model: rows of ``features.pca_scores``.

``pc_k = (strip - mean) . loading_k``, and what the components leave of ``strip - mean``.

A strip is scored by the newest fitted model of its instrument, and by that of its venue, whose
window ended strictly before the strip is seen, and no longer ago than the window is long. The row
is available when both strip and model are.
"""

import numpy as np
import polars as pl

from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_KEY
from funding_platform.core.tables.features.pca import PCA_COMPONENTS, PCA_SCORES
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.curves.pca.inputs import time_key
from funding_platform.curves.pca.models import MEANS, loadings

_OWNERS = {"instrument": INSTRUMENT_KEY, "venue": ("venue",)}


def score_rows(usable: pl.DataFrame, models: pl.DataFrame) -> pl.DataFrame:
    """Score strips with whichever models apply.

    Parameters
    ----------
    usable
        Rows of ``features.curve_snapshots`` of either kind, each with all eight buckets.
    models
        Rows of ``features.pca_models``; those that are not fitted apply to nothing.

    Returns
    -------
    polars.DataFrame
        ``features.pca_scores``, sorted by its key.
    """
    fitted = models.filter(pl.col("status") == "fitted")
    pieces = [
        _scored(usable, fitted.filter(pl.col("scope") == scope), owner)
        for scope, owner in _OWNERS.items()
    ]
    return pl.concat(pieces).sort(PCA_SCORES.key)


def _scored(usable: pl.DataFrame, models: pl.DataFrame, owner: tuple[str, ...]) -> pl.DataFrame:
    """Compute the scores by the models of one scope."""
    if models.is_empty():
        return PCA_SCORES.empty()
    models = models.sort(*owner, "window_end")
    numbers = models.select(owner).unique(maintain_order=True).with_row_index("owner")
    of_model = _numbers(models, numbers, owner)
    known = usable.join(numbers.select(owner), on=owner, how="semi")
    of_strip = _numbers(known, numbers, owner)
    as_of, end = (_us(frame, name) for frame, name in ((known, "as_of"), (models, "window_end")))
    at = np.searchsorted(time_key(of_model, end), time_key(of_strip, as_of), side="left") - 1
    length = end - _us(models, "window_start")
    applies = (at >= 0) & (of_model[at] == of_strip) & (as_of - end[at] <= length[at])
    strips, at = known.filter(pl.Series(applies)), at[applies]
    return _rows(strips, models, at)


def _rows(strips: pl.DataFrame, models: pl.DataFrame, at: Ints) -> pl.DataFrame:
    """Make a row per strip, scored by the model at each place."""
    vectors = loadings(models)
    values = np.column_stack([strips[name].to_numpy() for name in BUCKETS])
    apart = values - np.column_stack([models[name].to_numpy() for name in MEANS])[at]
    scores = np.einsum("nk,nck->nc", apart, vectors[at])
    left = apart - np.einsum("nc,nck->nk", scores, vectors[at])
    residual, distance = _length(left), _length(apart)
    with np.errstate(invalid="ignore"):
        share = np.minimum((residual / distance) ** 2, 1.0)
    there = np.asarray(vectors.any(axis=2))
    available = np.maximum(_us(strips, "available_at"), _us(models, "available_at")[at])
    return PCA_SCORES.conform(
        strips.select(CURVE_KEY).with_columns(
            models["scope"].gather(at),
            models["model_id"].gather(at),
            *(
                pl.Series(pc, np.where(there[at, k], scores[:, k], np.nan), nan_to_null=True)
                for k, pc in enumerate(PCA_COMPONENTS)
            ),
            pl.Series("residual", residual),
            pl.Series("residual_share", share, nan_to_null=True),
            pl.Series("available_at", available).cast(UTC_TIME),
        )
    )


def _numbers(frame: pl.DataFrame, numbers: pl.DataFrame, owner: tuple[str, ...]) -> Ints:
    """Return the number of each row's owner."""
    found = frame.select(owner).join(numbers, on=owner, how="left", maintain_order="left")
    return found["owner"].cast(pl.Int64).to_numpy()


def _us(frame: pl.DataFrame, name: str) -> Ints:
    """Read a column of times in microseconds since the epoch."""
    return frame[name].dt.epoch("us").to_numpy()


def _length(vectors: Floats) -> Floats:
    """Compute the Euclidean length, (n, 8) to (n,), scaled first so that no square overflows."""
    largest = np.abs(vectors).max(axis=1, initial=0.0)
    scale = np.where(largest > 0.0, largest, 1.0)
    length: Floats = largest * np.sqrt(np.square(vectors / scale[:, np.newaxis]).sum(axis=1))
    return length

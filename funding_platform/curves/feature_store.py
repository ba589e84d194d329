"""The feature store: the wide join of all features."""

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.curves import CURVE_KEY
from funding_platform.core.tables.features.pca import PCA_SCORES
from funding_platform.core.tables.features.store import (
    FACTOR_FEATURES,
    FEATURE_STORE,
    PCA_PREFIXES,
    features_of,
)
from funding_platform.curves.errors import CurveError


def build_features(
    curves: pl.DataFrame,
    factors: pl.DataFrame,
    scores: pl.DataFrame,
    instruments: pl.DataFrame,
) -> pl.DataFrame:
    """Put curves, their factors and their scores side by side.

    ``available_at`` is the latest of those of the parts. A curve without factors or without a
    model that applies to it has nulls there.

    Parameters
    ----------
    curves, factors, scores
        ``features.curve_snapshots``, ``curve_factors`` and ``pca_scores`` of the same span.
    instruments
        ``venue``, ``venue_symbol`` and ``base`` of ``core.instruments``.

    Returns
    -------
    polars.DataFrame
        ``features.feature_store``: one row per curve, sorted by its key.

    Raises
    ------
    CurveError
        If several models of one scope scored the same curve.
    """
    wide = curves.join(
        instruments.select(*INSTRUMENT_KEY, "base"), on=INSTRUMENT_KEY, how="left", validate="m:1"
    )
    parts = {
        "factors": factors.select(
            *CURVE_KEY, *(column.name for column in FACTOR_FEATURES), "available_at"
        ),
        **{scope: _scores_of(scores, scope) for scope in PCA_PREFIXES},
    }
    for name, part in parts.items():
        known = part.rename({"available_at": f"{name}_available_at"})
        wide = wide.join(known, on=CURVE_KEY, how="left")
    times = [f"{name}_available_at" for name in parts]
    return FEATURE_STORE.conform(
        wide.with_columns(available_at=pl.max_horizontal("available_at", *times)).sort(CURVE_KEY)
    )


def _scores_of(scores: pl.DataFrame, scope: str) -> pl.DataFrame:
    """Return the scores by models of one scope, under the names that they have in the store."""
    names = {
        column.name: f"{PCA_PREFIXES[scope]}_{column.name}" for column in features_of(PCA_SCORES)
    }
    found = scores.filter(scope=scope)
    repeated = found.filter(found.select(CURVE_KEY).is_duplicated())
    if repeated.height:
        venue, symbol, as_of, _ = repeated.select(CURVE_KEY).row(0)
        raise CurveError(
            f"{venue} {symbol} at {as_of:%Y-%m-%d %H:%M} UTC was scored by {repeated.height} rows "
            f"of {scope} models",
            hint="materialise features/pca_scores of that month again",
        )
    return found.select(*CURVE_KEY, "available_at", *names).rename(names)

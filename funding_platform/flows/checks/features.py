"""Are models and features sound? One plain function per question, as in ``flows.checks``."""

from dataclasses import replace

import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.core.tables.features.pca import PCA_MODELS
from funding_platform.curves import driving_strips
from funding_platform.flows.checks.answer import Answer, one_row

MIN_FITTED_SHARE = 0.5
"""Of the newest fits. More without a model means that history is short, or full of holes."""

TOLERATED_SHARE = 0.25
"""Of the newest models. Single instruments always misbehave: one that pays the default rate for
months has no second component, one that spikes has nothing but the spike."""

MAX_DRIFT_DEGREES = 30.0
"""A first component that turned further within a month is another one: its scores do not compare
with those before."""

MIN_EXPLAINED = 0.5
"""Of the variance, by three components. Three of eight equal directions would explain 37.5 %."""

SHOWN_MODELS = 10

FEW_STRIPS, DRIVEN_SHARE = 3, 0.5
"""A component of which so few strips make up more than so much of the variance is their picture."""

_DRIVEN = "{model_id} {together:.0%} by three, first {venue_symbol} at {as_of:%Y-%m-%d %H:%M}"

_NEWEST = """
WITH newest AS (
    SELECT * FROM features.pca_models
    QUALIFY window_end = max(window_end) OVER (PARTITION BY scope, venue, venue_symbol)
)
"""
_NO_MODEL = Answer(True, "no model was due yet")


def models_fitted(lake: DuckDBPyConnection) -> Answer:
    """Were at least half of the newest fits possible?"""
    due, fitted, coverage = one_row(
        lake,
        f"{_NEWEST} SELECT count(*), count(*) FILTER (status = 'fitted'), avg(coverage) "
        "FROM newest",
    )
    if not due:
        return _NO_MODEL
    return Answer(
        fitted >= MIN_FITTED_SHARE * due,
        f"{fitted} of {due} newest fits have a model; windows are {coverage:.0%} covered",
        {"due": due, "fitted": fitted, "mean_coverage": round(coverage, 4)},
    )


def models_full_rank(lake: DuckDBPyConnection) -> Answer:
    """Do the strips of most newest models span all eight buckets?"""
    return _few_among_newest(lake, "rank_deficient", "are rank deficient")


def models_steady(lake: DuckDBPyConnection) -> Answer:
    """Has the first component of most newest models turned by at most 30 degrees?"""
    what = f"have turned by over {MAX_DRIFT_DEGREES:.0f} degrees"
    return _few_among_newest(lake, f"pc1_drift_degrees > {MAX_DRIFT_DEGREES}", what)


def models_explain(lake: DuckDBPyConnection) -> Answer:
    """Do three components of most newest models explain half of the variance?

    What they explain may be a few spikes: where some strips are most of a venue's first component,
    they are named.
    """
    explained = "pc1_share + coalesce(pc2_share, 0) + coalesce(pc3_share, 0)"
    what = f"explain less than {MIN_EXPLAINED:.0%}"
    answer = _few_among_newest(lake, f"{explained} < {MIN_EXPLAINED}", what)
    drivers = _spikes(lake)
    if drivers.is_empty():
        return answer
    named = "; ".join(_DRIVEN.format(**row) for row in drivers.head(SHOWN_MODELS).to_dicts())
    figures = {**answer.figures, "driven_by_spikes": drivers["model_id"].n_unique()}
    return replace(answer, verdict=f"{answer.verdict}. Spikes: {named}", figures=figures)


def every_curve_has_features(lake: DuckDBPyConnection) -> Answer:
    """Has every curve its row in the feature store, known no earlier than the curve?"""
    curves, absent, early = one_row(
        lake,
        """
        SELECT count(*), count(*) FILTER (f.as_of IS NULL),
            count(*) FILTER (f.available_at < c.available_at)
        FROM features.curve_snapshots AS c
        LEFT JOIN features.feature_store AS f USING (venue, venue_symbol, as_of, kind)
        """,
    )
    return Answer(
        absent == 0 and early == 0,
        f"of {curves} curves {absent} have no features, {early} have them too early",
        {"curves": curves, "absent": absent, "early": early},
    )


def _spikes(lake: DuckDBPyConnection) -> pl.DataFrame:
    """Find the strip with most say in each venue's newest first component, if few have most."""
    venues = f"{_NEWEST} SELECT * FROM newest WHERE scope = 'venue' AND status = 'fitted'"
    models = PCA_MODELS.typed(lake.execute(venues).pl())
    curves = lake.execute(
        "FROM features.curve_snapshots WHERE kind = 'settled' AND usable AND as_of > ?",
        [models["window_start"].min()],
    ).pl()
    if models.is_empty() or curves.is_empty():
        return models.clear()
    strips = driving_strips(curves, models, top=FEW_STRIPS)
    together = pl.col("share").sum().over("model_id")
    driven = strips.with_columns(together.alias("together")).filter(
        pl.col("together") > DRIVEN_SHARE
    )
    return driven.unique("model_id", keep="first", maintain_order=True)


def _few_among_newest(lake: DuckDBPyConnection, condition: str, what: str) -> Answer:
    fitted, named = one_row(
        lake,
        f"{_NEWEST} SELECT count(*), list(model_id ORDER BY model_id) FILTER ({condition}) "
        "FROM newest WHERE status = 'fitted'",
    )
    if not fitted:
        return _NO_MODEL
    bad = named or []
    listed = f": {', '.join(bad[:SHOWN_MODELS])}" if bad else ""
    return Answer(
        len(bad) <= TOLERATED_SHARE * fitted,
        f"{len(bad)} of {fitted} newest models {what}{listed}",
        {"models": fitted, "flagged": len(bad)},
    )

"""Rolling principal components of funding curves: fitted to the past, applied to what follows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import polars as pl

from funding_platform.core.frames import Frame, polars_frame
from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_MODELS
from funding_platform.core.time_grid import MICROSECOND, Window, month_start
from funding_platform.core.units import TENOR_HOURS
from funding_platform.curves.errors import CurveError
from funding_platform.curves.pca.inputs import PcaInput, Transform, read_curves
from funding_platform.curves.pca.models import Owners, model_rows, of_transform
from funding_platform.curves.pca.scores import score_rows
from funding_platform.curves.pca.windows import instrument_fits, step_fits, venue_fits

WINDOW_DAYS: Final = 90
"""Length of a fit: 270 strips, three a day."""

_TENORS_PER_DAY = 24 // TENOR_HOURS


@dataclass(frozen=True, slots=True)
class RollingPca:
    """``features.pca_models`` and ``features.pca_scores``."""

    models: pl.DataFrame
    scores: pl.DataFrame


def rolling_pca(
    curves: Frame,
    window: Window | None = None,
    *,
    previous: Frame | None = None,
    days: int = WINDOW_DAYS,
    every: Literal["month", "step"] = "month",
    transform: Transform = "yield",
) -> RollingPca:
    """Fit models to trailing windows and score what comes after each.

    ``scatter / (n - 1) = V diag(variance) V'``, the three largest kept; see ``pca_alignment`` for
    their order and signs, ``pca_windows`` for what is enough to fit.

    A model is fitted to settled, usable strips seen within ``(end - days, end]``. It applies to
    usable strips of either kind seen after ``end``, until the next model of its scope, and no
    longer than its window was. Nothing after an instant has a say in a model or a score of that
    instant or before.

    Parameters
    ----------
    curves
        ``features.curve_snapshots``, from ``days`` before the window on, in any order; a frame of
        Polars, pandas or Arrow.
    window
        Half-open: models whose windows end in it, scores of strips seen in it. All that the curves
        span if left out.
    previous
        ``features.pca_models`` from before the window, to align to and to score its first strips
        with. Without it alignment begins anew.
    days
        Length of a fit.
    every
        ``month``: one fit per instrument and one per venue at the first instant of each month.
        ``step``: one fit per instrument at each settled strip, to the last ``3 * days`` strips;
        ids then end in the hour.
    transform
        ``yield``: of the buckets as they are, where one spike may be all the variance there is.
        ``log1p``: of ``ln(1 + b)``. A model is aligned to, and scores, those of its own transform.

    Returns
    -------
    RollingPca
        ``models`` sorted by scope, venue, symbol and window; ``scores`` by its key.

    Raises
    ------
    CurveError
        If two curves share a key, ``days`` is not positive, there is no such transform, or what
        is given is no frame.
    """
    given = CURVE_SNAPSHOTS.typed(polars_frame("curves", curves, CurveError))
    strips = read_curves(given, transform)
    window = window or _span(given)
    before = _models("previous", PCA_MODELS.empty() if previous is None else previous, transform)
    before = before.filter(pl.col("window_end") < window.start)
    models = _fitted(strips, window, before, days, every, transform)
    seen = strips.usable.filter(_within("as_of", window))
    return RollingPca(models, score_rows(seen, pl.concat([before, models])))


def fit_models(
    curves: pl.DataFrame,
    window: Window,
    previous: pl.DataFrame,
    *,
    days: int = WINDOW_DAYS,
    transform: Transform = "yield",
) -> pl.DataFrame:
    """Fit the ``models`` of `rolling_pca` by month, without scores."""
    strips = read_curves(curves, transform)
    before = _models("previous", previous, transform)
    return _fitted(strips, window, before, days, "month", transform)


def score_curves(
    curves: pl.DataFrame, models: pl.DataFrame, *, transform: Transform = "yield"
) -> pl.DataFrame:
    """Compute the ``scores`` of `rolling_pca` for all usable curves, by models fitted before.

    Parameters
    ----------
    curves
        ``features.curve_snapshots``.
    models
        ``features.pca_models``; those whose window ended too long before a strip do not apply.
    """
    strips = read_curves(curves, transform)
    return score_rows(strips.usable, _models("models", models, transform))


def _models(name: str, given: Frame, transform: Transform) -> pl.DataFrame:
    """Keep the models of a transform: no other compares with them, nor applies to the strips."""
    models = polars_frame(name, given, CurveError)
    return PCA_MODELS.conform(PCA_MODELS.typed(models)).filter(of_transform(transform))


def _fitted(
    strips: PcaInput,
    window: Window,
    previous: pl.DataFrame,
    days: int,
    every: str,
    transform: Transform,
) -> pl.DataFrame:
    """Fit the models whose windows end in ``window``."""
    if days < 1:
        raise CurveError(
            f"a PCA over {days} days has no strips", hint=f"days is {WINDOW_DAYS} by default"
        )
    if every == "step":
        owners = Owners("instrument", strips.instruments, "%Y-%m-%dT%H", transform)
        return model_rows(step_fits(strips, window, days * _TENORS_PER_DAY), owners, previous)
    names = strips.instruments.with_columns(
        pl.col("venue").rle_id().cast(pl.Int64).alias("venue_number")
    )
    fits = instrument_fits(strips, _month_starts(window), timedelta(days=days))
    pooled = venue_fits(fits, names["venue_number"].to_numpy())
    venues = names.select("venue", pl.lit(None, pl.String).alias("venue_symbol")).unique(
        "venue", maintain_order=True
    )
    return pl.concat(
        [
            model_rows(
                fits, Owners("instrument", strips.instruments, "%Y-%m", transform), previous
            ),
            model_rows(pooled, Owners("venue", venues, "%Y-%m", transform), previous),
        ]
    )


def _month_starts(window: Window) -> list[datetime]:
    """List the first instants of months that lie in the window."""
    return [month.start for month in window.months() if month.start in window]


def _span(curves: pl.DataFrame) -> Window:
    """Return the window from the month of the first curve to just after the last."""
    if curves.is_empty():
        raise CurveError("there are no curves to fit", hint="pass a window to allow for none")
    first, last = curves["as_of"].min(), curves["as_of"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    return Window(month_start(first), last + MICROSECOND)


def _within(column: str, window: Window) -> pl.Expr:
    return pl.col(column).is_between(window.start, window.end, closed="left")

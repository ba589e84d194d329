"""The feature store: the wide join of all features, and what was known of it at a time.

``build_features`` builds the table from its parts; ``get_features`` reads it as of an instant.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.feature_store import (
    FACTOR_FEATURES,
    FEATURE_STORE,
    PCA_PREFIXES,
    features_of,
)
from funding_platform.core.tables.features import CURVE_KEY
from funding_platform.core.tables.pca import PCA_SCORES
from funding_platform.curves.errors import CurveError

MAX_AGE: Final = timedelta(days=1)
"""How old the newest features of an instrument may be: three windows, after which it is silent."""


def build_features(
    curves: pl.DataFrame,
    factors: pl.DataFrame,
    scores: pl.DataFrame,
    instruments: pl.DataFrame,
) -> pl.DataFrame:
    """Curves, their factors and their scores side by side.

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


def get_features(
    as_of: datetime,
    instruments: Iterable[tuple[str, str]] | None,
    connection: duckdb.DuckDBPyConnection,
    *,
    kind: str = "settled",
    max_age: timedelta = MAX_AGE,
) -> pl.DataFrame:
    """What was known of instruments at an instant: of each the newest row available by then.

    Rows of the feature store with ``available_at <= as_of`` and ``as_of - max_age < row.as_of``;
    of each instrument the one seen from last. A correction that arrived later is in the table all
    the same: to have the table as it stood, open the lake with ``connect(as_of=...)``.

    Parameters
    ----------
    as_of
        An instant with a time zone.
    instruments
        Pairs of venue and venue symbol; None for all that have features.
    connection
        A connection whose default database has ``features.feature_store``: the lake, or the
        published file.
    kind
        ``settled`` or ``live``.
    max_age
        How long an instrument's last row speaks for it.

    Returns
    -------
    polars.DataFrame
        Columns of ``features.feature_store``, sorted by venue and symbol. An instrument that was
        asked for and has no such row has nulls in all columns but these two.

    Raises
    ------
    CurveError
        If ``as_of`` has no time zone, or there is no such kind.
    """
    if as_of.tzinfo is None:
        raise CurveError(f"as_of {as_of} has no time zone", hint="give it one, e.g. tzinfo=UTC")
    kinds = FEATURE_STORE.column("kind").values
    if kind not in kinds:
        raise CurveError(f"there are no {kind!r} curves", hint=f"there are {', '.join(kinds)}")
    wanted = None if instruments is None else sorted(set(instruments))
    if wanted == []:
        return FEATURE_STORE.empty()
    known = connection.execute(
        f"SELECT * FROM {FEATURE_STORE.full_name} "
        "WHERE kind = $kind AND available_at <= $now AND as_of > $oldest AND as_of <= $now "
        "AND ($venues IS NULL OR list_contains($venues, venue)) "
        "AND ($symbols IS NULL OR list_contains($symbols, venue_symbol)) "
        "QUALIFY row_number() OVER (PARTITION BY venue, venue_symbol ORDER BY as_of DESC) = 1 "
        "ORDER BY venue, venue_symbol",
        {
            "kind": kind,
            "now": as_of,
            "oldest": as_of - max_age,
            "venues": None if wanted is None else [venue for venue, _ in wanted],
            "symbols": None if wanted is None else [symbol for _, symbol in wanted],
        },
    ).pl()
    known = FEATURE_STORE.typed(FEATURE_STORE.conform(known))
    if wanted is None:
        return known
    asked = pl.DataFrame(wanted, schema=dict.fromkeys(INSTRUMENT_KEY, pl.String()), orient="row")
    return FEATURE_STORE.conform(asked.join(known, on=INSTRUMENT_KEY, how="left"))


def _scores_of(scores: pl.DataFrame, scope: str) -> pl.DataFrame:
    """The scores by models of one scope, under the names that they have in the store."""
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

"""How funding behaved, as the marts have it, and how well venues predict their own."""

from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY, real_column, time_column
from funding_platform.core.tables.live import PREDICTION_ACCURACY
from funding_platform.core.tables.marts.latest import LATEST_FUNDING_RATES
from funding_platform.core.tables.marts.statistics import (
    FUNDING_RATE_CORRELATIONS,
    FUNDING_RATE_STATS,
)
from funding_platform.core.tables.schema import Column, Type, schema_of
from funding_platform.flows.errors import NothingStoredError
from funding_platform.flows.queries.connection import LISTED_HINT, answer, require_built

LEADS: Final = (1, 4, 8)
"""Hours before a settlement at which predictions are measured."""

_MEASURED: Final = ("settlements", "mean_error_bps", "mean_absolute_error_bps", "correlation")

PREDICTION: Final = (
    *(
        LATEST_FUNDING_RATES.column(name)
        for name in (*INSTRUMENT_KEY, "predicted_rate", "predicted_interval_hours")
    ),
    *(
        LATEST_FUNDING_RATES.column(name)
        for name in ("predicted_rate_8h", "predicted_apr", "next_funding_time", "observed_at")
    ),
    Column("method", Type.TEXT, "Whose prediction it is: venue.", values=("venue",)),
    *(
        Column(
            f"lead_{lead}h_{name}",
            of.type,
            f"Of all the venue's predictions {lead} hours ahead, in 30 days: {of.description}",
            of.unit,
        )
        for lead in LEADS
        for name in _MEASURED
        for of in [PREDICTION_ACCURACY.column(name)]
    ),
    time_column("measured_until", "The newest settlement that a prediction was held against."),
    real_column(
        "low_8h",
        "predicted_rate_8h less the mean absolute error 8 hours ahead, scaled to 8 hours: where "
        "the settled rate often lies, not a bound.",
        "fraction of notional per 8 hours",
    ),
    real_column("high_8h", "The same, with the error added.", "fraction of notional per 8 hours"),
)
"""What ``predicted_with_accuracy`` returns."""

_STATS: Final = f"""
FROM {FUNDING_RATE_STATS.full_name}
WHERE base = $base AND coalesce(venue = $venue, true) AND coalesce(period = $period, true)
ORDER BY venue, venue_symbol, period
"""
_ALIKE: Final = f"""
FROM {FUNDING_RATE_CORRELATIONS.full_name}
WHERE coalesce(base = $base, true) AND coalesce(period = $period, true)
    AND coalesce($venue IN (venue_1, venue_2), true)
ORDER BY ALL LIMIT $limit
"""
_ACCURACY: Final = f"FROM {PREDICTION_ACCURACY.full_name} WHERE venue = $venue ORDER BY lead_hours"


def rate_statistics(
    connection: duckdb.DuckDBPyConnection,
    base: str,
    *,
    venue: str | None = None,
    period: str | None = None,
) -> pl.DataFrame:
    """Read how the settled rates of a base's instruments were distributed.

    Returns
    -------
    polars.DataFrame
        Rows of ``marts.funding_rate_stats``.

    Raises
    ------
    NotBuiltError
        If the marts have not been built yet.
    NothingStoredError
        If no instrument of the base has settled.
    """
    require_built(connection, FUNDING_RATE_STATS)
    asked = {"base": base, "venue": venue, "period": period}
    found = answer(connection, FUNDING_RATE_STATS.polars_schema, _STATS, asked)
    if found.is_empty():
        where = f" on {venue}" if venue else ""
        raise NothingStoredError(
            f"base: no statistics of {base}{where} are stored",
            hint=LISTED_HINT,
        )
    return found


def rate_correlations(
    connection: duckdb.DuckDBPyConnection,
    *,
    base: str | None = None,
    venue: str | None = None,
    period: str | None = None,
    limit: int = 10_000,
) -> pl.DataFrame:
    """Read how alike the funding of two venues moved.

    Parameters
    ----------
    venue
        Either of the two.

    Returns
    -------
    polars.DataFrame
        Rows of ``marts.funding_rate_correlations``.

    Raises
    ------
    NotBuiltError
        If the marts have not been built yet.
    """
    require_built(connection, FUNDING_RATE_CORRELATIONS)
    asked = {"base": base, "venue": venue, "period": period, "limit": limit}
    return answer(connection, FUNDING_RATE_CORRELATIONS.polars_schema, _ALIKE, asked)


def predicted_with_accuracy(
    connection: duckdb.DuckDBPyConnection, rates: pl.DataFrame
) -> pl.DataFrame:
    """Set beside what a venue predicts how near its predictions have come.

    Parameters
    ----------
    rates
        Rows of ``market.CURRENT_RATES``, all of one venue.

    Returns
    -------
    polars.DataFrame
        ``PREDICTION``; what was never measured is null.

    Raises
    ------
    NotBuiltError
        If the marts have not been built yet.
    """
    require_built(connection, PREDICTION_ACCURACY)
    asked = {"venue": rates["venue"].first()}
    told = answer(connection, PREDICTION_ACCURACY.polars_schema, _ACCURACY, asked)
    by_lead = {row["lead_hours"]: row for row in told.iter_rows(named=True)}
    measured = {
        f"lead_{lead}h_{name}": by_lead.get(lead, {}).get(name)
        for lead in LEADS
        for name in _MEASURED
    }
    error = pl.col("lead_8h_mean_absolute_error_bps") / 1e4 * 8 / pl.col("predicted_interval_hours")
    schema = schema_of(PREDICTION)
    return (
        rates.with_columns(
            pl.lit("venue").alias("method"),
            *(pl.lit(value, dtype=schema[name]).alias(name) for name, value in measured.items()),
            pl.lit(told["as_of"].max(), dtype=schema["measured_until"]).alias("measured_until"),
        )
        .with_columns(
            (pl.col("predicted_rate_8h") - error).alias("low_8h"),
            (pl.col("predicted_rate_8h") + error).alias("high_8h"),
        )
        .select(schema.names())
        .cast(schema)
    )

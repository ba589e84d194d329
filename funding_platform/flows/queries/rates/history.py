"""The past of one instrument, page by page: settlements, buckets of a common clock, candles.

A page begins after an instant, not at an offset: what is stored meanwhile shifts nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import duckdb
import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import (
    INSTRUMENT_KEY,
    PER_8H,
    PER_YEAR,
    real_column,
    time_column,
)
from funding_platform.core.tables.marts.statistics import FUNDING_RATES_RESAMPLED
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.tables.schema import Column, Table, Type, schema_of
from funding_platform.core.units import apr, rate_8h
from funding_platform.core.validation_errors import did_you_mean
from funding_platform.flows.errors import NothingStoredError
from funding_platform.flows.queries.connection import LISTED_HINT, answer, require_built

RESOLUTIONS: Final[Mapping[str, int]] = {"1h": 1, "4h": 4, "8h": 8, "1d": 24}
"""Lengths of buckets in hours, by the words of whoever asks."""

SETTLED: Final = (
    *(
        FUNDING_RATES.column(name)
        for name in (*INSTRUMENT_KEY, "funding_time", "funding_rate", "interval_hours")
    ),
    FUNDING_RATES.column("interval_inferred"),
    real_column("rate_8h", "funding_rate scaled to 8 hours.", PER_8H),
    real_column("apr", "funding_rate annualised, simple.", PER_YEAR),
    FUNDING_RATES.column("mark_price"),
)
"""What ``settled_rates`` returns."""

RESAMPLED: Final = FUNDING_RATES_RESAMPLED.columns
"""What ``resampled_rates`` returns."""

SUMMARY: Final = (
    *(FUNDING_RATES.column(name) for name in INSTRUMENT_KEY),
    Column("settlements", Type.INTEGER, "Settlements in the window.", nullable=False),
    Column(
        "unscaled",
        Type.INTEGER,
        "Those of unknown interval, which no figure per 8 hours or per year counts.",
        nullable=False,
    ),
    real_column(
        "funding_paid",
        "Sum of the settled rates: what a long has paid.",
        "fraction of notional, positive = longs paid shorts",
    ),
    real_column("mean_8h", "Mean of the settled rates.", PER_8H),
    real_column("median_8h", "Median of the settled rates.", PER_8H),
    real_column("sigma_8h", "Sample standard deviation of them; null for one.", PER_8H),
    real_column("min_8h", "Lowest.", PER_8H),
    real_column("max_8h", "Highest.", PER_8H),
    real_column(
        "mean_apr", "Sum of funding_rate over sum of interval_hours, annualised.", PER_YEAR
    ),
    real_column("share_positive", "Settlements at which longs paid.", "fraction"),
    time_column("first_funding_time", "First settlement of the window."),
    time_column("last_funding_time", "Last settlement of the window."),
)
"""What ``rate_summary`` returns."""

_OF_ONE: Final = "venue = $venue AND venue_symbol = $symbol"
_SPAN: Final = "{time} >= $start AND {time} < $end AND coalesce({time} > $after, true)"
_RESAMPLED: Final = f"""
FROM {FUNDING_RATES_RESAMPLED.full_name}
WHERE {_OF_ONE} AND resolution_hours = $hours
    -- A bucket has its end: one that ends at the start of the window lies before it.
    AND bucket_end > $start AND bucket_end <= $end AND coalesce(bucket_end > $after, true)
ORDER BY bucket_end LIMIT $limit
"""
_SUMMARY: Final = f"""
SELECT $venue AS venue, $symbol AS venue_symbol, count(*) AS settlements,
    count(*) FILTER (interval_hours IS NULL) AS unscaled, sum(funding_rate) AS funding_paid,
    avg(r) AS mean_8h, median(r) AS median_8h, stddev_samp(r) AS sigma_8h, min(r) AS min_8h,
    max(r) AS max_8h,
    sum(funding_rate) FILTER (interval_hours IS NOT NULL) / nullif(sum(interval_hours), 0) * 8760
        AS mean_apr,
    avg((funding_rate > 0)::DOUBLE) AS share_positive,
    min(funding_time) AS first_funding_time, max(funding_time) AS last_funding_time
FROM (
    SELECT *, funding_rate * 8 / interval_hours AS r FROM {FUNDING_RATES.full_name}
    WHERE {_OF_ONE} AND funding_time >= $start AND funding_time < $end
)
"""
_KNOWN: Final = f"""
SELECT DISTINCT venue, venue_symbol FROM core.instruments WHERE venue = $venue
UNION SELECT DISTINCT venue, venue_symbol FROM {FUNDING_RATES.full_name} WHERE {_OF_ONE}
"""


def require_instrument(connection: duckdb.DuckDBPyConnection, venue: str, symbol: str) -> None:
    """See that something of an instrument is stored.

    Raises
    ------
    NothingStoredError
        If it was never listed and has no settlement; names those that it may have been.
    """
    schema = pl.Schema(dict.fromkeys(INSTRUMENT_KEY, pl.String()))
    known = answer(connection, schema, _KNOWN, {"venue": venue, "symbol": symbol})
    symbols = known["venue_symbol"].to_list()
    if symbol not in symbols:
        raise NothingStoredError(
            f"symbol: nothing of {venue} {symbol} is stored{did_you_mean(symbol, symbols)}",
            hint=LISTED_HINT,
        )


def settled_rates(
    connection: duckdb.DuckDBPyConnection,
    venue: str,
    symbol: str,
    start: datetime,
    end: datetime,
    *,
    after: datetime | None = None,
    limit: int = 10_000,
) -> pl.DataFrame:
    """Read the settlements of an instrument in ``[start, end)``, the oldest first.

    Parameters
    ----------
    after
        Only those after this instant: the last one of the page before.
    limit
        Rows at most.

    Returns
    -------
    polars.DataFrame
        ``SETTLED``.
    """
    found = _page(
        connection, FUNDING_RATES, "funding_time", venue, symbol, start, end, after, limit
    )
    rate, hours = pl.col("funding_rate"), pl.col("interval_hours")
    return found.with_columns(
        rate_8h(rate, hours).alias("rate_8h"), apr(rate, hours).alias("apr")
    ).select(schema_of(SETTLED).names())


def resampled_rates(
    connection: duckdb.DuckDBPyConnection,
    venue: str,
    symbol: str,
    interval: str,
    start: datetime,
    end: datetime,
    *,
    after: datetime | None = None,
    limit: int = 10_000,
) -> pl.DataFrame:
    """Read an instrument's funding in buckets of one length, the oldest first.

    A settlement is shared out over the hours that it pays for, so that buckets of any length add up
    to the settlements: an 8-hour rate is an eighth of it in each of eight hours, not eight times.

    Parameters
    ----------
    interval
        A key of ``RESOLUTIONS``.
    start, end
        Buckets that end in ``(start, end]``.
    after, limit
        As for ``settled_rates``.

    Returns
    -------
    polars.DataFrame
        ``RESAMPLED``: rows of ``marts.funding_rates_resampled``.

    Raises
    ------
    NotBuiltError
        If the marts have not been built yet.
    """
    require_built(connection, FUNDING_RATES_RESAMPLED)
    asked = _asked(venue, symbol, start, end, after, limit) | {"hours": RESOLUTIONS[interval]}
    return answer(connection, FUNDING_RATES_RESAMPLED.polars_schema, _RESAMPLED, asked)


def rate_summary(
    connection: duckdb.DuckDBPyConnection, venue: str, symbol: str, start: datetime, end: datetime
) -> pl.DataFrame:
    """Say how an instrument's settled rates in ``[start, end)`` were distributed.

    Returns
    -------
    polars.DataFrame
        ``SUMMARY``: one row; its figures are null where nothing was settled.
    """
    asked = {"venue": venue, "symbol": symbol, "start": start, "end": end}
    return answer(connection, schema_of(SUMMARY), _SUMMARY, asked)


def candles(
    connection: duckdb.DuckDBPyConnection,
    venue: str,
    symbol: str,
    kind: str,
    start: datetime,
    end: datetime,
    *,
    after: datetime | None = None,
    limit: int = 10_000,
) -> pl.DataFrame:
    """Read an instrument's hourly bars of one kind that open in ``[start, end)``, oldest first.

    Returns
    -------
    polars.DataFrame
        Rows of ``core.price_candles``.
    """
    return _page(
        connection, PRICE_CANDLES, "open_time", venue, symbol, start, end, after, limit, kind
    )


def _page(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    time: str,
    venue: str,
    symbol: str,
    start: datetime,
    end: datetime,
    after: datetime | None,
    limit: int,
    kind: str | None = None,
) -> pl.DataFrame:
    of_kind = "" if kind is None else " AND kind = $kind"
    sql = (
        f"FROM {table.full_name} WHERE {_OF_ONE}{of_kind} AND {_SPAN.format(time=time)} "
        f"ORDER BY {time} LIMIT $limit"
    )
    asked = _asked(venue, symbol, start, end, after, limit)
    return answer(
        connection, table.polars_schema, sql, asked if kind is None else {**asked, "kind": kind}
    )


def _asked(
    venue: str, symbol: str, start: datetime, end: datetime, after: datetime | None, limit: int
) -> dict[str, Any]:
    return {
        "venue": venue,
        "symbol": symbol,
        "start": start,
        "end": end,
        "after": after,
        "limit": limit,
    }

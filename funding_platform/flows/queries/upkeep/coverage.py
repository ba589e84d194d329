"""How complete the history is, in numbers; ``gaps`` says what is missing by name."""

from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.marts.latest import COVERAGE
from funding_platform.flows.queries.connection import answer, require_built

SCHEMA: Final = pl.Schema(
    {
        "venue": pl.String(),
        "month": pl.String(),
        "instruments": pl.Int64(),
        "present": pl.Int64(),
        "expected": pl.Int64(),
        "coverage": pl.Float64(),
    }
)

_BY_MONTH: Final = """
SELECT venue, strftime(month, '%Y-%m') AS month, count(*) AS instruments,
       sum(present)::BIGINT AS present, sum(expected)::BIGINT AS expected,
       sum(present) / nullif(sum(expected), 0) AS coverage
FROM marts.coverage WHERE coalesce(venue = $venue, true) GROUP BY ALL ORDER BY ALL
"""


def coverage_by_month(
    connection: duckdb.DuckDBPyConnection, *, venue: str | None = None
) -> pl.DataFrame:
    """Count settlements present and expected, by venue and month.

    Returns
    -------
    polars.DataFrame
        ``SCHEMA``: ``month`` as ``2025-03``; ``coverage`` is present over expected, null where
        nothing was expected.

    Raises
    ------
    NotBuiltError
        If ``marts.coverage`` has not been built yet.
    """
    require_built(connection, COVERAGE)
    return answer(connection, SCHEMA, _BY_MONTH, {"venue": venue})

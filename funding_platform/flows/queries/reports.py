"""What people ask the lake for by name: coverage and curves."""

import polars as pl

from funding_platform.core.tables.marts import BUILD_MARTS, COVERAGE
from funding_platform.flows.errors import FlowError
from funding_platform.flows.queries.gaps import gaps_by_name
from funding_platform.lake.connection import connect, has_table
from funding_platform.settings import Settings

_COVERAGE = """
SELECT venue, strftime(month, '%Y-%m') AS month, count(*) AS instruments,
       sum(present)::BIGINT AS present, sum(expected)::BIGINT AS expected,
       sum(present) / nullif(sum(expected), 0) AS coverage
FROM marts.coverage WHERE coalesce(venue = $venue, true) GROUP BY ALL ORDER BY ALL
"""
_CURVES = """
SELECT c.* FROM features.curve_snapshots AS c
JOIN core.instruments AS i USING (venue, venue_symbol)
WHERE i.base = $base AND c.usable AND c.as_of <= now() AND coalesce(c.venue = $venue, true)
QUALIFY row_number() OVER (
    PARTITION BY c.venue
    -- The newest, live before settled; of several contracts the linear one, USDT before USDC.
    ORDER BY c.as_of DESC, c.kind, i.contract_type DESC, i.quote DESC, c.venue_symbol
) = 1
ORDER BY c.venue
"""


def coverage_report(
    settings: Settings, *, venue: str | None = None, gaps: bool = False
) -> pl.DataFrame:
    """Coverage by venue and month, or by name what is missing, the worst first.

    Returns
    -------
    polars.DataFrame
        With ``gaps``: ``venue``, ``venue_symbol`` (null for an outage of the venue), ``kind`` as in
        ``core.completeness`` or ``outage``, ``missing`` (how many), ``first`` and ``last``, and the
        ``times`` in words, a few of them.
    """
    if not gaps:
        return _ask(settings, _COVERAGE, {"venue": venue})
    connection = connect(settings)
    try:
        return gaps_by_name(connection, venue)
    finally:
        connection.close()


def latest_curves(settings: Settings, *, base: str, venue: str | None = None) -> pl.DataFrame:
    """The newest usable curve of a base on each venue: rows of ``features.curve_snapshots``.

    Raises
    ------
    FlowError
        If there is none.
    """
    curves = _ask(settings, _CURVES, {"base": base, "venue": venue})
    if curves.is_empty():
        raise FlowError(
            f"there is no usable curve of {base}" + (f" on {venue}" if venue else ""),
            hint="curves need eight windows of history: `funding backfill`, then the transform job",
        )
    return curves


def _ask(settings: Settings, sql: str, parameters: dict[str, object]) -> pl.DataFrame:
    connection = connect(settings)
    try:
        if COVERAGE.full_name in sql and not has_table(connection, COVERAGE):
            raise FlowError("the marts have not been built yet", hint=BUILD_MARTS)
        return connection.execute(sql, parameters).pl()
    finally:
        connection.close()

"""What opportunities there were, hour by hour, page by page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.marts.opportunity_history import OPPORTUNITY_HISTORY
from funding_platform.flows.queries.connection import answer, require_built

_PAIRS: Final = f"""
FROM {OPPORTUNITY_HISTORY.full_name}
WHERE hour >= $start AND hour < $end AND coalesce(base = $base, true)
    AND coalesce($venue IN (long_venue, short_venue), true) AND coalesce(tier = $tier, true)
    {{after}}
ORDER BY {", ".join(OPPORTUNITY_HISTORY.key)} LIMIT $limit
"""


def opportunity_history(
    connection: duckdb.DuckDBPyConnection,
    start: datetime,
    end: datetime,
    *,
    base: str | None = None,
    venue: str | None = None,
    tier: str | None = None,
    after: Sequence[object] = (),
    limit: int = 10_000,
) -> pl.DataFrame:
    """Read what opportunities there were, hour by hour, in ``[start, end)``, the oldest first.

    Parameters
    ----------
    venue
        Of either leg.
    after
        The key of the last row of the page before, hour first.

    Returns
    -------
    polars.DataFrame
        Rows of ``marts.opportunity_history``.

    Raises
    ------
    NotBuiltError
        If the marts have not been built yet.
    """
    require_built(connection, OPPORTUNITY_HISTORY)
    asked: dict[str, object] = {"start": start, "end": end, "base": base, "venue": venue}
    asked |= {"tier": tier, "limit": limit}
    last = {
        f"last_{name}": value for name, value in zip(OPPORTUNITY_HISTORY.key, after, strict=False)
    }
    beyond = (
        f"AND ({', '.join(OPPORTUNITY_HISTORY.key)}) > ({', '.join(f'${name}' for name in last)})"
    )
    sql = _PAIRS.format(after=beyond if last else "")
    return answer(connection, OPPORTUNITY_HISTORY.polars_schema, sql, asked | last)

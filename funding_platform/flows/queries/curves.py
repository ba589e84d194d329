"""Stored curves, by base."""

from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.features import CURVE_SNAPSHOTS
from funding_platform.flows.errors import FlowError
from funding_platform.flows.queries.connection import answer

_LATEST: Final = """
SELECT c.* FROM features.curve_snapshots AS c
LEFT JOIN core.instruments AS i USING (venue, venue_symbol)
-- An import knows no contract facts: its instruments go by their own symbol.
WHERE coalesce(i.base, c.venue_symbol) = $base AND c.usable AND c.as_of <= now()
    AND coalesce(c.venue = $venue, true)
QUALIFY row_number() OVER (
    PARTITION BY c.venue
    -- The newest, live before settled; of several contracts the linear one, USDT before USDC.
    ORDER BY c.as_of DESC, c.kind, i.contract_type DESC, i.quote DESC, c.venue_symbol
) = 1
ORDER BY c.venue
"""


def latest_curves(
    connection: duckdb.DuckDBPyConnection, base: str, *, venue: str | None = None
) -> pl.DataFrame:
    """Find the newest usable curve of a base on each venue.

    Parameters
    ----------
    base
        A canonical base; the venue's own symbol of an instrument whose contract facts were never
        collected.

    Returns
    -------
    polars.DataFrame
        Rows of ``features.curve_snapshots``, one per venue.

    Raises
    ------
    FlowError
        If there is none.
    """
    asked = {"base": base, "venue": venue}
    curves = answer(connection, CURVE_SNAPSHOTS.polars_schema, _LATEST, asked)
    if curves.is_empty():
        raise FlowError(
            f"there is no usable curve of {base}" + (f" on {venue}" if venue else ""),
            hint="curves need eight windows of history: `funding backfill` or `funding import`, "
            "then `funding transform`; what was imported alone goes by its own symbol",
        )
    return curves

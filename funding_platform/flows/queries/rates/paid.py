"""What holding an asset long has paid, instrument by instrument."""

from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.marts.statistics import FUNDING_RATES_RESAMPLED
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.queries.assets import ASSET_OF, asset_class_of
from funding_platform.flows.queries.connection import answer, require_built

FUNDING_PAID: Final = pl.Schema(
    {
        **dict.fromkeys(INSTRUMENT_KEY, pl.String()),
        "day_end": UTC_TIME,
        "paid": pl.Float64(),
    }
)
"""Funding added up, a row per instrument and day: ``paid`` is a fraction of notional."""

_PAID: Final = f"""
SELECT r.venue, r.venue_symbol, r.bucket_end AS day_end,
    -- Of an instrument: a venue lists several contracts of a base, and each pays its own funding.
    sum(r.funding_rate) OVER (PARTITION BY r.venue, r.venue_symbol ORDER BY r.bucket_end) AS paid
FROM {FUNDING_RATES_RESAMPLED.full_name} AS r
LEFT JOIN core.instruments AS i USING (venue, venue_symbol)
-- An import knows no contract facts: its instruments go by their own symbol.
WHERE r.resolution_hours = 24 AND coalesce(i.base, r.venue_symbol) = $base
    AND {ASSET_OF.format(facts="i")} = $asset_class
ORDER BY ALL
"""


def funding_paid(
    connection: duckdb.DuckDBPyConnection, base: str, *, asset_class: str | None = None
) -> pl.DataFrame:
    """Add up what a long in each instrument of an asset has paid since its first settlement stored.

    Parameters
    ----------
    base
        A canonical base; the venue's own symbol of an instrument whose contract facts were never
        collected.
    asset_class
        Where the base stands for several assets, the class of the one that is meant.

    Returns
    -------
    polars.DataFrame
        ``FUNDING_PAID``, by venue, symbol and day; no rows where nothing of the base is stored.

    Raises
    ------
    NotBuiltError
        If the resampled rates have not been built yet.
    FlowError
        If the base stands for several assets and no class is named, or there is no such class.
    """
    require_built(connection, FUNDING_RATES_RESAMPLED)
    meant = {"base": base, "asset_class": asset_class_of(connection, base, asset_class)}
    return answer(connection, FUNDING_PAID, _PAID, meant)

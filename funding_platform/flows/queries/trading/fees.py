"""Which fees applied when, and who set them."""

from datetime import datetime
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.fees import (
    BASE_TIER,
    FEE_HISTORY,
    FEE_OVERRIDES,
    fees_in_force_at,
)
from funding_platform.flows.queries.connection import answer, require_built
from funding_platform.lake.connection import has_table

_AT: Final = (
    f"FROM ({fees_in_force_at('$at')}) WHERE coalesce(venue = $venue, true) "
    "ORDER BY venue, tier <> $base, min_volume_30d_usd NULLS LAST, taker_bps DESC, tier"
)
_OVERRIDES: Final = (
    f"FROM {FEE_OVERRIDES.full_name} WHERE coalesce(venue = $venue, true) ORDER BY recorded_at"
)


def fees_at(
    connection: duckdb.DuckDBPyConnection, instant: datetime, *, venue: str | None = None
) -> pl.DataFrame:
    """Find the fees that applied at an instant.

    Returns
    -------
    polars.DataFrame
        Rows of ``marts.fee_history``, one per venue and tier.

    Raises
    ------
    NotBuiltError
        If dbt has not run since that table was declared.
    """
    require_built(connection, FEE_HISTORY)
    asked = {"at": instant, "venue": venue, "base": BASE_TIER}
    return answer(connection, FEE_HISTORY.polars_schema, _AT, asked)


def fee_overrides(
    connection: duckdb.DuckDBPyConnection, *, venue: str | None = None
) -> pl.DataFrame:
    """List every override ever set or revoked: rows of ``core.fee_overrides``, as recorded."""
    if not has_table(connection, FEE_OVERRIDES):  # a lake from before, not written to since
        return FEE_OVERRIDES.empty()
    return answer(connection, FEE_OVERRIDES.polars_schema, _OVERRIDES, {"venue": venue})

"""Which opportunities a person wants to see, and reading them from the mart.

The mart ranks nothing and hides nothing; a filter does, and says so in its fields.
"""

from collections.abc import Iterator
from typing import Literal

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from funding_platform.core.mart_tables import OPPORTUNITIES

SortField = Literal[
    "net_apr", "gross_apr", "divergence_8h", "break_even_hours", "min_open_interest_usd"
]


class OpportunityFilter(BaseModel):
    """Rows of ``marts.opportunities`` to show. Every bound left out leaves everything in.

    A row whose value is unknown does not pass a bound on that value: absence is not zero.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bases: tuple[str, ...] = Field(default=(), description="Canonical bases, e.g. BTC.")
    venues: tuple[str, ...] = Field(default=(), description="Both legs on one of these.")
    exclude_venues: tuple[str, ...] = Field(default=(), description="No leg on any of these.")
    min_net_apr: float | None = Field(default=None, description="Fraction per year.")
    min_open_interest_usd: float | None = Field(default=None, ge=0, description="Smaller leg.")
    min_volume_24h_usd: float | None = Field(default=None, ge=0, description="Smaller leg.")
    max_price_gap_bps: float | None = Field(default=None, ge=0, description="Either direction.")
    sort_by: SortField = "net_apr"
    descending: bool = True
    limit: int = Field(default=20, ge=1, le=100_000)

    def conditions(self) -> Iterator[tuple[str, object]]:
        """The filter as SQL conditions with one bound parameter each."""
        if self.bases:
            yield "base IN (SELECT unnest(?))", list(self.bases)
        for leg in ("long_venue", "short_venue"):
            if self.venues:
                yield f"{leg} IN (SELECT unnest(?))", list(self.venues)
            if self.exclude_venues:
                yield f"{leg} NOT IN (SELECT unnest(?))", list(self.exclude_venues)
        for bound in ("net_apr", "open_interest_usd", "volume_24h_usd"):
            value = getattr(self, f"min_{bound}")
            if value is not None:
                column = bound if bound == "net_apr" else f"min_{bound}"
                yield f"{column} >= ?", value
        if self.max_price_gap_bps is not None:
            yield "abs(price_gap_bps) <= ?", self.max_price_gap_bps


def find_opportunities(
    wanted: OpportunityFilter, connection: duckdb.DuckDBPyConnection
) -> pl.DataFrame:
    """Opportunities that pass the filter, best first.

    Parameters
    ----------
    wanted
        The filter.
    connection
        A connection whose default database has ``marts.opportunities``: the lake, or the
        published file.

    Returns
    -------
    polars.DataFrame
        Columns of ``marts.opportunities``; rows with an unknown sort value come last.
    """
    conditions = list(wanted.conditions())
    where = " AND ".join(condition for condition, _ in conditions) or "true"
    order = "DESC" if wanted.descending else "ASC"
    ties = ", ".join(OPPORTUNITIES.key)
    return connection.execute(
        f"SELECT * FROM {OPPORTUNITIES.full_name} WHERE {where} "
        f"ORDER BY {wanted.sort_by} {order} NULLS LAST, {ties} LIMIT ?",
        [*(value for _, value in conditions), wanted.limit],
    ).pl()

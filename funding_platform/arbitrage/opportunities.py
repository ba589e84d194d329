"""Reading opportunities that pass a filter, and telling what the filter left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import duckdb
import polars as pl

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.arbitrage.presence import ask, require_rows
from funding_platform.arbitrage.pricing import with_reasons
from funding_platform.core.tables.opportunities import OPPORTUNITIES
from funding_platform.core.tables.reasons import TIERS
from funding_platform.core.tables.schema import Table

BOUNDS: Final = {
    "bases": "list_contains($bases, base)",
    "symbols": "list_contains($symbols, long_symbol) OR list_contains($symbols, short_symbol)",
    "venues": "list_contains($venues, long_venue) AND list_contains($venues, short_venue)",
    "long_venues": "list_contains($long_venues, long_venue)",
    "short_venues": "list_contains($short_venues, short_venue)",
    "exclude_venues": "NOT list_contains($exclude_venues, long_venue) "
    "AND NOT list_contains($exclude_venues, short_venue)",
    "tiers": "list_contains($tiers, tier)",
    "min_divergence_8h": "divergence_8h >= $min_divergence_8h",
    "min_net": "{net} >= $min_net",
    "min_net_apr": "net_apr >= $min_net_apr",
    "min_volume_24h_usd": "min_volume_24h_usd >= $min_volume_24h_usd",
    "max_volume_24h_usd": "long_volume_24h_usd <= $max_volume_24h_usd "
    "AND short_volume_24h_usd <= $max_volume_24h_usd",
    "min_open_interest_usd": "min_open_interest_usd >= $min_open_interest_usd",
    "max_open_interest_usd": "max_open_interest_usd <= $max_open_interest_usd",
    "min_open_interest_ratio": "open_interest_ratio >= $min_open_interest_ratio",
    "max_open_interest_ratio": "open_interest_ratio <= $max_open_interest_ratio",
    "open_interest_balance": "list_contains($open_interest_balance, open_interest_balance)",
    "max_spread_bps": "long_spread_bps <= $max_spread_bps AND short_spread_bps <= $max_spread_bps",
    "max_price_gap_bps": "abs(price_gap_bps) <= $max_price_gap_bps",
    "min_persistence": "same_sign_share >= $min_persistence",
    "min_half_life_hours": "half_life_hours >= $min_half_life_hours",
}
"""What a row must satisfy, by field of the filter; null where the row's value is unknown."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a filter leaves out of a table.

    A row that two bounds leave out counts for both, so that their sum may exceed the rows left out.

    Attributes
    ----------
    rows, passing
        Rows of the table, and those that pass every bound.
    by_bound
        Rows that do not pass, by field of the filter.
    unknown
        Of those the rows whose value is unknown, by field of the filter.
    """

    rows: int
    passing: int
    by_bound: Mapping[str, int]
    unknown: Mapping[str, int]


def find_opportunities(
    wanted: OpportunityFilter,
    connection: duckdb.DuckDBPyConnection,
    *,
    table: Table = OPPORTUNITIES,
) -> pl.DataFrame:
    """Opportunities that pass the filter, in its order.

    Where the filter states another fee mode, fee tier or size than the table was built with, fees,
    costs, nets, break-even, reasons and tier are those of the filter, at fees in force now;
    ``cost_bps`` stays the cost of crossing orders. ``net_apr`` is over the filter's horizon.

    Parameters
    ----------
    wanted
        The filter.
    connection
        A connection whose default database has the table: the lake, or the published file.
    table
        ``marts.opportunities``, or another of the same columns: ``marts.opportunities_best``.

    Returns
    -------
    polars.DataFrame
        Columns of ``marts.opportunities``; rows with an unknown sort value come last. Empty where
        no row passes: ``left_out`` says why.

    Raises
    ------
    NoOpportunitiesError
        If the table is not there, is of an older form, or has no rows at all.
    UnknownChoiceError
        If the filter names a base, symbol, venue or fee tier that is not known.
    """
    conditions, bound = _bounds(wanted)
    order = _order(wanted)
    sql = f"SELECT * FROM ({{rows}}) WHERE {_every(conditions)} ORDER BY {order} LIMIT $limit"
    if wanted.prices_anew:
        sql = f"{with_reasons(sql, wanted)} ORDER BY {order}"
    found = ask(connection, sql, {**bound, "limit": wanted.limit}, wanted, table).pl()
    if found.is_empty():
        require_rows(connection, table)
    return found


def left_out(
    wanted: OpportunityFilter,
    connection: duckdb.DuckDBPyConnection,
    *,
    table: Table = OPPORTUNITIES,
) -> LeftOut:
    """What ``find_opportunities`` leaves out, limit aside, by bound; raises as it does."""
    conditions, bound = _bounds(wanted)
    counts = [
        f"count(*) FILTER (WHERE ({condition}) {verdict})"
        for verdict in ("IS NOT true", "IS NULL")
        for condition in conditions.values()
    ]
    columns = ", ".join(["count(*)", f"count(*) FILTER (WHERE {_every(conditions)})", *counts])
    answer = ask(connection, f"SELECT {columns} FROM ({{rows}})", bound, wanted, table)
    total, passing, *by_bound = answer.fetchall()[0]
    if not total:
        require_rows(connection, table)
    half = len(conditions)
    return LeftOut(
        total,
        passing,
        dict(zip(conditions, by_bound[:half], strict=True)),
        dict(zip(conditions, by_bound[half:], strict=True)),
    )


def _every(conditions: Mapping[str, str]) -> str:
    """Whether a row meets all conditions, as one expression.

    Conditions that stand by themselves DuckLake compares with the catalog's statistics of files
    first, which takes longer than to judge every row of so small a table.
    """
    return f"({' AND '.join(f'({one})' for one in conditions.values()) or 'true'}) IS true"


def _order(wanted: OpportunityFilter) -> str:
    """What rows are ordered by: the filter's column, or tier and net; ties by key."""
    direction = "DESC" if wanted.descending else "ASC"
    if wanted.sort_by is not None:
        terms = [f"{wanted.sort_by} {direction} NULLS LAST"]
    else:
        best_last = list(reversed(TIERS))
        terms = [
            f"list_position({best_last}, tier) {direction}",
            f"{wanted.net} {direction} NULLS LAST",
        ]
    return ", ".join([*terms, *OPPORTUNITIES.key])


def _bounds(wanted: OpportunityFilter) -> tuple[dict[str, str], dict[str, object]]:
    """Condition and parameter by field, of the fields that bound anything."""
    values = {field: getattr(wanted, field) for field in BOUNDS}
    chosen = {field: value for field, value in values.items() if value not in (None, ())}
    return (
        {field: BOUNDS[field].format(net=wanted.net) for field in chosen},
        {
            field: list(value) if isinstance(value, tuple) else value
            for field, value in chosen.items()
        },
    )

"""What a filter asks of a row, and how it ranks rows, as SQL."""

from collections.abc import Mapping
from typing import Final

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import TIERS

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


def meets_all(conditions: Mapping[str, str]) -> str:
    """Join conditions into one expression: whether a row meets all of them.

    Conditions that stand by themselves DuckLake compares with the catalog's statistics of files
    first, which takes longer than to judge every row of so small a table.
    """
    return f"({' AND '.join(f'({one})' for one in conditions.values()) or 'true'}) IS true"


def ranking(wanted: OpportunityFilter) -> str:
    """Return what rows are ordered by: the filter's column, or tier and net; ties by key."""
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


def bounds_of(wanted: OpportunityFilter) -> tuple[dict[str, str], dict[str, object]]:
    """Return condition and parameter by field, of the fields that bound anything."""
    values = {field: getattr(wanted, field) for field in BOUNDS}
    chosen = {field: value for field, value in values.items() if value not in (None, ())}
    return (
        {field: BOUNDS[field].format(net=wanted.net) for field in chosen},
        {
            field: list(value) if isinstance(value, tuple) else value
            for field, value in chosen.items()
        },
    )

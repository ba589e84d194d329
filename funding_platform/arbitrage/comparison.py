"""Two venues side by side: every base that both list, seen from the first of them."""

from typing import Final

import duckdb
import polars as pl

from funding_platform.arbitrage.errors import FilterError
from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.arbitrage.opportunities import find_opportunities

_OF_EITHER: Final = (
    "symbol",
    "rate_8h",
    "interval_hours",
    "next_funding_time",
    "spread_bps",
    "volume_24h_usd",
    "open_interest_usd",
)
"""Columns that each leg has, given as ``first_…`` and ``second_…``."""

_OF_THE_PAIR: Final = (
    *("cost_bps", "maker_cost_bps", "net_8h", "net_1d", "net_3d", "net_7d", "net_apr"),
    *("break_even_hours", "same_sign_share", "half_life_hours", "observed_at", "tier", "reasons"),
)
"""Columns that are the same from either side: those of the pair as it would be traded."""


def compare_venues(
    first: str,
    second: str,
    connection: duckdb.DuckDBPyConnection,
    wanted: OpportunityFilter | None = None,
) -> pl.DataFrame:
    """Every pair of instruments of one base on two venues, in the order of the filter.

    ``difference_8h = second_rate_8h - first_rate_8h``: above 0 the pair is long the first venue.
    Comparing the other way round flips its sign, and that of ``settled_7d`` and ``settled_30d``,
    which are the settled funding of the second less that of the first.

    Parameters
    ----------
    first, second
        Two venues.
    connection
        As ``find_opportunities`` takes it.
    wanted
        Further bounds, costs, order and limit; its ``venues`` are those compared.

    Returns
    -------
    polars.DataFrame
        ``base``; of each venue its symbol, rate, interval, next settlement, spread, turnover and
        open interest as ``first_…`` and ``second_…``; ``difference_8h``; ``long_venue`` (the leg to
        be long); ``price_gap_bps`` (second mark over first, less one); ``settled_7d`` and
        ``settled_30d``; then costs, nets, persistence, tier and reasons of the pair.

    Raises
    ------
    FilterError
        If both venues are one, or the filter names other ones.
    NoOpportunitiesError, UnknownChoiceError
        As ``find_opportunities`` does.
    """
    found = find_opportunities(between(first, second, wanted), connection)
    long_first = pl.col("long_venue") == first
    sign = pl.when(long_first).then(1.0).otherwise(-1.0)
    gap = pl.col("price_gap_bps")
    return found.select(
        "base",
        *(
            pl.when(long_first)
            .then(f"{here}_{name}")
            .otherwise(f"{there}_{name}")
            .alias(f"{side}_{name}")
            for name in _OF_EITHER
            for side, here, there in (("first", "long", "short"), ("second", "short", "long"))
        ),
        (sign * pl.col("divergence_8h")).alias("difference_8h"),
        "long_venue",
        # Seen from the other leg, a ratio of 1 + gap is 1 / (1 + gap).
        pl.when(long_first)
        .then(gap)
        .otherwise((1 / (1 + gap / 1e4) - 1) * 1e4)
        .alias("price_gap_bps"),
        *((sign * pl.col(name)).alias(name) for name in ("settled_7d", "settled_30d")),
        *_OF_THE_PAIR,
    )


def between(first: str, second: str, wanted: OpportunityFilter | None = None) -> OpportunityFilter:
    """The filter, on two venues only.

    Raises
    ------
    FilterError
        As ``compare_venues`` does.
    """
    if first == second:
        raise FilterError(
            f"{first} cannot be compared with itself", hint="name two different venues"
        )
    stated = wanted.model_dump(exclude_unset=True) if wanted else {}
    if named := stated.get("venues"):
        raise FilterError(
            f"venues: the filter names {', '.join(named)}, the comparison {first} and {second}",
            hint="leave venues out of the filter",
        )
    return OpportunityFilter.model_validate({**stated, "venues": (first, second)})

"""Ranked pairs of venues: which pass a filter, what it leaves out, and two venues side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import duckdb
import polars as pl

from funding_platform.arbitrage.bounds import bounds_of, meets_all
from funding_platform.arbitrage.errors import FilterError
from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.arbitrage.opportunities import find_opportunities
from funding_platform.arbitrage.presence import ask, require_rows
from funding_platform.core.tables.columns import PER_8H, real_column
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES, OPPORTUNITIES_BEST
from funding_platform.core.tables.marts.reasons import TIERS
from funding_platform.core.tables.schema import Table, schema_of

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

COMPARISON_COLUMNS: Final = (
    OPPORTUNITIES.column("base"),
    OPPORTUNITIES.column("asset"),
    *(
        replace(of, name=f"{side}_{name}", description=f"Of the {side} venue.")
        for name in _OF_EITHER
        for of in [OPPORTUNITIES.column(f"long_{name}")]
        for side in ("first", "second")
    ),
    real_column("difference_8h", "second_rate_8h - first_rate_8h.", PER_8H),
    *(
        replace(OPPORTUNITIES.column(name), nullable=True)
        for name in ("long_venue", "price_gap_bps", "settled_7d", "settled_30d", *_OF_THE_PAIR)
    ),
)
COMPARISON: Final = schema_of(COMPARISON_COLUMNS)
"""What ``compare_venues`` returns."""


_ON_BOARD: Final = replace(OPPORTUNITIES, schema="temp", name="live_pairs")
"""The pairs of the board, while a question is asked of them."""


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


def ranked_opportunities(
    connection: duckdb.DuckDBPyConnection, wanted: OpportunityFilter, *, best: bool = False
) -> pl.DataFrame:
    """Find the opportunities that pass a filter, in its order and at its costs.

    Parameters
    ----------
    best
        Of each asset the best pair only: ``marts.opportunities_best``.

    Returns
    -------
    polars.DataFrame
        Columns of ``marts.opportunities``; see ``arbitrage.find_opportunities``, which raises what
        this raises.
    """
    return find_opportunities(wanted, connection, table=_table(best)).cast(
        OPPORTUNITIES.polars_schema
    )


def ranked_on_board(
    connection: duckdb.DuckDBPyConnection,
    pairs: pl.DataFrame,
    wanted: OpportunityFilter,
    *,
    best: bool = False,
) -> pl.DataFrame:
    """Find those of the live board's pairs that pass a filter; as ``ranked_opportunities``.

    Parameters
    ----------
    connection
        The lake, which knows the fees.
    pairs
        The frame ``pairs`` that the collector hands out: the best of the board, not all.
    """
    if best:
        tier = pl.col("tier").replace_strict({name: place for place, name in enumerate(TIERS)})
        order = pairs.sort(tier, "net_7d", descending=[False, True], nulls_last=True)
        pairs = order.unique("asset", keep="first", maintain_order=True)
    connection.register(_ON_BOARD.name, pairs)
    try:
        found = find_opportunities(wanted, connection, table=_ON_BOARD)
    finally:
        connection.unregister(_ON_BOARD.name)
    return found.cast(OPPORTUNITIES.polars_schema)


def left_out(
    connection: duckdb.DuckDBPyConnection, wanted: OpportunityFilter, *, best: bool = False
) -> LeftOut:
    """Count what ``ranked_opportunities`` leaves out, limit aside, by bound; raises as it does."""
    table = _table(best)
    conditions, bound = bounds_of(wanted)
    counts = [
        f"count(*) FILTER (WHERE ({condition}) {verdict})"
        for verdict in ("IS NOT true", "IS NULL")
        for condition in conditions.values()
    ]
    columns = ", ".join(["count(*)", f"count(*) FILTER (WHERE {meets_all(conditions)})", *counts])
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


def compare_venues(
    connection: duckdb.DuckDBPyConnection,
    first: str,
    second: str,
    wanted: OpportunityFilter | None = None,
) -> pl.DataFrame:
    """Set two venues side by side: every asset that both list, in the order of the filter.

    ``difference_8h = second_rate_8h - first_rate_8h``: above 0 the pair is long the first venue.
    Comparing the other way round flips its sign, and that of ``settled_7d`` and ``settled_30d``,
    which are the settled funding of the second less that of the first.

    Parameters
    ----------
    first, second
        Two venues.
    wanted
        Further bounds, costs, order and limit; its ``venues`` are those compared.

    Returns
    -------
    polars.DataFrame
        ``COMPARISON``: ``base`` and ``asset``; of each venue its symbol, rate, interval, next
        settlement, spread, turnover and open interest as ``first_…`` and ``second_…``;
        ``difference_8h``; ``long_venue`` (the leg to be long); ``price_gap_bps`` (second mark over
        first, less one); ``settled_7d`` and ``settled_30d``; then costs, nets, persistence, tier
        and reasons of the pair.

    Raises
    ------
    FilterError
        If both venues are one, or the filter names other ones.
    NoOpportunitiesError, UnknownChoiceError
        As ``ranked_opportunities`` does.
    """
    found = find_opportunities(between(first, second, wanted), connection)
    long_first = pl.col("long_venue") == first
    sign = pl.when(long_first).then(1.0).otherwise(-1.0)
    gap = pl.col("price_gap_bps")
    return found.select(
        "base",
        "asset",
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
    """Return the filter, on two venues only.

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


def _table(best: bool) -> Table:
    return OPPORTUNITIES_BEST if best else OPPORTUNITIES

"""Measuring the order books of the best pairs: once an hour, as venues serve them only as "now".

A book is a request of its own, so that not every instrument's is asked for: those of the legs of
the best pairs are, by what a pair keeps before any impact. Ranked by what is kept after it, a pair
whose book turns out to be thin would drop out, be estimated anew, and come back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.core.books.walk import walk_books
from funding_platform.core.symbols import is_dollar
from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH, REACHES_BPS, SIZES_USD
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import floor_hour
from funding_platform.flows.collection.snapshots import (
    Collected,
    Snapshot,
    collect_now,
    replace_hour,
)
from funding_platform.flows.errors import NotBuiltError
from funding_platform.flows.queries.connection import answer, open_lake, require_built
from funding_platform.lake.errors import LakeMissingError
from funding_platform.settings import Settings
from funding_platform.venues.books.venue import OrderBooks
from funding_platform.venues.contract import Venue
from funding_platform.venues.registry import offering

BUDGET_SHARE: Final = 0.5
"""Of every request budget of a venue: the rest is for the hour's snapshot, which cannot wait."""

PATIENCE_SECONDS: Final = 300.0
"""Two minutes at half of the slowest budget, Lighter's, for sixty books; and some more."""

_BEST_LEGS: Final = f"""
WITH best AS (
    SELECT * FROM {OPPORTUNITIES.full_name}
    WHERE funding_7d IS NOT NULL AND taker_fees_bps IS NOT NULL
    ORDER BY
        funding_7d - (taker_fees_bps + spread_cost_bps) / 1e4 DESC,
        {", ".join(OPPORTUNITIES.key)}
    LIMIT $pairs
)
SELECT DISTINCT * FROM (
    SELECT long_venue AS venue, long_symbol AS venue_symbol FROM best
    UNION ALL SELECT short_venue, short_symbol FROM best
) ORDER BY ALL
"""


def collect_depth(venues: Sequence[str], settings: Settings, run_id: str) -> dict[str, Collected]:
    """Store what the books of the best pairs cost to trade against, in the running hour.

    Returns
    -------
    dict
        By venue, what it gave; a venue of which no instrument is among the best pairs gives no
        rows and is asked nothing. Empty where there are no pairs yet.
    """
    legs = best_legs(settings)
    if not legs:
        return {}
    paced = settings.model_copy(
        update={"rate_limit_scale": settings.rate_limit_scale * BUDGET_SHARE}
    )

    async def ask(venue: Venue) -> pl.DataFrame:
        return await _measure(venue, legs.get(venue.spec.name, []))

    what = Snapshot(
        ORDER_BOOK_DEPTH,
        ask,
        lambda transaction, frame: replace_hour(transaction, ORDER_BOOK_DEPTH, frame),
        patience_seconds=PATIENCE_SECONDS,
        may_be_empty=True,
    )
    asked = offering(ORDER_BOOK_DEPTH, venues)
    return asyncio.run(collect_now(what, asked, paced, run_id))


def best_legs(settings: Settings) -> dict[str, list[str]]:
    """Find the instruments of the ``FUNDING_DEPTH_PAIRS`` best pairs, by venue.

    ``marts.opportunities`` is of the hour before, or of the last that was built; none are found
    where it has not been built, or there is no lake yet.
    """
    if not settings.depth_pairs:
        return {}
    schema = pl.Schema({name: ORDER_BOOK_DEPTH.polars_schema[name] for name in INSTRUMENT_KEY})
    try:
        with open_lake(settings) as lake:
            require_built(lake, OPPORTUNITIES)
            legs = answer(lake, schema, _BEST_LEGS, {"pairs": settings.depth_pairs})
    except (NotBuiltError, LakeMissingError):
        return {}
    by_venue = legs.group_by("venue", maintain_order=True).agg("venue_symbol")
    return dict(by_venue.iter_rows())


async def _measure(venue: Venue, symbols: Sequence[str]) -> pl.DataFrame:
    """Fetch and walk the books of some symbols; those that fail become warnings.

    Raises
    ------
    VenueError
        If none came: why the first did not.
    """
    books = await venue.order_books(symbols)
    if books.failures and not books.observed_at:
        raise next(iter(books.failures.values()))
    venue.warnings.extend(books.failures.values())
    return depth_frame(venue.spec.name, books)


def depth_frame(venue: str, books: OrderBooks) -> pl.DataFrame:
    """Walk books: rows of ``core.order_book_depth``, one for each that came, be it empty.

    Of books that are not in dollars nobody knows what a dollar costs: they have no row.
    """
    dollars = [quote for quote in books.frame["quote"].unique() if is_dollar(quote)]
    others = books.frame.filter(~pl.col("quote").is_in(dollars))["venue_symbol"].unique()
    walked = walk_books(books.frame, tuple(SIZES_USD.values()), REACHES_BPS)
    times = books.frame.group_by(INSTRUMENT_KEY).agg(pl.col("book_time").first())
    seen = _seen(venue, books.observed_at).filter(~pl.col("venue_symbol").is_in(others.implode()))
    rows = (
        seen.join(walked.rename(_RENAMED), on=INSTRUMENT_KEY, how="left")
        .join(times, on=INSTRUMENT_KEY, how="left")
        .with_columns(pl.col("bid_levels", "ask_levels").fill_null(0))
    )
    costs = pl.col("^(buy|sell)_.*_bps$").clip(0.0)  # what the last bit takes from a spread of 0
    return ORDER_BOOK_DEPTH.conform(rows.with_columns(costs)).sort(ORDER_BOOK_DEPTH.key)


def _seen(venue: str, observed_at: Mapping[str, datetime]) -> pl.DataFrame:
    """Make the rows of the books that came, without their figures."""
    times = list(observed_at.values())
    return pl.DataFrame(
        {
            "venue": pl.Series([venue] * len(times), dtype=pl.String),
            "venue_symbol": pl.Series(list(observed_at), dtype=pl.String),
            "snapshot_hour": pl.Series([floor_hour(time) for time in times], dtype=UTC_TIME),
            "observed_at": pl.Series(times, dtype=UTC_TIME),
            "available_at": pl.Series(times, dtype=UTC_TIME),
        }
    )


_RENAMED: Final = {
    **{
        f"{verb}_{place}": f"{verb}_{name}_bps"
        for verb in ("buy", "sell")
        for place, name in enumerate(SIZES_USD)
    },
    **{
        f"{side}_within_{place}": f"{side}_within_{reach}bps_usd"
        for side in ("bid", "ask")
        for place, reach in enumerate(REACHES_BPS)
    },
}
"""What the walk calls its columns, and what the table does."""

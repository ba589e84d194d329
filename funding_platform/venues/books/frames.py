"""From a book to rows of ``core.order_book``: the canonical base, best first, numbered."""

from datetime import datetime

import polars as pl

from funding_platform.core.symbols import canonical_base
from funding_platform.core.tables.books.levels import ORDER_BOOK, SIDES
from funding_platform.core.tables.schema import UTC_TIME, instant
from funding_platform.core.time_grid import from_ms
from funding_platform.venues.books.records import Book
from funding_platform.venues.parsing.payloads import present
from funding_platform.venues.parsing.records import Listing


def book_frame(
    venue: str, book: Book, listing: Listing, observed_at: datetime, depth: int | None = None
) -> pl.DataFrame:
    """Make the rows of a sound book: ``price / multiplier`` and ``size * multiplier``.

    Parameters
    ----------
    venue, listing
        Whose book it is.
    book
        What ``sound_book`` returned.
    observed_at
        When its answer was complete.
    depth
        Levels per side at most; by default all.
    """
    base, multiplier = canonical_base(listing.base)
    event_ms = present(book.event_ms)
    time = pl.lit(None, UTC_TIME) if event_ms is None else instant(from_ms(event_ms))
    sides = [
        pl.DataFrame(levels[:depth], {"price": pl.Float64, "size": pl.Float64}, orient="row")
        .with_row_index("level")
        .with_columns(pl.lit(side).alias("side"))
        for side, levels in zip(SIDES, (book.bids, book.asks), strict=True)
    ]
    return ORDER_BOOK.conform(
        pl.concat(sides).with_columns(
            pl.lit(venue).alias("venue"),
            pl.lit(listing.venue_symbol).alias("venue_symbol"),
            pl.lit(base).alias("base"),
            pl.lit(listing.quote).alias("quote"),
            pl.col("level").cast(pl.Int64),
            pl.col("price") / multiplier,
            pl.col("size") * multiplier,
            time.alias("book_time"),
            instant(observed_at).alias("observed_at"),
        )
    )

"""Which listing of its ticker a settlement belongs to.

An instrument is a listing, not a ticker: when a contract is gone, the venue may give its ticker to
another asset. A settlement names the ticker only, so its listing follows from its time. The venue
states one time, ``listed_at``, and that is not always where a series begins: it may lie hours or
weeks after the first settlement, and venues move it while a contract trades on. So a listing
begins a new series only where the ticker was silent before it:

1. for more than ``SILENCE`` before ``listed_at``, or before a settlement that is at most
   ``LATE_STAMP`` older, there is no settlement;
2. a run of one and the same rate for more than ``FROZEN`` is silence from its second settlement on:
   archives go on at a constant after a contract is gone;
3. where the ticker was seen delisted, and then with a new listing (``core.listings``), that is a
   beginning even without silence.

Settlements before the newest beginning belong to an earlier listing. They are kept, and are never
pooled with those after it.

``dbt_project/models/marts/listing_starts.sql`` says the same in SQL; a test holds the
two together.
"""

from datetime import timedelta
from typing import Final

import polars as pl

from funding_platform.core.tables.collected import LISTINGS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME

SILENCE: Final = timedelta(days=7)
"""A ticker is not given away within it; archives have holes of six days (Lighter, 2025-12)."""

LATE_STAMP: Final = timedelta(days=30)
"""How long after the first settlement a venue may date a listing; two weeks have been seen."""

FROZEN: Final = timedelta(days=90)
"""No liquid contract has had one rate for longer: 87 days have been seen (SOL-USDT-SWAP on OKX)."""

STARTS: Final = pl.Schema({"venue": pl.String(), "venue_symbol": pl.String(), "since": UTC_TIME})
"""A frame of beginnings: of each ticker that was reused, since when each later listing counts."""


def listing_starts(settlements: pl.DataFrame, stamps: pl.DataFrame) -> pl.DataFrame:
    """Return where listings begin that have an earlier one before them.

    Parameters
    ----------
    settlements
        ``venue``, ``venue_symbol``, ``funding_time`` and ``funding_rate``; those before the stamps
        decide, others do not matter.
    stamps
        ``venue``, ``venue_symbol``, ``listed_at`` and ``relisted``: what venues state of their
        listings, and whether the ticker was seen with an earlier one.

    Returns
    -------
    polars.DataFrame
        ``STARTS``, sorted: settlements from ``since`` on are the listing's. A ticker that was never
        reused has no row.
    """
    listing = [*INSTRUMENT_KEY, "listed_at"]
    stated = stamps.drop_nulls("listed_at").group_by(listing).agg(pl.col("relisted").any())
    before = (
        settlements.lazy()
        .select(*INSTRUMENT_KEY, pl.col("funding_time").alias("time"), pl.col("funding_rate"))
        .join(stated.lazy(), on=INSTRUMENT_KEY)
        .filter(pl.col("time") < pl.col("listed_at"))
        .drop("relisted")
        .collect()
    )
    itself = before.select(listing).unique().with_columns(pl.col("listed_at").alias("time"))
    time, rate = pl.col("time"), pl.col("funding_rate")
    changes = pl.when(rate.ne_missing(rate.shift().over(listing))).then(time)
    silent = (
        pl.concat([before, itself], how="diagonal")
        .sort(*listing, "time")
        .with_columns(changes.alias("run"))
        .with_columns(
            time.shift().over(listing).alias("previous"),
            pl.col("run").forward_fill().shift().over(listing).alias("run"),
        )
        .with_columns(
            pl.when(time - pl.col("run") > FROZEN).then("run").otherwise("previous").alias("alive")
        )
        .filter(time - pl.col("alive") > SILENCE, time > pl.col("listed_at") - LATE_STAMP)
        .group_by(listing)
        .agg(time.max().alias("since"))
    )
    begins = stated.join(silent, on=listing, how="left").with_columns(
        pl.coalesce("since", pl.when("relisted").then("listed_at")).alias("since")
    )
    starts = begins.drop_nulls("since").select(STARTS.names()).unique().sort(STARTS.names())
    return starts.cast(STARTS)


def with_since(rows: pl.DataFrame, starts: pl.DataFrame, time: str) -> pl.DataFrame:
    """Add ``since``, where the listing of each row begins; null for a ticker's first listing.

    Parameters
    ----------
    rows
        ``venue``, ``venue_symbol`` and a column of times; sorted by these.
    starts
        What ``listing_starts`` gives.
    time
        The column that dates the rows.
    """
    return rows.join_asof(
        starts.sort("since"),
        left_on=time,
        right_on="since",
        by=INSTRUMENT_KEY,
        coalesce=False,
        check_sortedness=False,  # sorted within each ticker, which is all that matters
    )


def of_current_listing(rows: pl.DataFrame, starts: pl.DataFrame, time: str) -> pl.DataFrame:
    """Return the rows that belong to the newest listing of their ticker, in their order.

    Parameters
    ----------
    rows, starts, time
        As for ``with_since``; the rows in any order.
    """
    if starts.is_empty():
        return rows
    newest = starts.group_by(INSTRUMENT_KEY).agg(pl.col("since").max())
    known = rows.join(newest, on=INSTRUMENT_KEY, how="left", maintain_order="left")
    current = pl.col("since").is_null() | (pl.col(time) >= pl.col("since"))
    return known.filter(current).drop("since")


def listings_after(known: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Return what ``core.listings`` says once the instruments have been seen.

    A ticker has a new listing where it had been seen delisted and is listed with a later
    ``listed_at``, or, at a venue that states none, after more than ``SILENCE`` without trading;
    and where it had vanished for more than ``SILENCE`` before its new ``listed_at``. Where
    ``listed_at`` moves while the contract trades on, the listing is the same.

    Parameters
    ----------
    known
        The newest row of ``core.listings`` of each ticker, if any.
    seen
        Rows of ``core.instruments``, as a venue has just listed them.
    """
    both = seen.join(known, on=INSTRUMENT_KEY, how="left", suffix="_known")
    delisted = pl.col("status_known") == "delisted"
    seen_at, listed_at = pl.col("last_seen_at"), pl.col("listed_at")
    later = (listed_at > pl.coalesce("listed_at_known", "last_traded_at")) | (
        listed_at.is_null() & (seen_at - pl.col("last_traded_at") > SILENCE)
    )
    vanished = listed_at - pl.col("last_seen_at_known") > SILENCE
    is_new = (pl.col("status") != "delisted") & ((delisted & later) | vanished)
    is_known = pl.col("first_seen_at_known").is_not_null() & ~is_new.fill_null(value=False)
    trades = pl.col("status") == "trading"
    return LISTINGS.conform(
        both.with_columns(
            pl.coalesce(listed_at, pl.when(is_known).then("listed_at_known")).alias("listed_at"),
            pl.when(is_known).then("first_seen_at_known").otherwise(seen_at).alias("first_seen_at"),
            pl.when(trades)
            .then(seen_at)
            .otherwise(pl.when(is_known).then("last_traded_at"))
            .alias("last_traded_at"),
        )
    )

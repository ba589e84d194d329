"""Listings in the lake: noted when instruments are seen, asked for by whoever reads a history."""

from typing import Final

import duckdb
import polars as pl

from funding_platform.core.market.listings import listing_starts, listings_after, of_current_listing
from funding_platform.core.tables.collected import LISTINGS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.lake.connection import has_table
from funding_platform.lake.writer import Lake, Transaction

_AT_ONCE: Final = 8
"""Tickers whose histories, of ten years perhaps, are in memory together."""

_NEWEST: Final = """
SELECT * FROM core.listings WHERE list_contains(?, venue)
QUALIFY row_number() OVER (PARTITION BY venue, venue_symbol ORDER BY first_seen_at DESC) = 1
"""
_STATED: Final = """
SELECT venue, venue_symbol, listed_at, false AS relisted FROM core.instruments
"""
_SEEN: Final = """
SELECT venue, venue_symbol,
    lag(first_seen_at) OVER (PARTITION BY venue, venue_symbol ORDER BY first_seen_at) IS NOT NULL
        AS relisted,
    CASE WHEN relisted THEN coalesce(listed_at, first_seen_at) ELSE listed_at END AS listed_at
FROM core.listings
"""
_BEFORE: Final = """
SELECT venue, venue_symbol, funding_time, funding_rate
FROM core.funding_rates JOIN (
    SELECT venue, venue_symbol, max(listed_at) AS listed_at FROM stamps GROUP BY ALL
) USING (venue, venue_symbol)
WHERE funding_time < listed_at
"""
_EARLIER: Final = """
SELECT venue, venue_symbol, count(*) AS settlements,
    min(funding_time) AS first, max(funding_time) AS last, any_value(since) AS since
FROM core.funding_rates JOIN (
    SELECT venue, venue_symbol, max(since) AS since FROM starts GROUP BY ALL
) USING (venue, venue_symbol)
WHERE funding_time < since GROUP BY ALL ORDER BY venue, venue_symbol
"""


def note_listings(transaction: Transaction, instruments: pl.DataFrame) -> None:
    """Write into ``core.listings`` what the instruments just seen say of their listings."""
    venues = instruments["venue"].unique().to_list()
    known = LISTINGS.typed(transaction.read(_NEWEST, [venues]))
    transaction.upsert(LISTINGS, listings_after(known, instruments))


def stored_starts(
    lake: duckdb.DuckDBPyConnection,
    venue: str | None = None,
    tickers: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return where listings begin whose ticker another had before, of one venue or of all.

    Parameters
    ----------
    tickers
        ``venue`` and ``venue_symbol`` of those that are asked about; by default all.

    Returns
    -------
    polars.DataFrame
        ``core.market.listings.STARTS``.
    """
    stamps = _stamps(lake, venue)
    if tickers is not None:
        stamps = stamps.join(tickers, on=INSTRUMENT_KEY, how="semi")
    lake.register("stamps", stamps)
    try:
        before = lake.execute(_BEFORE).pl()
    finally:
        lake.unregister("stamps")
    return listing_starts(before.with_columns(pl.col("funding_time").cast(UTC_TIME)), stamps)


def _stamps(lake: duckdb.DuckDBPyConnection, venue: str | None) -> pl.DataFrame:
    """Read what venues state, and have stated, of when their tickers were listed."""
    # A lake that was last written by a version without listings is read as it is.
    stated = f"{_STATED} UNION ALL BY NAME {_SEEN}" if has_table(lake, LISTINGS) else _STATED
    stamps = lake.execute(
        f"SELECT * FROM ({stated}) WHERE listed_at IS NOT NULL AND venue = coalesce(?, venue)",
        [venue],
    ).pl()
    return stamps.with_columns(pl.col("listed_at").cast(UTC_TIME))


def current_rows(lake: Lake, rows: pl.DataFrame, time: str) -> pl.DataFrame:
    """Return the rows of what the tickers stand for now; ``time`` is the column that dates them.

    What was computed of an earlier listing, or is to be computed, is not that of the newest.
    """
    return of_current_listing(rows, stored_starts(lake.connection), time)


def earlier_listings(
    lake: duckdb.DuckDBPyConnection,
    venue: str | None = None,
    tickers: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return what the lake holds of earlier listings of tickers that are listed anew.

    Parameters
    ----------
    venue, tickers
        As for ``stored_starts``.

    Returns
    -------
    polars.DataFrame
        ``venue``, ``venue_symbol``, ``settlements`` (how many), ``first``, ``last``, ``since``
        (where the newest listing begins) and ``told``, the same in words.
    """
    starts = stored_starts(lake, venue, tickers)
    lake.register("starts", starts)
    try:
        earlier = lake.execute(_EARLIER).pl()
    finally:
        lake.unregister("starts")
    told = pl.format(
        "{} settlements before the listing of {} on {} belong to an earlier listing of that ticker",
        "settlements",
        "venue_symbol",
        pl.col("since").dt.strftime("%Y-%m-%d"),
    )
    return earlier.with_columns(told.alias("told"))


def earlier_listings_in(lake: duckdb.DuckDBPyConnection, histories: pl.DataFrame) -> list[str]:
    """Return, in words, what belongs to earlier listings of the tickers of some histories.

    Parameters
    ----------
    histories
        ``venue``, ``venue_symbol`` and ``first``, the time of the first settlement.
    """
    reaching = histories.join(_stamps(lake, None), on=INSTRUMENT_KEY).filter(
        pl.col("first") < pl.col("listed_at")
    )
    tickers = reaching.select(INSTRUMENT_KEY).unique().sort(INSTRUMENT_KEY)
    return [
        f"{venue}: {told}"
        for some in tickers.iter_slices(_AT_ONCE)
        for venue, told in earlier_listings(lake, tickers=some).select("venue", "told").rows()
    ]

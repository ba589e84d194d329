"""By name, what the lake lacks: the question behind ``funding coverage --gaps``.

Asked of what is stored, whatever it came from. A venue's instruments are expected to have settled
from the first month that was collected until the last collection, within their lives. Of a venue
that was only imported, only the gaps between its settlements are known.

``dbt_project/models/intermediate/int_missing_settlements.sql`` asks the same in SQL, for
``marts.coverage``; a test holds the two together.
"""

from datetime import datetime
from typing import Final

import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.core.completeness import (
    BETWEEN,
    missing_between,
    missing_settlements,
    outage_hours,
    trading_spans,
    with_known_beginnings,
)
from funding_platform.core.market.pauses import without_pauses
from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME, instant
from funding_platform.core.time_grid import MILLISECOND, SKEW, Window
from funding_platform.flows.collection.history.depths import kept_since
from funding_platform.flows.collection.history.gap_filling import in_words
from funding_platform.flows.collection.listings import earlier_listings, stored_starts

OUTAGE: Final = "outage"
EARLIER: Final = "earlier_listing"

SCHEMA: Final = pl.Schema(
    {
        "venue": pl.String(),
        "venue_symbol": pl.String(),
        "kind": pl.String(),
        "missing": pl.UInt32(),
        "first": UTC_TIME,
        "last": UTC_TIME,
        "times": pl.String(),
    }
)

_VENUES = """
SELECT venue FROM core.funding_rates
UNION SELECT venue FROM core.collection_log WHERE dataset = 'core.funding_rates' ORDER BY 1
"""
_HAS_COME = f"<= now() + INTERVAL {SKEW // MILLISECOND} MILLISECONDS"
_SETTLEMENTS = f"""
SELECT venue, venue_symbol, funding_time, interval_hours FROM core.funding_rates
WHERE venue = ? AND funding_time {_HAS_COME}
"""
_COLLECTED = f"""
SELECT min(window_start), max(least(window_end, started_at)), min(started_at)
FROM core.collection_log
WHERE venue = ? AND dataset = 'core.funding_rates' AND status <> 'failed' AND requests IS NOT NULL
    AND started_at {_HAS_COME}
"""


_CLASSES = "SELECT venue, venue_symbol, asset_class FROM core.instruments WHERE venue = ?"


def gaps_by_name(lake: DuckDBPyConnection, venue: str | None = None) -> pl.DataFrame:
    """List what is missing of one venue or of all, the instruments that lack most first.

    Returns
    -------
    polars.DataFrame
        ``SCHEMA``: one row per instrument and kind of absence; and one for the outages of a venue,
        whose ``venue_symbol`` is null and whose ``missing`` are the settlements they cost. A ticker
        that had an earlier listing has a row that says so, and of which nothing is missing.
    """
    known = lake.execute(_VENUES).fetchall()
    wanted = [name for (name,) in known if venue in (None, name)]
    gaps = [_gaps_of(lake, name) for name in wanted]
    found = pl.concat([SCHEMA.to_frame(), *gaps, _earlier(lake, venue)])
    return found.sort("missing", "venue", "venue_symbol", descending=[True, False, False])


def missing_of(lake: DuckDBPyConnection, venue: str) -> pl.DataFrame:
    """List every settlement that the lake lacks of a venue: ``core.completeness.SCHEMA``."""
    return _missing(lake, venue, lake.execute(_SETTLEMENTS, [venue]).pl())


def _gaps_of(lake: DuckDBPyConnection, venue: str) -> pl.DataFrame:
    settlements = lake.execute(_SETTLEMENTS, [venue]).pl()
    missing = _missing(lake, venue, settlements)
    hour = pl.col("missing_time").dt.round("1h")
    in_outage = hour.is_in(outage_hours(missing, settlements))
    return _counted(
        missing.with_columns(
            pl.when(~in_outage).then("venue_symbol").alias("venue_symbol"),
            pl.when(~in_outage).then("kind").otherwise(pl.lit(OUTAGE)).alias("kind"),
        )
    )


def _missing(lake: DuckDBPyConnection, venue: str, settlements: pl.DataFrame) -> pl.DataFrame:
    """List what gaps lack wherever they are, and the ends within the span that was collected."""
    starts = stored_starts(lake, venue)
    classes = lake.execute(_CLASSES, [venue]).pl()
    gaps = without_pauses(missing_between(settlements, starts), settlements, classes)
    start, end, asked_at = lake.execute(_COLLECTED, [venue]).fetchone() or (None, None, None)
    if start is None:
        return gaps
    window = Window(start, end)
    life = _trading_spans(lake, venue, end)
    life = with_known_beginnings(life, window, kept_since(venue, asked_at))
    absent = missing_settlements(settlements, life, window, starts)
    return pl.concat([gaps, absent.filter(pl.col("kind") != BETWEEN)])


def _trading_spans(lake: DuckDBPyConnection, venue: str, collected_until: datetime) -> pl.DataFrame:
    """Return the lives of the venue's instruments, as far as they have been collected."""
    instruments = lake.execute("SELECT * FROM core.instruments WHERE venue = ?", [venue]).pl()
    life = trading_spans(INSTRUMENTS.typed(instruments))
    until = pl.col("trades_until")
    collected = pl.min_horizontal(until, instant(collected_until))
    return life.with_columns(pl.when(until.is_not_null()).then(collected).alias("trades_until"))


def _earlier(lake: DuckDBPyConnection, venue: str | None) -> pl.DataFrame:
    """Make a row per ticker that another contract had before."""
    return (
        earlier_listings(lake, venue)
        .with_columns(
            pl.lit(EARLIER).alias("kind"), pl.lit(0).alias("missing"), pl.col("told").alias("times")
        )
        .select(SCHEMA.names())
        .cast(SCHEMA)
    )


def _counted(missing: pl.DataFrame) -> pl.DataFrame:
    """Count per instrument and kind: how many, from when to when, and the first few times."""
    time = pl.col("missing_time")
    grouped = (
        missing.sort("missing_time")
        .group_by(*INSTRUMENT_KEY, "kind")
        .agg(
            pl.len().alias("missing"),
            time.first().alias("first"),
            time.last().alias("last"),
            time.unique(maintain_order=True).alias("times"),
        )
    )
    words = pl.Series("times", [in_words(times) for times in grouped["times"]], pl.String)
    return grouped.with_columns(words).select(SCHEMA.names()).cast(SCHEMA)

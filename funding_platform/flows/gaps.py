"""By name, what the lake lacks: the question behind ``funding coverage --gaps``.

Asked of what is stored, whatever it came from. A venue's instruments are expected to have settled
from the first month that was collected until the last collection, within their lives. Of a venue
that was only imported, only the gaps between its settlements are known.
"""

from typing import Final

import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.core.completeness import lives, missing_settlements, outage_hours
from funding_platform.core.schema import UTC_TIME
from funding_platform.core.tables import INSTRUMENTS
from funding_platform.core.time_grid import HOUR, Window
from funding_platform.flows.completeness import in_words
from funding_platform.venues.registry import venue_names, venue_spec

OUTAGE: Final = "outage"

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

_SETTLEMENTS = """
SELECT venue, venue_symbol, funding_time, interval_hours FROM core.funding_rates WHERE venue = ?
"""
_COLLECTED = """
SELECT min(window_start), max(least(window_end, started_at)) FROM core.collection_log
WHERE venue = ? AND dataset = 'core.funding_rates' AND status <> 'failed' AND requests IS NOT NULL
"""


def gaps_by_name(lake: DuckDBPyConnection, venue: str | None = None) -> pl.DataFrame:
    """What is missing of one venue or of all, the instruments that lack most first.

    Returns
    -------
    polars.DataFrame
        ``SCHEMA``: one row per instrument and kind of absence; and one for the outages of a venue,
        whose ``venue_symbol`` is null and whose ``missing`` are the settlements they cost.
    """
    stored = lake.execute("SELECT DISTINCT venue FROM core.funding_rates ORDER BY 1").fetchall()
    wanted = [name for (name,) in stored if venue in (None, name)]
    found = pl.concat([pl.DataFrame(schema=SCHEMA), *(_gaps_of(lake, name) for name in wanted)])
    return found.sort("missing", "venue", "venue_symbol", descending=[True, False, False])


def _gaps_of(lake: DuckDBPyConnection, venue: str) -> pl.DataFrame:
    settlements = lake.execute(_SETTLEMENTS, [venue]).pl()
    window, life = _collected(lake, venue, settlements)
    missing = missing_settlements(settlements, life, window)
    hour = pl.col("missing_time").dt.round("1h")
    in_outage = hour.is_in(outage_hours(missing, settlements))
    return _counted(
        missing.with_columns(
            pl.when(~in_outage).then("venue_symbol").alias("venue_symbol"),
            pl.when(~in_outage).then("kind").otherwise(pl.lit(OUTAGE)).alias("kind"),
        )
    )


def _collected(
    lake: DuckDBPyConnection, venue: str, settlements: pl.DataFrame
) -> tuple[Window, pl.DataFrame]:
    """The span that was collected, and the lives of the instruments within it."""
    instruments = lake.execute("SELECT * FROM core.instruments WHERE venue = ?", [venue]).pl()
    life = lives(instruments.cast(dict(INSTRUMENTS.polars_schema)))  # type: ignore[arg-type]
    start, end = lake.execute(_COLLECTED, [venue]).fetchone() or (None, None)
    if start is None:
        time = settlements["funding_time"]
        return Window(time.min(), time.max() + HOUR), life.clear()  # type: ignore[arg-type, operator]
    until = pl.when(pl.col("trades_until").is_not_null()).then(
        pl.min_horizontal("trades_until", pl.lit(end, dtype=UTC_TIME))
    )
    life = life.with_columns(until.alias("trades_until"))
    if venue in venue_names() and venue_spec(venue).history_depth is not None:
        life = life.with_columns(pl.lit(None, dtype=UTC_TIME).alias("trades_from"))
    return Window(start, end), life


def _counted(missing: pl.DataFrame) -> pl.DataFrame:
    """One row per instrument and kind: how many, from when to when, and the first few times."""
    time = pl.col("missing_time")
    grouped = (
        missing.sort("missing_time")
        .group_by("venue", "venue_symbol", "kind")
        .agg(
            pl.len().alias("missing"),
            time.first().alias("first"),
            time.last().alias("last"),
            time.unique(maintain_order=True).alias("times"),
        )
    )
    words = pl.Series("times", [in_words(times) for times in grouped["times"]], pl.String)
    return grouped.with_columns(words).select(SCHEMA.names()).cast(SCHEMA)

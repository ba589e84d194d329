"""What of the live market fits on a terminal: venues, movers, next settlements, best pairs.

Pure: frames as ``flows.live.latest`` hands them out come in, columns in units that people read go
out, a row per line. What is absent stays blank; what is older than it may be says so.
"""

from datetime import datetime, timedelta

import polars as pl

from funding_platform.core.units import TENOR_HOURS
from funding_platform.flows.checks.live import venue_state

_PER_8H = TENOR_HOURS / pl.col("interval_hours")


def shown_venues(venues: pl.DataFrame) -> pl.DataFrame:
    """Select the state of each venue, those in trouble first.

    Parameters
    ----------
    venues
        Rows of ``flows.live.latest.VENUES_SCHEMA``.

    Returns
    -------
    polars.DataFrame
        ``venue``, ``state`` in a word, ``age`` of its newest data, ``upd/s``, ``n`` (instruments),
        ``stale`` of them, ``cuts`` (reconnects) and ``via`` (stream or REST).
    """
    state = venue_state().replace({"silent": "stale"})
    order = pl.col("state").replace_strict({"down": 0, "stale": 1, "waiting": 2, "live": 3})
    return (
        venues.with_columns(state=state)
        .sort(order, "venue")
        .select(
            "venue",
            "state",
            pl.col("age_seconds").map_elements(short_span, return_dtype=pl.String).alias("age"),
            pl.col("updates_per_second").round(0).cast(pl.Int64).alias("upd/s"),
            pl.col("instruments").alias("n"),
            "stale",
            pl.col("reconnects").alias("cuts"),
            pl.col("source").alias("via"),
        )
    )


def shown_movers(board: pl.DataFrame, count: int) -> pl.DataFrame:
    """Select the instruments whose predicted rate has moved most within the hour.

    Moves are compared per 8 hours: ``(rate - rate_before) * 8 / interval_hours``. An instrument
    whose interval nobody knows is not compared.

    Returns
    -------
    polars.DataFrame
        ``venue``, ``symbol``, ``bp/8h`` as it is now and ``moved`` since, both in basis points.
    """
    moved = (pl.col("predicted_rate") - pl.col("rate_before")) * _PER_8H * 1e4
    return (
        board.with_columns(moved=moved)
        .filter(pl.col("moved").is_finite(), pl.col("moved") != 0)
        .top_k(count, by=pl.col("moved").abs())
        .sort(pl.col("moved").abs(), "venue", "venue_symbol", descending=[True, False, False])
        .select(
            "venue",
            pl.col("venue_symbol").alias("symbol"),
            (pl.col("predicted_rate") * _PER_8H * 1e4).round(2).alias("bp/8h"),
            pl.col("moved").round(2),
        )
    )


def shown_settlements(board: pl.DataFrame, now: datetime, count: int) -> pl.DataFrame:
    """Select the next settlements: when, of which venues, of how many instruments.

    Returns
    -------
    polars.DataFrame
        ``in`` (h:mm:ss), ``at`` (UTC), ``n`` and ``venues``, the one with most instruments first.
    """
    due = board.filter(pl.col("next_funding_time") > now)
    by_venue = due.group_by("next_funding_time", "venue").len()
    return (
        by_venue.sort("len", "venue", descending=[True, False])
        .group_by("next_funding_time", maintain_order=True)
        .agg(pl.col("len").sum().alias("n"), pl.col("venue").alias("venues"))
        .sort("next_funding_time")
        .head(count)
        .select(
            (pl.col("next_funding_time") - now)
            .map_elements(clock, return_dtype=pl.String)
            .alias("in"),
            pl.col("next_funding_time").dt.strftime("%H:%M").alias("at"),
            "n",
            pl.col("venues").list.join(" "),
        )
    )


def shown_pairs(pairs: pl.DataFrame, count: int) -> pl.DataFrame:
    """Select the pairs that earn most after costs, of those that nothing stands against first.

    Returns
    -------
    polars.DataFrame
        ``base``, ``long``, ``short``, ``net %/y``, ``tier`` and ``bp/8h``.
    """
    return (
        pairs.filter(pl.col("net_apr").is_not_null())
        .sort("net_apr", "base", descending=[True, False])
        .head(count)
        .select(
            "base",
            pl.col("long_venue").alias("long"),
            pl.col("short_venue").alias("short"),
            (pl.col("net_apr") * 100).round(1).alias("net %/y"),
            "tier",
            (pl.col("divergence_8h") * 1e4).round(2).alias("bp/8h"),
        )
    )


def clock(span: timedelta) -> str:
    """Write a span as h:mm:ss."""
    seconds = max(0, int(span.total_seconds()))
    return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def short_span(seconds: float) -> str:
    """Write an age in the unit that it is read in: 0.4 s, 12 s, 3 min, 2 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"

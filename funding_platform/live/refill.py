"""From a snapshot by REST to updates: what no stream brings at the moment."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

import polars as pl

from funding_platform.core.time_grid import MILLISECOND
from funding_platform.venues.streams.updates import VALUES, MarketUpdate

_NOTHING: Final = frozenset[str]()


def filling_updates(
    snapshot: pl.DataFrame,
    carried: Mapping[str, Collection[str]],
    clock_ahead: timedelta | None = None,
) -> list[MarketUpdate]:
    """Make updates of a snapshot's rows, of those values that no stream carries.

    Their time is that of the first request, by the venue's clock: what a stream has said since then
    is newer. A value that is not known says nothing.

    Parameters
    ----------
    snapshot
        Rows of ``core.market_snapshots``.
    carried
        By symbol, the fields of ``MarketUpdate`` that are left to streams.
    clock_ahead
        How far our clock is ahead of the venue's.
    """
    ahead_ms = 0 if clock_ahead is None else clock_ahead / MILLISECOND
    asked_ms = pl.col("observed_at").dt.epoch("ms") - pl.col("latency_ms").fill_null(0.0)
    rows = snapshot.select(
        "venue_symbol",
        (asked_ms - ahead_ms).cast(pl.Int64).alias("event_ms"),
        pl.col("next_funding_time").dt.epoch("ms").alias("next_funding_ms"),
        *(name for name in VALUES if name != "next_funding_ms"),
    ).to_dicts()
    updates = []
    for row in rows:
        left = carried.get(row["venue_symbol"], _NOTHING)
        said = {
            name: value for name in VALUES if (value := row[name]) is not None and name not in left
        }
        if said:
            symbol, event_ms = row["venue_symbol"], row["event_ms"]
            updates.append(MarketUpdate(venue_symbol=symbol, event_ms=event_ms, **said))
    return updates

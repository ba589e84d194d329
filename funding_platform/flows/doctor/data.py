"""How the data are: how old, how fast they grow, what could not be collected, what comes next."""

from datetime import datetime, timedelta
from typing import Final

import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.core.plain_text import first_few
from funding_platform.flows.alerting.rounds import rules_of
from funding_platform.flows.alerting.scene import Scene
from funding_platform.flows.alerting.sources import FREE_BYTES
from funding_platform.flows.alerting.sources import failed_partitions as failed_months
from funding_platform.flows.doctor.finding import Finding
from funding_platform.flows.queries.upkeep.ages import data_ages
from funding_platform.lake.catalog import METADATA
from funding_platform.lake.profiles import profile_of
from funding_platform.settings import Settings
from funding_platform.venues.registry import venue_names

GROWN_OVER: Final = timedelta(days=7)
"""What the lake has grown by in so long is what it is taken to go on growing by."""

SHORTEST_OUTLOOK_DAYS: Final = 30
SHOWN: Final = 3

_SIZES: Final = f"""
WITH earlier AS (
    SELECT max(snapshot_id) AS id FROM {METADATA}.ducklake_snapshot
    WHERE snapshot_time::TIMESTAMPTZ <= $earlier
)
SELECT earlier.id,
    coalesce(sum(file_size_bytes) FILTER (end_snapshot IS NULL), 0)::BIGINT,
    coalesce(sum(file_size_bytes) FILTER (
        begin_snapshot <= earlier.id AND coalesce(end_snapshot > earlier.id, true)
    ), 0)::BIGINT
FROM earlier LEFT JOIN {METADATA}.ducklake_data_file ON true GROUP BY earlier.id
"""
_NEXT_ROLL: Final = """
SELECT venue, min(next_funding_time) FROM core.market_snapshots
WHERE snapshot_hour > $now - INTERVAL 3 HOUR AND next_funding_time > $now
GROUP BY venue ORDER BY 2, 1
"""


def lake_sizes(lake: DuckDBPyConnection, now: datetime) -> tuple[int, int | None]:
    """Return the bytes of the lake's files, and what they have grown by in the last week.

    The second is None where the catalog does not reach back so far.
    """
    found = lake.execute(_SIZES, {"earlier": now - GROWN_OVER}).fetchone()
    assert found is not None
    snapshot, size, before = found
    return size, None if snapshot is None else size - before


def forecast(lake: DuckDBPyConnection, settings: Settings, now: datetime) -> Finding:
    """Find how long the disk will do at the rate of the last week."""
    size, grown = lake_sizes(lake, now)
    held = f"the lake's files have {size / 1024**2:.1f} MiB"
    if grown is None:
        return Finding(True, f"{held}; it is too young to tell how fast it grows")
    free = profile_of(settings).room()
    ends = free is not None and grown > 0  # a bucket has no end that is known
    days = ((free or 0) - FREE_BYTES) / (grown / GROWN_OVER.days) if ends else None
    told = f"{held}, {grown / 1024**2:+.1f} MiB in a week"
    if days is None or days > SHORTEST_OUTLOOK_DAYS:
        return Finding(
            True, told + ("" if days is None else f"; the disk will do {days:,.0f} days")
        )
    return Finding(
        False,
        f"{told}: the disk will do {max(days, 0):.0f} days",
        "a larger disk, or less that is kept: FUNDING_RAW_RETENTION_DAYS, "
        "FUNDING_SNAPSHOT_RETENTION_DAYS, then `funding maintain`",
    )


def ages(lake: DuckDBPyConnection, settings: Settings, now: datetime) -> Finding:
    """Find which data are older than they may be."""
    found = data_ages(lake, settings.venues or venue_names(), now)
    tolerated = pl.col("tolerated_hours") * settings.alert_stale_factor
    stale = found.filter(pl.col("age_hours") >= tolerated)
    stale = stale.sort("age_hours", "asset", "venue", descending=[True, False, False])
    known = found.filter(pl.col("age_hours").is_not_null()).height
    if stale.is_empty():
        return Finding(True, f"{known} assets are as recent as they should be")
    told = [
        f"{' of '.join(filter(None, (row['asset'], row['venue'])))} {row['age_hours']:.1f} hours"
        for row in stale.iter_rows(named=True)
    ]
    named = first_few(told, SHOWN, separator="; ")
    return Finding(
        False,
        f"{stale.height} of {known} assets are out of date: {named}",
        "see whether the daemon runs, or collect by hand: `funding collect`, `funding backfill`, "
        "`funding transform`",
    )


def failed_partitions(lake: DuckDBPyConnection, settings: Settings, now: datetime) -> Finding:
    """Find which months could not be collected."""
    scene = Scene(lake, settings, settings.venues or venue_names(), rules_of(settings), now)
    failed = [one for one in failed_months(scene) if one.value]
    if not failed:
        return Finding(True, "no month is left that could not be collected")
    told = [f"{one.subject}: {one.text}" for one in failed]
    named = first_few(told, SHOWN, separator="; ", joint="; and ")
    return Finding(False, named, "`funding backfill --venue … --from … --to …`")


def next_roll(lake: DuckDBPyConnection, now: datetime) -> Finding:
    """Find which venue settles next."""
    rows = lake.execute(_NEXT_ROLL, {"now": now}).fetchall()
    if not rows:
        return Finding(True, "no snapshot of the last hours says when funding settles next")
    venue, at = rows[0]
    others = f", {len(rows) - 1} venues after it" if len(rows) > 1 else ""
    return Finding(True, f"funding settles next at {at:%Y-%m-%d %H:%M} UTC, on {venue}{others}")

"""Whether the lake is whole, its copy, its clock, and tickers that were listed anew."""

from datetime import datetime
from typing import Final

from duckdb import DuckDBPyConnection

from funding_platform.flows.checks.lake import rows_ahead
from funding_platform.flows.collection.listings import earlier_listings
from funding_platform.flows.doctor.finding import Finding
from funding_platform.lake import connect
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.upkeep.leftovers import missing_files
from funding_platform.lake.upkeep.outdated import refuse_outdated
from funding_platform.settings import Settings

SHOWN_LISTINGS: Final = 3


def clock(connection: DuckDBPyConnection, now: datetime) -> Finding:
    """Find whether anything is stored that a clock dated ahead of now."""
    ahead = rows_ahead(connection, now)
    if not ahead:
        return Finding(True, f"the clock says {now:%Y-%m-%d %H:%M} UTC; nothing stored is newer")
    told = ", ".join(
        f"{rows} rows of {table} up to {newest:%Y-%m-%d}" for table, rows, newest in ahead
    )
    return Finding(
        False,
        f"the clock says {now:%Y-%m-%d %H:%M} UTC, and the lake holds {told}: the clock is behind "
        "now, or was ahead when they were stored",
        "set the clock (NTP); until their time has come they are left out of every view",
    )


def listings(connection: DuckDBPyConnection) -> Finding:
    """Find the tickers of which the lake holds what another contract did."""
    earlier = earlier_listings(connection)
    if earlier.is_empty():
        return Finding(True, "no ticker has been listed twice")
    named = earlier.head(SHOWN_LISTINGS).select("venue", "told").rows()
    told = "; ".join(f"{venue}: {words}" for venue, words in named)
    more = earlier.height - len(named)
    others = f"; and {more} more tickers (`funding coverage --gaps`)" if more else ""
    return Finding(
        True, f"{told}{others}; they are kept, and left out of curves, statistics and backtests"
    )


def lake(settings: Settings, now: datetime) -> Finding:
    """Find whether the lake is there, whole, and of this version."""
    profile = profile_of(settings)
    if not profile.found():
        return Finding(True, f"no lake yet at {profile.place}: `make demo` makes one")
    with connect(settings) as connection:
        missing = missing_files(connection, settings)
        if missing:
            return Finding(
                False,
                f"{len(missing)} files that the catalog names are missing, {missing[0]} for one",
                "put them back from a backup, or collect their months again (`funding backfill`)",
            )
        refuse_outdated(connection, settings)
        counted = connection.execute(
            "SELECT count(*), max(funding_time) FROM core.funding_rates WHERE funding_time <= ?",
            [now],
        )
        rows, newest = counted.fetchone() or (0, None)
    if not rows:
        return Finding(True, f"lake at {profile.place} is empty: `funding backfill` fills it")
    age = (now - newest).total_seconds() / 3600
    return Finding(True, f"{rows:,} settlements, the newest {age:.1f} hours old")


def copy(settings: Settings, now: datetime) -> Finding:
    """Find whether the catalog can be brought back, and is set up as it must be."""
    health = profile_of(settings).health(now)
    return Finding(health.well, health.text, health.remedy)

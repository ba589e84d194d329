"""What a newcomer stumbles over, looked at in one go."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from funding_platform.core.errors import FundingError
from funding_platform.flows.checks.lake import rows_ahead
from funding_platform.flows.collection.listings import earlier_listings
from funding_platform.lake import connect
from funding_platform.lake.catalog import catalog_file, copy_file, refuse_lost
from funding_platform.lake.errors import translated
from funding_platform.lake.extensions import bare_connection
from funding_platform.lake.leftovers import missing_files
from funding_platform.lake.outdated import refuse_outdated
from funding_platform.settings import Settings
from funding_platform.venues.errors import VenueError
from funding_platform.venues.registry import venue_names, venue_spec

LOW_DISK_BYTES = 2 * 1024**3

SHOWN_LISTINGS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is well, and in words."""

    well: bool
    text: str


def examine(settings: Settings, now: datetime) -> list[Finding]:
    """Look at the Dagster home, the disk, the extensions, the venues and the lake.

    What the lake holds is looked at only where the lake itself is well.
    """
    looks: list[Callable[[], Finding]] = [
        _dagster_home,
        lambda: _disk(settings),
        lambda: _extensions(settings),
        lambda: _venues(settings),
        lambda: _copy(settings, now),
        lambda: _lake(settings, now),
    ]
    findings = [_guarded(look) for look in looks]
    if findings[-1].well and catalog_file(settings).exists():
        findings.append(_guarded(lambda: _clock(settings, now)))
        findings.append(_guarded(lambda: _listings(settings)))
    return findings


def _guarded(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except FundingError as error:
        return Finding(False, str(error))
    except duckdb.Error as error:
        return Finding(False, str(translated(error)))


def _dagster_home() -> Finding:
    home = Path(os.environ.get("DAGSTER_HOME", ""))
    if not home.is_absolute():
        return Finding(False, f"DAGSTER_HOME is {str(home)!r}: it must be an absolute path")
    if not (home / "dagster.yaml").exists():
        return Finding(False, f"DAGSTER_HOME {home} has no dagster.yaml: runs will be forgotten")
    return Finding(True, f"Dagster home {home}")


def _disk(settings: Settings) -> Finding:
    place = next(d for d in (settings.data_dir, *settings.data_dir.parents) if d.exists())
    free = shutil.disk_usage(place).free
    return Finding(free > LOW_DISK_BYTES, f"{free / 1024**3:.1f} GiB free for {settings.data_dir}")


def _extensions(settings: Settings) -> Finding:
    bare_connection(settings).close()
    return Finding(True, f"DuckDB {duckdb.__version__} with DuckLake")


def _venues(settings: Settings) -> Finding:
    try:
        for name in (*settings.venues, *settings.venue_urls):
            venue_spec(name)
    except VenueError as error:
        return Finding(False, f"FUNDING_VENUES or FUNDING_VENUE_URLS: {error}")
    chosen = settings.venues or tuple(sorted(venue_names()))
    elsewhere = ", ".join(f"{name} at {url}" for name, url in settings.venue_urls.items())
    return Finding(True, f"venues {', '.join(chosen)}" + (f" ({elsewhere})" if elsewhere else ""))


def _clock(settings: Settings, now: datetime) -> Finding:
    """Find whether anything is stored that a clock dated ahead of now."""
    with connect(settings) as lake:
        ahead = rows_ahead(lake, now)
    if not ahead:
        return Finding(True, f"the clock says {now:%Y-%m-%d %H:%M} UTC; nothing stored is newer")
    told = ", ".join(
        f"{rows} rows of {table} up to {newest:%Y-%m-%d}" for table, rows, newest in ahead
    )
    return Finding(
        False,
        f"the clock says {now:%Y-%m-%d %H:%M} UTC, and the lake holds {told}: the clock is behind "
        "now, or was ahead when they were stored; until their time has come they are left out of "
        "every view",
    )


def _listings(settings: Settings) -> Finding:
    """Find the tickers of which the lake holds what another contract did."""
    with connect(settings) as lake:
        earlier = earlier_listings(lake)
    if earlier.is_empty():
        return Finding(True, "no ticker has been listed twice")
    named = earlier.head(SHOWN_LISTINGS).select("venue", "told").rows()
    told = "; ".join(f"{venue}: {words}" for venue, words in named)
    more = earlier.height - len(named)
    others = f"; and {more} more tickers (`funding coverage --gaps`)" if more else ""
    return Finding(
        True, f"{told}{others}; they are kept, and left out of curves, statistics and backtests"
    )


def _lake(settings: Settings, now: datetime) -> Finding:
    if not catalog_file(settings).exists():
        refuse_lost(catalog_file(settings))
        return Finding(True, f"no lake yet at {settings.lake_dir}: `make demo` makes one")
    with connect(settings) as lake:
        missing = missing_files(lake, settings)
        if missing:
            return Finding(
                False,
                f"{len(missing)} files that the catalog names are missing, {missing[0]} for one: "
                "put them back from a backup, or collect their months again (`funding backfill`)",
            )
        refuse_outdated(lake, settings)
        counted = lake.execute(
            "SELECT count(*), max(funding_time) FROM core.funding_rates WHERE funding_time <= ?",
            [now],
        )
        rows, newest = counted.fetchone() or (0, None)
    if not rows:
        return Finding(True, f"lake at {settings.lake_dir} is empty: `funding backfill` fills it")
    age = (now - newest).total_seconds() / 3600
    return Finding(True, f"{rows:,} settlements, the newest {age:.1f} hours old")


def _copy(settings: Settings, now: datetime) -> Finding:
    """Find whether the catalog's newest copy keeps up with it."""
    catalog, copy = catalog_file(settings), copy_file(settings)
    if not catalog.exists():
        return Finding(True, "no catalog, no copy of it")
    if not copy.exists():
        return Finding(True, "no copy of the catalog yet: whoever commits leaves one")
    age = (now.timestamp() - copy.stat().st_mtime) / 3600
    return Finding(True, f"a copy of the catalog, {age:.1f} hours old: {copy}")

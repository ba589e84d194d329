"""What the platform stands on: Dagster's home, the disk, DuckDB's extensions, the settings."""

import os
from pathlib import Path

import duckdb

from funding_platform.core.system.disks import free_bytes
from funding_platform.flows.alerting.rounds import sinks_of, standing
from funding_platform.flows.alerting.sources import FREE_BYTES
from funding_platform.flows.doctor.finding import Finding
from funding_platform.lake.extensions import bare_connection
from funding_platform.settings import Settings
from funding_platform.venues.errors import VenueError
from funding_platform.venues.registry import venue_names, venue_spec


def dagster_home() -> Finding:
    """Find whether Dagster would keep its runs."""
    home = Path(os.environ.get("DAGSTER_HOME", ""))
    remedy = "unset DAGSTER_HOME and use `funding` or `make`, which set it"
    if not home.is_absolute():
        text = f"DAGSTER_HOME is {str(home)!r}: it must be an absolute path"
        return Finding(False, text, remedy)
    if not (home / "dagster.yaml").exists():
        text = f"DAGSTER_HOME {home} has no dagster.yaml: runs will be forgotten"
        return Finding(False, text, remedy)
    return Finding(True, f"Dagster home {home}")


def disk(settings: Settings) -> Finding:
    """Find whether there is room left."""
    free = free_bytes(settings.data_dir)
    return Finding(
        free > FREE_BYTES,
        f"{free / 1024**3:.1f} GiB free for {settings.data_dir}",
        None
        if free > FREE_BYTES
        else "free some space, then `funding maintain --keep-days 7`, or move FUNDING_DATA_DIR",
    )


def extensions(settings: Settings) -> Finding:
    """Find whether DuckDB's extensions load."""
    bare_connection(settings).close()
    return Finding(True, f"DuckDB {duckdb.__version__} with DuckLake")


def venues(settings: Settings) -> Finding:
    """Find whether the venues that the settings name exist."""
    try:
        for name in (*settings.venues, *settings.venue_urls):
            venue_spec(name)
    except VenueError as error:
        text = f"FUNDING_VENUES or FUNDING_VENUE_URLS: {error.message}"
        return Finding(False, text, error.hint)
    chosen = settings.venues or tuple(sorted(venue_names()))
    elsewhere = ", ".join(f"{name} at {url}" for name, url in settings.venue_urls.items())
    return Finding(True, f"venues {', '.join(chosen)}" + (f" ({elsewhere})" if elsewhere else ""))


def alerts(settings: Settings) -> Finding:
    """Find whether alerts get out, and how many are active."""
    names = [sink.name for sink in sinks_of(settings)]
    if not settings.alerts_file.exists():
        return Finding(True, f"alerts go to {', '.join(names)}; none has been told yet")
    active, waiting = standing(settings)
    refusing = [
        f"{name} ({sink.messages} messages wait: {sink.last_error})"
        for name, sink in waiting.items()
        if name in names and sink.failures
    ]
    if refusing:
        return Finding(
            False,
            f"alerts do not get out to {', '.join(refusing)}",
            "mend the receiver, or its address; `funding alerts test` tries it",
        )
    told = f"{len(active)} active: `funding alerts list`" if active else "none is active"
    return Finding(True, f"alerts go to {', '.join(names)}; {told}")

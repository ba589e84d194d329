"""What a newcomer stumbles over and what ails a platform that nobody watches, looked at in one go.

What belongs here: one function per thing that is looked at, each with a remedy. What Dagster knows
is handed in (``orchestration``): this package knows no orchestrator.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from funding_platform.flows.doctor import data, installation, lake, orchestration, venues
from funding_platform.flows.doctor.finding import Finding, guarded
from funding_platform.flows.doctor.orchestration import DagsterFacts
from funding_platform.lake import connect
from funding_platform.lake.profiles import profile_of
from funding_platform.settings import Settings

__all__ = ["DagsterFacts", "Finding", "examine"]


def examine(
    settings: Settings,
    now: datetime,
    *,
    facts: Callable[[], DagsterFacts] | None = None,
    ask_venues: bool = False,
) -> list[Finding]:
    """Look at everything, and say of each thing whether it is well.

    What the lake holds is looked at only where the lake itself is well.

    Parameters
    ----------
    facts
        Asks Dagster; nothing is said of it when left out, or where Dagster has no home.
    ask_venues
        Whether to open a connection to every venue.
    """
    looks: dict[str, Callable[[], Finding]] = {
        "home": installation.dagster_home,
        "disk": lambda: installation.disk(settings),
        "extensions": lambda: installation.extensions(settings),
        "venues": lambda: installation.venues(settings),
        "alerts": lambda: installation.alerts(settings),
        "copy": lambda: lake.copy(settings, now),
        "lake": lambda: lake.lake(settings, now),
    }
    findings = _looked(looks)
    well = {finding.name for finding in findings if finding.well}
    if "lake" in well and profile_of(settings).exists():
        findings += _of_the_lake(settings, now, with_venues="venues" in well)
    if ask_venues and "venues" in well:
        findings += _looked({"reach": lambda: venues.reachable(settings)})
    if facts is not None and "home" in well:  # without a home there is nobody to ask
        findings += orchestration.examine(facts(), now)
    return findings


def _of_the_lake(settings: Settings, now: datetime, *, with_venues: bool) -> list[Finding]:
    """Look at what the lake holds; of its venues only where the settings name known ones."""
    with connect(settings) as connection:
        looks: dict[str, Callable[[], Finding]] = {
            "clock": lambda: lake.clock(connection, now),
            "listings": lambda: lake.listings(connection),
            "forecast": lambda: data.forecast(connection, settings, now),
            "roll": lambda: data.next_roll(connection, now),
        }
        if with_venues:
            looks |= {
                "ages": lambda: data.ages(connection, settings, now),
                "breakers": lambda: venues.standing(settings, now),
                "partitions": lambda: data.failed_partitions(connection, settings, now),
            }
        return _looked(looks)


def _looked(looks: Mapping[str, Callable[[], Finding]]) -> list[Finding]:
    return [replace(guarded(look), name=name) for name, look in looks.items()]

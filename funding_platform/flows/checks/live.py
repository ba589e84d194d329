"""What the live collector's health is judged by: the age of what it has, venue by venue."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.live.latest import FRESH_SECONDS, VENUES, Latest

STALE_SHARE: Final = 0.05
"""Of a venue's instruments, more than so many without fresh data make it unwell."""


def board_fresh(latest: Latest, now: datetime) -> Answer:
    """Is the board the market as it stands?

    It is where the collector runs and every venue's newest data is at most ``FRESH_SECONDS`` old.

    Parameters
    ----------
    latest
        What the collector handed out last.
    now
        The present.
    """
    age = latest.age(now).total_seconds()
    if latest.is_stale(now):
        return Answer(False, f"the collector stopped, or hangs, {age:.0f} s ago", {"age": age})
    venues = latest.frames[VENUES]
    unwell = dict(_unwell(venues.iter_rows(named=True)))
    verdict = f"{venues.height - len(unwell)} of {venues.height} venues are live"
    if unwell:
        verdict += "; " + ", ".join(f"{venue}: {why}" for venue, why in unwell.items())
    figures: dict[str, object] = {
        "venues": venues.height,
        "live": venues.height - len(unwell),
        "instruments": int(venues["instruments"].sum()),
        "stale": int(venues["stale"].sum()),
        "updates_per_second": round(float(venues["updates_per_second"].sum()), 1),
        "reconnects": int(venues["reconnects"].sum()),
    }
    return Answer(venues.height > 0 and not unwell, verdict, figures)


def _unwell(venues: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the venues that are not live, and why."""
    for one in venues:
        age = one["age_seconds"]
        if one["trouble"] is not None:
            yield one["venue"], one["trouble"]
        elif age is None:
            yield one["venue"], "nothing yet"
        elif age > FRESH_SECONDS:
            yield one["venue"], f"silent for {age:.0f} s"
        elif one["stale"] > STALE_SHARE * one["instruments"]:
            yield one["venue"], f"{one['stale']} of {one['instruments']} instruments stale"

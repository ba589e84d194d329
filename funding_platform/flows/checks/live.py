"""What the live collector's health is judged by: the age of what it has, venue by venue."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.flows.checks.answer import Answer, one_row
from funding_platform.flows.live.latest import FRESH_SECONDS, VENUES, Latest
from funding_platform.lake.connection import connect, has_table
from funding_platform.settings import Settings

SPANS_LATE: Final = 3

_NEWEST: Final = """
SELECT max(minute_time), count(*) FROM core.live_rates WHERE minute_time >= $since
"""

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
    unwell = dict(_unwell(venues))
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


def record_fresh(settings: Settings, now: datetime) -> Answer:
    """Is the record up to now?

    It is where the newest row of ``core.live_rates`` began at most ``SPANS_LATE`` spans ago: one
    that runs, one that is being written, and one that had to wait.

    Raises
    ------
    FundingError
        If there is no lake, or it cannot be read.
    """
    since = now - timedelta(days=1)
    with connect(settings) as lake:
        if not has_table(lake, LIVE_RATES):
            return Answer(False, "nothing has been recorded yet")
        newest, rows = one_row(lake, _NEWEST, {"since": since})
    if newest is None:
        return Answer(False, "nothing has been recorded for a day")
    late = (now - newest).total_seconds()
    verdict = f"the newest row is of {newest:%Y-%m-%d %H:%M:%S} UTC, {late:.0f} s ago"
    passed = late <= SPANS_LATE * settings.live_record_seconds
    return Answer(passed, verdict, {"age": late, "rows_of_a_day": rows})


def venue_state() -> pl.Expr:
    """Judge rows of ``latest.VENUES_SCHEMA``: down, waiting, silent, stale or live.

    Down says why; one that waits has said nothing yet, one that is silent nothing for
    ``FRESH_SECONDS``; of one that is stale more than ``STALE_SHARE`` of the instruments are.
    """
    return (
        pl.when(pl.col("trouble").is_not_null())
        .then(pl.lit("down"))
        .when(pl.col("age_seconds").is_null())
        .then(pl.lit("waiting"))
        .when(pl.col("age_seconds") > FRESH_SECONDS)
        .then(pl.lit("silent"))
        .when(pl.col("stale") > STALE_SHARE * pl.col("instruments"))
        .then(pl.lit("stale"))
        .otherwise(pl.lit("live"))
    )


def _unwell(venues: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield the venues that are not live, and why."""
    for one in venues.with_columns(state=venue_state()).iter_rows(named=True):
        match one["state"]:
            case "down":
                yield one["venue"], one["trouble"]
            case "waiting":
                yield one["venue"], "nothing yet"
            case "silent":
                yield one["venue"], f"silent for {one['age_seconds']:.0f} s"
            case "stale":
                yield one["venue"], f"{one['stale']} of {one['instruments']} instruments stale"

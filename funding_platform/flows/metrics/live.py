"""Figures of the live collector, read off what it hands out."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import VENUES, read_latest
from funding_platform.settings import Settings
from funding_platform.telemetry import declared
from funding_platform.telemetry.metrics import Declared, Family

_BY_COLUMN: Final[dict[str, Declared]] = {
    "age_seconds": declared.LIVE_DATA_AGE,
    "updates_per_second": declared.LIVE_UPDATES,
    "instruments": declared.LIVE_INSTRUMENTS,
    "stale": declared.LIVE_STALE,
    "reconnects": declared.LIVE_RECONNECTS,
}


def of_live(settings: Settings, now: datetime) -> Iterator[Family]:
    """Tell how every venue's streams are; nothing where no collector has ever run."""
    try:
        latest = read_latest(settings, VENUES)
    except NotLiveError:
        return
    yield declared.LIVE_AGE.single(latest.age(now).total_seconds())
    venues = latest.frames[VENUES]
    for column, metric in _BY_COLUMN.items():
        figures = venues.select("venue", column).drop_nulls().rows()
        yield metric.of({(venue,): float(figure) for venue, figure in figures})

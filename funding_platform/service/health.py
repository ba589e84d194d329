"""How the platform is: by venue, and in one word."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.columns import real_column, text_column, time_column
from funding_platform.core.tables.marts.statistics import VENUE_HEALTH
from funding_platform.core.tables.schema import Column, Type, schema_of
from funding_platform.flows.live.latest import FRESH_SECONDS, VENUES
from funding_platform.flows.queries import breaker_states, venue_health
from funding_platform.service.formats import Answer
from funding_platform.service.reader import Sources
from funding_platform.service.versions import number_of

STATES: Final = ("healthy", "degraded", "unhealthy")

HEALTH: Final = (
    text_column("venue", "Name of the venue."),
    Column("state", Type.TEXT, "Of what follows, in one word.", None, False, values=STATES),
    Column("reasons", Type.TEXTS, "Why it is not healthy.", nullable=False),
    text_column("breaker_state", "How it stands with this machine.", nullable=True),
    text_column("live_source", "stream or rest; null without a collector.", nullable=True),
    real_column("live_age_seconds", "Of the newest that it said.", "seconds"),
    real_column("updates_per_second", "What its stream said of perpetuals."),
    Column("stale_instruments", Type.INTEGER, "Those not heard of any more."),
    VENUE_HEALTH.column("last_success_at"),
    VENUE_HEALTH.column("error_rate_7d"),
    time_column("newest_funding_time", "Last settlement stored."),
    time_column("newest_snapshot_at", "Last look at any market of the venue."),
)
"""What ``health_of`` answers with."""

MORE: Final = {
    "status": {
        "type": "string",
        "enum": [*STATES],
        "description": "healthy; degraded where a venue or the collector is not; unhealthy where "
        "neither lake nor board can be read.",
    },
    "reasons": {"type": "array", "items": {"type": "string"}, "description": "Why."},
    "live_age_seconds": {
        "type": ["number", "null"],
        "description": "Since the collector handed the market out; null without one. Unit: "
        "seconds.",
    },
}
"""What JSON has beside the venues."""

_STORED: Final = ("last_success_at", "error_rate_7d", "newest_funding_time", "newest_snapshot_at")


def health_of(sources: Sources, venues: Sequence[str]) -> Answer:
    """Tell how every venue is, and all of them together."""
    live, reasons = sources.live(VENUES), []
    stored, trouble = _stored(sources)
    if trouble:
        reasons.append(trouble)
    if live is None and sources.settings.live:
        reasons.append("the live collector is not running")
    said = {} if live is None else _by_venue(live.frames[VENUES])
    states = _by_venue(breaker_states(sources.settings, venues, sources.now))
    rows = [_venue(name, states[name], said.get(name), stored.get(name)) for name in venues]
    frame = pl.DataFrame(rows, schema=schema_of(HEALTH))
    ill = frame.filter(pl.col("state") != "healthy")["venue"].to_list()
    if ill:
        reasons.append(f"not healthy: {', '.join(ill)}")
    lost = live is None and sources.snapshot is None
    return Answer(
        frame,
        sources.now if live is None else live.at,
        "lake" if live is None else "live",
        board=None if live is None else number_of(live),
        more={
            "status": "unhealthy" if lost else "degraded" if reasons else "healthy",
            "reasons": reasons,
            "live_age_seconds": None if live is None else live.age(sources.now).total_seconds(),
        },
    )


def _stored(sources: Sources) -> tuple[dict[str, dict[str, object]], str | None]:
    """Read what the lake knows of venues, or why it cannot say."""
    try:
        return _by_venue(venue_health(sources.lake)), None
    except FundingError as error:
        return {}, error.message


def _by_venue(frame: pl.DataFrame) -> dict[str, dict[str, object]]:
    return {row["venue"]: row for row in frame.iter_rows(named=True)}


def _venue(
    name: str,
    breaker: dict[str, object],
    said: dict[str, object] | None,
    stored: dict[str, object] | None,
) -> dict[str, object]:
    reasons = []
    if breaker["breaker_state"] in ("open", "banned"):
        reasons.append(f"its breaker is {breaker['breaker_state']}")
    age = None if said is None else said["age_seconds"]
    if said is not None and not (isinstance(age, float) and age <= FRESH_SECONDS):
        reasons.append(f"nothing was heard of it for a minute: {said['trouble'] or 'unknown why'}")
    return {
        "venue": name,
        "state": "degraded" if reasons else "healthy",
        "reasons": reasons,
        "breaker_state": breaker["breaker_state"],
        "live_source": None if said is None else said["source"],
        "live_age_seconds": age,
        "updates_per_second": None if said is None else said["updates_per_second"],
        "stale_instruments": None if said is None else said["stale"],
        **{column: None if stored is None else stored[column] for column in _STORED},
    }


def is_ready(sources: Sources) -> datetime | None:
    """Return when something could be answered: now if lake or board can be read, else None."""
    readable = sources.lake_or_none is not None or sources.live("") is not None
    return sources.now if readable else None

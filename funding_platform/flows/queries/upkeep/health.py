"""How venues serve us: over the last days by the lake, at this moment by this machine."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.marts.statistics import VENUE_HEALTH
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.queries.connection import answer, require_built
from funding_platform.settings import Settings
from funding_platform.venues import registry

BREAKER_STATES: Final = pl.Schema(
    {
        "venue": pl.String(),
        "breaker_state": pl.String(),
        "failures": pl.Int64(),
        "last_failed_at": UTC_TIME,
        "last_failure": pl.String(),
        "retry_at": UTC_TIME,
        "banned_until": UTC_TIME,
        "ban": pl.String(),
    }
)

_HEALTH: Final = (
    f"FROM {VENUE_HEALTH.full_name} WHERE coalesce(venue = $venue, true) ORDER BY venue"
)


def venue_health(
    connection: duckdb.DuckDBPyConnection, *, venue: str | None = None
) -> pl.DataFrame:
    """Read how venues have served us: rows of ``marts.venue_health``.

    Raises
    ------
    NotBuiltError
        If that table has not been built yet.
    """
    require_built(connection, VENUE_HEALTH)
    return answer(connection, VENUE_HEALTH.polars_schema, _HEALTH, {"venue": venue})


def breaker_states(settings: Settings, venues: Iterable[str], now: datetime) -> pl.DataFrame:
    """Read how venues stand with this machine, which no lake knows.

    Returns
    -------
    polars.DataFrame
        ``BREAKER_STATES``: one row per venue; ``breaker_state`` is ``closed``, ``open``,
        ``half-open`` or ``banned``, ``failures`` the calls that failed in a row.

    Raises
    ------
    UnknownVenueError
        If nothing of that name is registered.
    """
    known = {venue: registry.breaker_record(venue, settings) for venue in venues}
    rows = [
        {"venue": venue, "breaker_state": record.state(now), **asdict(record)}
        for venue, record in known.items()
    ]
    return pl.DataFrame(rows, schema=BREAKER_STATES)

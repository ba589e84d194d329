"""Figures of the venues: how they stand with this machine, and what collecting them was like."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from duckdb import DuckDBPyConnection

from funding_platform.flows.queries.upkeep.health import breaker_states
from funding_platform.settings import Settings
from funding_platform.telemetry import declared
from funding_platform.telemetry.metrics import Declared, Family
from funding_platform.venues.registry import venue_names

BREAKER_STATES: Final = ("closed", "half-open", "open", "banned")

_STATUSES: Final = ("success", "partial", "failed")

_COLLECTIONS: Final = """
SELECT venue, dataset,
    count(*) FILTER (status = 'success'), count(*) FILTER (status = 'partial'),
    count(*) FILTER (status = 'failed'),
    sum(rows_written)::BIGINT, sum(requests)::BIGINT
FROM core.collection_log WHERE started_at BETWEEN $now - INTERVAL 1 DAY AND $now
GROUP BY ALL ORDER BY ALL
"""
_NEWEST: Final = """
SELECT venue, dataset, latency_ms / 1000, epoch(finished_at - started_at), epoch($now - finished_at)
FROM core.collection_log WHERE started_at BETWEEN $now - INTERVAL 1 DAY AND $now
QUALIFY row_number() OVER (PARTITION BY venue, dataset ORDER BY started_at DESC) = 1
ORDER BY ALL
"""


def of_venues(settings: Settings, now: datetime) -> Iterator[Family]:
    """Tell how every venue's breaker is."""
    states = breaker_states(settings, settings.venues or venue_names(), now)
    yield declared.BREAKER_STATE.of(
        {
            (venue, state): float(state == current)
            for venue, current in states.select("venue", "breaker_state").rows()
            for state in BREAKER_STATES
        }
    )
    yield declared.BREAKER_FAILURES.of(
        {(venue,): failures for venue, failures in states.select("venue", "failures").rows()}
    )


def of_collections(lake: DuckDBPyConnection, now: datetime) -> Iterator[Family]:
    """Tell how collecting went in the last day, and the newest attempt of each dataset."""
    counted = lake.execute(_COLLECTIONS, {"now": now}).fetchall()
    yield declared.COLLECTIONS.of(
        {
            (venue, dataset, status): float(number)
            for venue, dataset, *numbers in counted
            for status, number in zip(_STATUSES, numbers[:3], strict=True)
        }
    )
    yield _by_dataset(declared.COLLECTED_ROWS, counted, 5)
    yield _by_dataset(declared.COLLECTED_REQUESTS, counted, 6)
    newest = lake.execute(_NEWEST, {"now": now}).fetchall()
    yield _by_dataset(declared.COLLECTION_ANSWER, newest, 2)
    yield _by_dataset(declared.COLLECTION_DURATION, newest, 3)
    yield _by_dataset(declared.COLLECTION_LAG, newest, 4)


def _by_dataset(metric: Declared, rows: list[tuple[Any, ...]], place: int) -> Family:
    return metric.of({row[:2]: float(row[place]) for row in rows if row[place] is not None})

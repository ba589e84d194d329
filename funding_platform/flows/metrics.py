"""What a monitoring system is told: figures of the lake, the venues, the alerts and Dagster.

Everything is asked of what is stored when somebody asks, so that any process can tell it and none
has to run for it. Questions are bounded by the last days, not by the history.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from duckdb import DuckDBPyConnection

from funding_platform.core.system.disks import free_bytes
from funding_platform.flows.alerting.rounds import standing
from funding_platform.flows.doctor.data import lake_sizes
from funding_platform.flows.doctor.orchestration import DagsterFacts
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import VENUES, read_latest
from funding_platform.flows.queries.ages import data_ages
from funding_platform.flows.queries.health import breaker_states
from funding_platform.lake import connect
from funding_platform.lake.profiles import profile_of
from funding_platform.settings import Settings
from funding_platform.telemetry.metrics import Family, Labels
from funding_platform.venues.registry import venue_names

BREAKER_STATES: Final = ("closed", "half-open", "open", "banned")

_LIVE_FIGURES: Final = (
    ("age_seconds", "data_age_seconds", "Age of a venue's newest data when that was."),
    ("updates_per_second", "updates_per_second", "What a venue's streams said of perpetuals."),
    ("instruments", "instruments", "Perpetuals of a venue that have been heard of."),
    ("stale", "stale_instruments", "Those of them that are not heard of any more."),
    ("reconnects", "reconnects", "How often a venue's streams broke off."),
)

_OF_COLLECTION: Final = ("venue", "dataset")

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


def families(
    settings: Settings, now: datetime, facts: Callable[[], DagsterFacts] | None = None
) -> Iterator[Family]:
    """Yield every metric; of a lake that is not there, and of Dagster unless asked, none.

    Parameters
    ----------
    facts
        Asks Dagster.
    """
    yield from _of_venues(settings, now)
    yield from _of_alerts(settings)
    yield from _of_live(settings, now)
    if facts is not None:
        yield from _of_dagster(facts(), now)
    if profile_of(settings).exists():
        with connect(settings) as lake:
            lake.begin()  # all figures of one state, and the catalog is read once
            yield from _of_collections(lake, now)
            yield from _of_data(lake, settings, now)


def _of_venues(settings: Settings, now: datetime) -> Iterator[Family]:
    states = breaker_states(settings, settings.venues or venue_names(), now)
    yield Family(
        "funding_breaker_state",
        "1 for the state that a venue's breaker is in, 0 for the others.",
        ("venue", "state"),
        {
            (venue, state): float(state == current)
            for venue, current in states.select("venue", "breaker_state").rows()
            for state in BREAKER_STATES
        },
    )
    yield Family(
        "funding_breaker_failures",
        "Calls to a venue that failed in a row.",
        ("venue",),
        {(venue,): failures for venue, failures in states.select("venue", "failures").rows()},
    )


def _of_alerts(settings: Settings) -> Iterator[Family]:
    if not settings.alerts_file.exists():
        return
    active, waiting = standing(settings)
    counted = Counter((alert.kind, alert.severity) for alert in active)
    yield Family(
        "funding_alerts_active",
        "Alerts that are active.",
        ("kind", "severity"),
        {labels: float(number) for labels, number in counted.items()},
    )
    for name, description, figures in (
        ("waiting", "Messages that wait for a sink.", {s: w.messages for s, w in waiting.items()}),
        (
            "dropped",
            "Messages dropped since one reached the sink, because too many waited.",
            {s: w.lost for s, w in waiting.items()},
        ),
    ):
        series: Mapping[Labels, float] = {(sink,): float(n) for sink, n in figures.items()}
        yield Family(f"funding_alert_messages_{name}", description, ("sink",), series)


def _of_live(settings: Settings, now: datetime) -> Iterator[Family]:
    try:
        latest = read_latest(settings, VENUES)
    except NotLiveError:
        return
    yield Family(
        "funding_live_age_seconds",
        "Since the live collector handed the market out.",
        (),
        {(): latest.age(now).total_seconds()},
    )
    venues = latest.frames[VENUES]
    for column, name, description in _LIVE_FIGURES:
        figures = venues.select("venue", column).drop_nulls().rows()
        series: Mapping[Labels, float] = {(venue,): float(figure) for venue, figure in figures}
        yield Family(f"funding_live_{name}", description, ("venue",), series)


def _of_dagster(facts: DagsterFacts, now: datetime) -> Iterator[Family]:
    yield Family(
        "funding_daemon_heartbeat_age_seconds",
        "Since a part of Dagster's daemon was alive last.",
        ("part",),
        {(part,): (now - at).total_seconds() for part, at in facts.heartbeats.items()},
    )
    yield Family(
        "funding_pool_slots_held",
        "Slots of a pool that are held.",
        ("pool",),
        {(pool,): float(n) for pool, n in Counter(p for p, _ in facts.held_slots).items()},
    )
    yield Family(
        "funding_pool_slots_of_ended_runs",
        "Slots that are held by runs that have ended.",
        (),
        {(): float(len(facts.slots_of_ended_runs))},
    )
    yield Family(
        "funding_runs_under_way", "Runs that are under way.", (), {(): float(len(facts.under_way))}
    )
    yield Family(
        "funding_last_run_failed",
        "1 where the last run of a job failed, 0 where it did not.",
        ("job",),
        {(job,): float(state == "FAILURE") for job, (state, _) in facts.last_runs.items()},
    )
    yield Family(
        "funding_failed_checks",
        "Asset checks whose newest result is an error.",
        (),
        {(): float(len(facts.failed_checks))},
    )


def _of_collections(lake: DuckDBPyConnection, now: datetime) -> Iterator[Family]:
    counted = lake.execute(_COLLECTIONS, {"now": now}).fetchall()
    yield Family(
        "funding_collections",
        "Attempts of the last 24 hours to collect a dataset of a venue, by how they ended.",
        (*_OF_COLLECTION, "status"),
        {
            (venue, dataset, status): float(number)
            for venue, dataset, *numbers in counted
            for status, number in zip(("success", "partial", "failed"), numbers[:3], strict=True)
        },
    )
    for place, name, description in (
        (5, "rows", "Rows that they stored."),
        (6, "requests", "Requests that they sent, retries included."),
    ):
        yield _by_dataset(f"funding_collected_{name}", description, counted, place)
    newest = lake.execute(_NEWEST, {"now": now}).fetchall()
    for place, name, description in (
        (2, "answer_seconds", "Mean time to an answer of the newest attempt."),
        (3, "duration_seconds", "How long the newest attempt took."),
        (4, "lag_seconds", "Since the newest attempt ended."),
    ):
        yield _by_dataset(f"funding_collection_{name}", description, newest, place)


def _by_dataset(name: str, description: str, rows: list[tuple[object, ...]], place: int) -> Family:
    series: dict[Labels, float] = {
        (str(row[0]), str(row[1])): float(str(row[place])) for row in rows if row[place] is not None
    }
    return Family(name, description, _OF_COLLECTION, series)


def _of_data(lake: DuckDBPyConnection, settings: Settings, now: datetime) -> Iterator[Family]:
    ages = data_ages(lake, settings.venues or venue_names(), now)
    for column, name, description in (
        ("age_hours", "age", "Since the newest row."),
        ("tolerated_hours", "age_tolerated", "How old the newest row may be."),
    ):
        yield Family(
            f"funding_data_{name}_seconds",
            description,
            ("asset", "venue"),
            {
                (asset, venue or ""): 3600 * hours
                for asset, venue, hours in ages.select("asset", "venue", column).rows()
                if hours is not None
            },
        )
    size, _ = lake_sizes(lake, now)
    yield Family("funding_lake_bytes", "What the lake's files have.", (), {(): float(size)})
    yield Family(
        "funding_disk_free_bytes",
        "What is free on the disk of the lake.",
        (),
        {(): float(free_bytes(settings.lake_dir))},
    )

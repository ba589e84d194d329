"""Every metric that the platform tells, declared once, by what it is of.

Who tells one takes it from here, so that dashboards, alert rules and documents can be held to this
list, and a test to what is really told.
"""

from collections.abc import Mapping
from typing import Final

from funding_platform.telemetry.metrics import Declared

_VENUE: Final = ("venue",)
_DATASET: Final = ("venue", "dataset")
_CURVE: Final = ("base", "venue")

BREAKER_STATE: Final = Declared(
    "funding_breaker_state",
    "1 for the state that a venue's breaker is in, 0 for the others.",
    ("venue", "state"),
)
BREAKER_FAILURES: Final = Declared(
    "funding_breaker_failures", "Calls to a venue that failed in a row.", _VENUE
)
COLLECTIONS: Final = Declared(
    "funding_collections",
    "Attempts of the last 24 hours to collect a dataset of a venue, by how they ended.",
    (*_DATASET, "status"),
)
COLLECTED_ROWS: Final = Declared(
    "funding_collected_rows", "Rows that attempts of the last 24 hours stored.", _DATASET
)
COLLECTED_REQUESTS: Final = Declared(
    "funding_collected_requests",
    "Requests that attempts of the last 24 hours sent, retries included.",
    _DATASET,
)
COLLECTION_ANSWER: Final = Declared(
    "funding_collection_answer_seconds", "Mean time to an answer of the newest attempt.", _DATASET
)
COLLECTION_DURATION: Final = Declared(
    "funding_collection_duration_seconds", "How long the newest attempt took.", _DATASET
)
COLLECTION_LAG: Final = Declared(
    "funding_collection_lag_seconds", "Since the newest attempt ended.", _DATASET
)

DATA_AGE: Final = Declared("funding_data_age_seconds", "Since the newest row.", ("asset", "venue"))
DATA_AGE_TOLERATED: Final = Declared(
    "funding_data_age_tolerated_seconds", "How old the newest row may be.", ("asset", "venue")
)
SETTLEMENTS_EXPECTED: Final = Declared(
    "funding_settlements_expected", "Settlements of this month that are due by now.", _VENUE
)
SETTLEMENTS_MISSING: Final = Declared(
    "funding_settlements_missing", "Those of them that are not stored.", _VENUE
)
LAKE_BYTES: Final = Declared("funding_lake_bytes", "What the lake's files have.")
LAKE_TABLE_BYTES: Final = Declared(
    "funding_lake_table_bytes", "What the files of a table have now.", ("table",)
)
LAKE_TABLE_FILES: Final = Declared(
    "funding_lake_table_files", "Files that a table has now.", ("table",)
)
LAKE_SNAPSHOTS: Final = Declared("funding_lake_snapshots", "Versions of the lake that can be read.")
LAKE_COMMIT_AGE: Final = Declared("funding_lake_commit_age_seconds", "Since the last commit.")
DISK_FREE: Final = Declared("funding_disk_free_bytes", "What is free on the disk of the lake.")

LIVE_AGE: Final = Declared(
    "funding_live_age_seconds", "Since the live collector handed the market out."
)
LIVE_DATA_AGE: Final = Declared(
    "funding_live_data_age_seconds", "Age of a venue's newest data when that was.", _VENUE
)
LIVE_UPDATES: Final = Declared(
    "funding_live_updates_per_second", "What a venue's streams said of perpetuals.", _VENUE
)
LIVE_INSTRUMENTS: Final = Declared(
    "funding_live_instruments", "Perpetuals of a venue that have been heard of.", _VENUE
)
LIVE_STALE: Final = Declared(
    "funding_live_stale_instruments", "Those of them that are not heard of any more.", _VENUE
)
LIVE_RECONNECTS: Final = Declared(
    "funding_live_reconnects_total",
    "How often a venue's streams broke off since the collector began.",
    _VENUE,
    "counter",
)

CURVE_LEVEL_Z: Final = Declared(
    "funding_curve_level_z", "How far the level of a watched curve is from its mean.", _CURVE
)
CURVE_SLOPE_Z: Final = Declared(
    "funding_curve_slope_z", "How far the slope of a watched curve is from its mean.", _CURVE
)
CURVE_LEVEL: Final = Declared(
    "funding_curve_level_ratio", "Level of a watched curve, a fraction per year.", _CURVE
)
CURVE_DISPERSION: Final = Declared(
    "funding_curve_dispersion_ratio",
    "Standard deviation of the level across venues, a fraction per year.",
    _CURVE,
)
OPPORTUNITIES: Final = Declared(
    "funding_opportunities", "Pairs of the newest look, by tier.", ("tier",)
)
BEST_NET_APR: Final = Declared(
    "funding_best_opportunity_net_apr_ratio", "The best net return per year of a tier.", ("tier",)
)

TRADER_AGE: Final = Declared(
    "funding_trader_cycle_age_seconds", "Since the trader's last cycle ended."
)
TRADER_CYCLE: Final = Declared("funding_trader_cycle_seconds", "How long that cycle took.")
TRADER_HALTED: Final = Declared(
    "funding_trader_halted", "1 where new risk is halted, 0 where it is not."
)
TRADER_REFUSED: Final = Declared(
    "funding_trader_refused", "What the last cycle did not do, and why it would not."
)
TRADER_PAIRS: Final = Declared("funding_trader_pairs", "Pairs held, by state.", ("state",))
TRADER_NOTIONAL: Final = Declared("funding_trader_notional_usd", "Notional of the pairs held.")
TRADER_EQUITY: Final = Declared("funding_trader_equity_usd", "Equity of an account.", _VENUE)
TRADER_REACHABLE: Final = Declared(
    "funding_trader_venue_reachable",
    "1 where the account of a venue answers, else 0.",
    _VENUE,
)
TRADER_MARGIN: Final = Declared(
    "funding_trader_margin_ratio", "Equity over maintenance margin of an account.", _VENUE
)
TRADER_UNHEDGED: Final = Declared(
    "funding_trader_unhedged_pairs", "Open pairs whose legs do not hold alike."
)
TRADER_PNL: Final = Declared(
    "funding_trader_pnl_usd",
    "Earned since the start, by what it is from; fees count against it.",
    ("part",),
)

ALERTS_ACTIVE: Final = Declared(
    "funding_alerts_active", "Alerts that are active.", ("kind", "severity")
)
ALERT_MESSAGES_WAITING: Final = Declared(
    "funding_alert_messages_waiting", "Messages that wait for a sink.", ("sink",)
)
ALERT_MESSAGES_DROPPED: Final = Declared(
    "funding_alert_messages_dropped",
    "Messages dropped since one reached the sink, because too many waited.",
    ("sink",),
)

DAEMON_HEARTBEAT_AGE: Final = Declared(
    "funding_daemon_heartbeat_age_seconds",
    "Since a part of Dagster's daemon was alive last.",
    ("part",),
)
POOL_SLOTS_HELD: Final = Declared(
    "funding_pool_slots_held", "Slots of a pool that are held.", ("pool",)
)
POOL_SLOTS_OF_ENDED_RUNS: Final = Declared(
    "funding_pool_slots_of_ended_runs", "Slots that are held by runs that have ended."
)
RUNS_UNDER_WAY: Final = Declared("funding_runs_under_way", "Runs that are under way.")
LAST_RUN_FAILED: Final = Declared(
    "funding_last_run_failed", "1 where the last run of a job failed, 0 where it did not.", ("job",)
)
FAILED_CHECKS: Final = Declared(
    "funding_failed_checks", "Asset checks whose newest result is an error."
)

SERVICE_ANSWERS: Final = Declared(
    "funding_service_answers_total",
    "Requests answered since the service began, by the class of their status.",
    ("status",),
    "counter",
)
SERVICE_SECONDS: Final = Declared(
    "funding_service_answer_seconds", "How long answers took.", (), "histogram"
)
SERVICE_CACHE_BYTES: Final = Declared(
    "funding_service_cache_bytes", "What the encoded answers that are kept take."
)
SERVICE_CACHE_ANSWERS: Final = Declared(
    "funding_service_cache_answers_total",
    "Answers since the service began, by whether they had been encoded already.",
    ("found",),
    "counter",
)
SERVICE_CACHE_HIT_RATIO: Final = Declared(
    "funding_service_cache_hit_ratio", "Share of answers that had been encoded already."
)
SERVICE_STREAM_CLIENTS: Final = Declared("funding_service_stream_clients", "Streams that are open.")
SERVICE_STREAMS_LET_GO: Final = Declared(
    "funding_service_streams_let_go_total",
    "Streams closed since the service began, because whoever had them took nothing.",
    (),
    "counter",
)

GROUPS: Final[Mapping[str, tuple[Declared, ...]]] = {
    "collection": (
        *(BREAKER_STATE, BREAKER_FAILURES, COLLECTIONS, COLLECTED_ROWS, COLLECTED_REQUESTS),
        *(COLLECTION_ANSWER, COLLECTION_DURATION, COLLECTION_LAG),
    ),
    "lake": (
        *(DATA_AGE, DATA_AGE_TOLERATED, SETTLEMENTS_EXPECTED, SETTLEMENTS_MISSING),
        *(LAKE_BYTES, LAKE_TABLE_BYTES, LAKE_TABLE_FILES, LAKE_SNAPSHOTS, LAKE_COMMIT_AGE),
        DISK_FREE,
    ),
    "live": (
        *(LIVE_AGE, LIVE_DATA_AGE, LIVE_UPDATES, LIVE_INSTRUMENTS, LIVE_STALE, LIVE_RECONNECTS),
    ),
    "market": (
        *(CURVE_LEVEL, CURVE_LEVEL_Z, CURVE_SLOPE_Z, CURVE_DISPERSION),
        *(OPPORTUNITIES, BEST_NET_APR),
    ),
    "execution": (
        *(TRADER_AGE, TRADER_CYCLE, TRADER_HALTED, TRADER_REFUSED, TRADER_PAIRS),
        *(TRADER_NOTIONAL, TRADER_EQUITY, TRADER_REACHABLE, TRADER_MARGIN, TRADER_UNHEDGED),
        TRADER_PNL,
    ),
    "alerts": (ALERTS_ACTIVE, ALERT_MESSAGES_WAITING, ALERT_MESSAGES_DROPPED),
    "orchestration": (
        *(DAEMON_HEARTBEAT_AGE, POOL_SLOTS_HELD, POOL_SLOTS_OF_ENDED_RUNS, RUNS_UNDER_WAY),
        *(LAST_RUN_FAILED, FAILED_CHECKS),
    ),
    "service": (
        *(SERVICE_ANSWERS, SERVICE_SECONDS, SERVICE_CACHE_BYTES, SERVICE_CACHE_ANSWERS),
        *(SERVICE_CACHE_HIT_RATIO, SERVICE_STREAM_CLIENTS, SERVICE_STREAMS_LET_GO),
    ),
}
"""By part of the platform, in the order in which documents list them."""

"""Is what the lake holds what was promised? One plain function per question.

Each takes a connection to the lake and returns an `Answer`: a verdict with the figures behind it.
The orchestrator shows them as asset checks; a notebook can ask the same.
"""

from datetime import datetime, timedelta

import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.core.assumptions import SNAPSHOT_STALE_AFTER
from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import SKEW
from funding_platform.core.units import TENOR_HOURS
from funding_platform.flows.checks.accruing import settled_and_accruing
from funding_platform.flows.checks.answer import Answer, one_row
from funding_platform.flows.checks.rates import (
    at_fault,
    disagreements,
    settled_and_predicted,
    two_sources,
)
from funding_platform.lake.connection import stored_tables
from funding_platform.venues.adapters.coingecko import native_venue
from funding_platform.venues.parsing.plausibility import settled_at_rest

HISTORY_REFRESH = timedelta(days=1)
"""Settled history is refreshed three times a day; two refreshes may fail."""

AGGREGATOR = "coingecko"
"""The venue whose snapshots relay those of others."""

CROSS_CHECKED = timedelta(days=7)
"""How far back rates are compared; what is older was compared when it was new."""

MISSING_BUCKETS_OVER = timedelta(days=30)
MAX_MISSING_SHARE = 0.02
"""Of the buckets of settled curves."""

SHOWN_SYMBOLS = 10

AT_REST_OVER = timedelta(days=30)

_DATED = {
    "core.instruments": "last_seen_at",
    "core.funding_rates": "funding_time",
    "core.market_snapshots": "observed_at",
    "core.order_book_depth": "observed_at",
    "core.price_candles": "available_at",
    "core.spot_candles": "available_at",
    "core.open_interest": "time",
}
"""Tables of what has been seen, and by when it had been."""

_SETTLED = """
SELECT venue_symbol, funding_time, funding_rate, interval_hours FROM core.funding_rates
WHERE venue = ? AND funding_time >= ?
"""
_PREDICTED = """
SELECT venue_symbol, snapshot_hour, predicted_rate, interval_hours, next_funding_time, mark_price,
    observed_at
FROM core.market_snapshots
WHERE venue = ? AND snapshot_hour >= ? AND predicted_rate IS NOT NULL
"""
_MISSING_BUCKETS = f"""
WITH settled AS (
    SELECT *, min(as_of) OVER (PARTITION BY venue, venue_symbol) AS first_as_of
    FROM features.curve_snapshots WHERE kind = 'settled'
)
SELECT c.venue, count(*) * {len(BUCKETS)} AS buckets,
    sum(c.n_interpolated + {" + ".join(f"(c.{name} IS NULL)::INT" for name in BUCKETS)}) AS missing
FROM settled AS c LEFT JOIN core.instruments AS i USING (venue, venue_symbol)
WHERE c.as_of >= ? AND c.as_of >= c.first_as_of + to_hours({(len(BUCKETS) - 1) * TENOR_HOURS})
    AND coalesce(i.status, 'trading') = 'trading'
GROUP BY c.venue ORDER BY missing / buckets DESC
"""


def schema_as_declared(lake: DuckDBPyConnection, table: Table) -> Answer:
    """Do the stored columns and types equal the declaration?"""
    described = lake.execute(f"DESCRIBE {table.full_name}").fetchall()
    stored = [(name, kind) for name, kind, *_ in described]
    declared = [(column.name, column.type.value) for column in table.columns]
    differing = sorted(set(stored) ^ set(declared))
    verdict = f"differs in {differing}" if differing else f"{len(declared)} columns as declared"
    return Answer(stored == declared, verdict, {"columns": len(stored)})


def keys_unique(lake: DuckDBPyConnection, table: Table, venue: str) -> Answer:
    """Is every key of a venue's rows there once?"""
    rows, distinct = one_row(
        lake,
        f"SELECT count(*), count(DISTINCT ({', '.join(table.key)})) "
        f"FROM {table.full_name} WHERE venue = ?",
        [venue],
    )
    doubled = rows - distinct
    return Answer(doubled == 0, f"{doubled} doubled keys in {rows} rows", {"rows": rows})


def history_fresh(lake: DuckDBPyConnection, venue: str, now: datetime) -> Answer:
    """Is the newest settlement as recent as the refreshes let one expect?

    The limit is a day and two of the venue's shortest intervals.
    """
    newest, hours = one_row(
        lake,
        "SELECT max(funding_time), min(interval_hours) FILTER (funding_time > ?) "
        "FROM core.funding_rates WHERE venue = ? AND funding_time <= ?",
        [now - timedelta(days=7), venue, now],
    )
    if newest is None or hours is None:
        return Answer(False, f"{venue} has no settlement in the last seven days")
    return _age(newest, now, HISTORY_REFRESH + 2 * timedelta(hours=hours), "newest settlement")


def rows_ahead(lake: DuckDBPyConnection, now: datetime) -> list[tuple[str, int, datetime]]:
    """Return what a clock has dated ahead of now: the table, how many rows, the newest time."""
    there = stored_tables(lake)
    questions = " UNION ALL ".join(
        f"SELECT '{table}' AS name, count(*), max({column}) FROM {table} WHERE {column} > $now"
        for table, column in _DATED.items()
        if table in there
    )
    if not questions:
        return []
    rows = lake.execute(questions, {"now": now + SKEW}).fetchall()
    return [(table, count, newest) for table, count, newest in rows if count]


def nothing_ahead(lake: DuckDBPyConnection, table: Table, venue: str, now: datetime) -> Answer:
    """Is every row of a venue of a time that has come?"""
    column = _DATED[table.full_name]
    rows, newest = one_row(
        lake,
        f"SELECT count(*), max({column}) FROM {table.full_name} WHERE venue = ? AND {column} > ?",
        [venue, now + SKEW],
    )
    told = f"{rows} rows are dated ahead of now, up to {newest:%Y-%m-%d}" if rows else None
    return Answer(not rows, told or "no row is dated ahead of now", {"rows": rows})


def rates_not_at_rest(lake: DuckDBPyConnection, venue: str, now: datetime) -> Answer:
    """Has any market of the venue settled at another rate than 0 in the last thirty days?"""
    rates = lake.execute(
        "SELECT venue_symbol, funding_rate FROM core.funding_rates "
        "WHERE venue = ? AND funding_time > ? AND funding_time <= ?",
        [venue, now - AT_REST_OVER, now],
    ).pl()
    markets = rates["venue_symbol"].n_unique()
    doubts = settled_at_rest(venue, rates["funding_rate"], markets)
    verdict = str(doubts[0]) if doubts else f"{rates.height} settlements of {markets} markets"
    return Answer(not doubts, verdict, {"settlements": rates.height, "markets": markets})


def seen_lately(
    lake: DuckDBPyConnection, table: Table, column: str, venue: str, now: datetime
) -> Answer:
    """Was the venue looked at within the last two hours?"""
    (newest,) = one_row(
        lake,
        f"SELECT max({column}) FROM {table.full_name} WHERE venue = ? AND {column} <= ?",
        [venue, now],
    )
    if newest is None:
        return Answer(False, f"{venue} has never been seen")
    return _age(newest, now, SNAPSHOT_STALE_AFTER, "last seen")


def snapshot_covers_listed(lake: DuckDBPyConnection, venue: str) -> Answer:
    """Has every instrument that is listed as trading a row in the newest snapshot?

    Of the instruments, those count that were seen within two hours before it.
    """
    listed, absent = one_row(
        lake,
        "WITH newest AS (SELECT max(snapshot_hour) AS hour FROM core.market_snapshots "
        "WHERE venue = $venue AND snapshot_hour <= now()) "
        "SELECT count(*), list(i.venue_symbol ORDER BY i.venue_symbol) "
        "FILTER (s.venue_symbol IS NULL) "
        "FROM core.instruments AS i CROSS JOIN newest LEFT JOIN core.market_snapshots AS s "
        "ON s.venue = i.venue AND s.venue_symbol = i.venue_symbol AND s.snapshot_hour = hour "
        "WHERE i.venue = $venue AND i.status = 'trading' AND i.last_seen_at >= hour - $limit",
        {"venue": venue, "limit": SNAPSHOT_STALE_AFTER},
    )
    missing = absent or []
    verdict = f"{len(missing)} of {listed} trading instruments have no row in the newest snapshot"
    named = f": {', '.join(missing[:SHOWN_SYMBOLS])}" if missing else ""
    return Answer(not missing, verdict + named, {"listed": listed, "missing": len(missing)})


def few_missing_buckets(lake: DuckDBPyConnection, now: datetime) -> Answer:
    """Are under 2 % of the buckets of the last 30 days' settled curves missing or interpolated?

    Curves count from the eighth window of an instrument on, before which there was nothing to
    miss, and while it trades.
    """
    by_venue = lake.execute(_MISSING_BUCKETS, [now - MISSING_BUCKETS_OVER]).fetchall()
    buckets, missing = (sum(int(row[k]) for row in by_venue) for k in (1, 2))
    if not buckets:
        return Answer(False, f"no settled curve in the last {MISSING_BUCKETS_OVER.days} days")
    share = missing / buckets
    worst, of, without = by_venue[0]
    return Answer(
        share < MAX_MISSING_SHARE,
        f"{share:.2%} of {buckets} buckets are missing or interpolated, most on {worst}: "
        f"{int(without) / int(of):.2%}",
        {"buckets": buckets, "missing": missing, "share": round(share, 6)},
    )


def predicted_agrees(
    lake: DuckDBPyConnection, venue: str, now: datetime
) -> tuple[Answer, pl.DataFrame]:
    """Do the rates of the last week settle as the venue itself predicted them?

    Returns
    -------
    tuple
        The verdict, and the flagged pairs: see ``checks.rates``.
    """
    since = now - CROSS_CHECKED
    settled = lake.execute(_SETTLED, [venue, since]).pl()
    predicted = lake.execute(_PREDICTED, [venue, since]).pl()
    dated = predicted.filter(pl.col("next_funding_time").is_not_null())
    pairs = [settled_and_predicted(settled, dated), settled_and_accruing(settled, predicted)]
    return _agreement(pl.concat(pairs), f"{venue}'s own predictions")


def second_opinion_agrees(
    lake: DuckDBPyConnection, venue: str, now: datetime
) -> tuple[Answer, pl.DataFrame]:
    """Tell whether an aggregator shows a venue's predicted rates of the last week as it does.

    Returns
    -------
    tuple
        The verdict, and the flagged pairs: see ``checks.rates``.
    """
    since = now - CROSS_CHECKED
    own = lake.execute(_PREDICTED, [venue, since]).pl()
    relayed = lake.execute(_PREDICTED, [AGGREGATOR, since]).pl()
    return _agreement(two_sources(own, _relayed_of(relayed, venue)), AGGREGATOR)


def _relayed_of(relayed: pl.DataFrame, venue: str) -> pl.DataFrame:
    """Select what the aggregator shows of one venue; it writes ``<market>:<symbol>``."""
    parts = pl.col("venue_symbol").str.splitn(":", 2)
    split = relayed.with_columns(
        parts.struct[0].alias("market"), parts.struct[1].alias("venue_symbol")
    )
    markets = [name for name in split["market"].unique() if native_venue(name) == venue]
    return split.filter(pl.col("market").is_in(markets))


def _agreement(pairs: pl.DataFrame, with_whom: str) -> tuple[Answer, pl.DataFrame]:
    compared = disagreements(pairs)
    flagged = compared.filter(pl.col("reason").is_not_null())
    faults = at_fault(compared)
    told = f"{flagged.height} of {compared.height} rates disagree with {with_whom}"
    figures: dict[str, object] = {"pairs": compared.height, "flagged": flagged.height}
    figures.update(flagged.group_by("reason").len().sort("reason").iter_rows())
    return Answer(not faults, "; ".join([told, *faults]), figures), flagged


def _age(newest: datetime, now: datetime, limit: timedelta, what: str) -> Answer:
    age = now - newest
    return Answer(
        age <= limit,
        f"{what} {newest:%Y-%m-%d %H:%M} UTC, at most {limit} behind is fresh",
        {"newest": newest.isoformat(), "age_hours": round(age / timedelta(hours=1), 2)},
    )

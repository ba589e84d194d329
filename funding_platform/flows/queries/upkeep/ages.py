"""How old the newest data are, per asset, and how old they may be."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.assumptions import SNAPSHOT_STALE_AFTER
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.schema import UTC_TIME, Table
from funding_platform.core.time_grid import HOUR, TENOR
from funding_platform.flows.checks.lake import HISTORY_REFRESH
from funding_platform.flows.checks.prices import FRESH_WITHIN
from funding_platform.lake.connection import stored_tables
from funding_platform.venues.registry import offering

AGES: Final = pl.Schema(
    {
        "asset": pl.String(),
        "venue": pl.String(),
        "newest": UTC_TIME,
        "age_hours": pl.Float64(),
        "tolerated_hours": pl.Float64(),
    }
)

LOOK_BACK: Final = timedelta(days=60)
"""What is older is not looked for: the question must not grow with the history."""

COLLECTED: Final = (
    (INSTRUMENTS, "last_seen_at", SNAPSHOT_STALE_AFTER),
    (MARKET_SNAPSHOTS, "observed_at", SNAPSHOT_STALE_AFTER),
    (FUNDING_RATES, "funding_time", HISTORY_REFRESH + 2 * TENOR),
    (PRICE_CANDLES, "open_time", FRESH_WITHIN),
    (SPOT_CANDLES, "open_time", FRESH_WITHIN),
    (OPEN_INTEREST, "time", FRESH_WITHIN),
)
"""Tables that are collected by venue: the time that dates a row, and how old the newest may be."""

COMPUTED: Final = (
    (CURVE_SNAPSHOTS, "as_of", HISTORY_REFRESH + 2 * TENOR),
    (CURVE_FACTORS, "as_of", HISTORY_REFRESH + 2 * TENOR),
    (FEATURE_STORE, "as_of", HISTORY_REFRESH + 2 * TENOR),
    (OPPORTUNITIES, "observed_at", SNAPSHOT_STALE_AFTER + HOUR),
)
"""Tables that are made of them, likewise: of curves, those that have settled."""


def data_ages(
    connection: duckdb.DuckDBPyConnection, venues: Iterable[str], now: datetime
) -> pl.DataFrame:
    """Find how old the newest row of every table is, by venue where it was collected.

    Returns
    -------
    polars.DataFrame
        ``AGES``: one row per table, and per venue that offers it. ``venue`` is null of what is
        computed; ``newest`` and ``age_hours`` are null where nothing of the last 60 days is there.
    """
    chosen, stored = list(venues), stored_tables(connection)
    rows: list[tuple[object, ...]] = []
    for table, column, tolerated in COLLECTED:
        known = table.full_name in stored
        newest = _newest_by_venue(connection, table, column, now) if known else {}
        rows += [
            _row(table, venue, newest.get(venue), tolerated, now)
            for venue in offering(table, chosen)
        ]
    for table, column, tolerated in COMPUTED:
        known = table.full_name in stored
        last = _newest(connection, table, column, now) if known else None
        rows.append(_row(table, None, last, tolerated, now))
    return pl.DataFrame(rows, schema=AGES, orient="row")


def _newest_by_venue(
    connection: duckdb.DuckDBPyConnection, table: Table, column: str, now: datetime
) -> dict[str, datetime]:
    sql = (
        f"SELECT venue, max({column}) FROM {table.full_name} "
        f"WHERE {column} > ? AND {column} <= ? GROUP BY venue"
    )
    return dict(connection.execute(sql, [now - LOOK_BACK, now]).fetchall())


def _newest(
    connection: duckdb.DuckDBPyConnection, table: Table, column: str, now: datetime
) -> datetime | None:
    sql = f"SELECT max({column}) FROM {table.full_name} WHERE {column} > ? AND {column} <= ?"
    found = connection.execute(sql, [now - LOOK_BACK, now]).fetchone()
    return found[0] if found else None


def _row(
    table: Table, venue: str | None, newest: datetime | None, tolerated: timedelta, now: datetime
) -> tuple[object, ...]:
    age = None if newest is None else (now - newest) / HOUR
    return table.full_name, venue, newest, age, tolerated / HOUR

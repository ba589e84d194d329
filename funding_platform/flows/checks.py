"""Is what the lake holds what was promised? One plain function per question.

Each takes a connection to the lake and returns an `Answer`: a verdict with the figures behind it.
The orchestrator shows them as asset checks; a notebook can ask the same.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from duckdb import DuckDBPyConnection

from funding_platform.core.schema import Table

HISTORY_REFRESH = timedelta(days=1)
"""Settled history is refreshed once a day."""

SNAPSHOT_LIMIT = timedelta(hours=2)
"""Snapshots are taken hourly; one may be missed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, in words, with its figures."""

    passed: bool
    verdict: str
    figures: dict[str, object] = field(default_factory=dict)


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
    rows, distinct = _row(
        lake,
        f"SELECT count(*), count(DISTINCT ({', '.join(table.key)})) "
        f"FROM {table.full_name} WHERE venue = ?",
        [venue],
    )
    doubled = rows - distinct
    return Answer(doubled == 0, f"{doubled} doubled keys in {rows} rows", {"rows": rows})


def history_fresh(lake: DuckDBPyConnection, venue: str, now: datetime) -> Answer:
    """Is the newest settlement as recent as a daily refresh lets one expect?

    The limit is a day and two of the venue's shortest intervals.
    """
    newest, hours = _row(
        lake,
        "SELECT max(funding_time), min(interval_hours) FILTER (funding_time > ?) "
        "FROM core.funding_rates WHERE venue = ?",
        [now - timedelta(days=7), venue],
    )
    if newest is None or hours is None:
        return Answer(False, f"{venue} has no settlement in the last seven days")
    return _age(newest, now, HISTORY_REFRESH + 2 * timedelta(hours=hours), "newest settlement")


def seen_lately(
    lake: DuckDBPyConnection, table: Table, column: str, venue: str, now: datetime
) -> Answer:
    """Was the venue looked at within the last two hours?"""
    (newest,) = _row(lake, f"SELECT max({column}) FROM {table.full_name} WHERE venue = ?", [venue])
    if newest is None:
        return Answer(False, f"{venue} has never been seen")
    return _age(newest, now, SNAPSHOT_LIMIT, "last seen")


def _age(newest: datetime, now: datetime, limit: timedelta, what: str) -> Answer:
    age = now - newest
    return Answer(
        age <= limit,
        f"{what} {newest:%Y-%m-%d %H:%M} UTC, at most {limit} behind is fresh",
        {"newest": newest.isoformat(), "age_hours": round(age / timedelta(hours=1), 2)},
    )


def _row(lake: DuckDBPyConnection, sql: str, parameters: list[object]) -> tuple[Any, ...]:
    """The one row of an aggregate."""
    row = lake.execute(sql, parameters).fetchone()
    assert row is not None
    return tuple(row)

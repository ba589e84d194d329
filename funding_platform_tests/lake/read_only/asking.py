"""Limits, and statements in their place, for the tests of the query door."""

from pathlib import Path

from funding_platform.lake.errors import QueryMemoryError, QueryTimeoutError, QueryTooLargeError
from funding_platform.lake.read_only.query import QueryLimits
from funding_platform.settings import Settings
from funding_platform_tests.lake.read_only.statements import STATEMENTS, Statement, Verdict

MiB = 2**20

SHARED = 256 * MiB
"""What a query's process has in memory before it begins, and more."""

STOPPED = (QueryTimeoutError, QueryMemoryError, QueryTooLargeError)

SMALL = QueryLimits(seconds=60, cpu_seconds=0.25, memory="256MiB", answer="64MiB")
"""Little enough for many statements in one run of the tests; no time on the clock decides."""
LARGE = QueryLimits(seconds=60, cpu_seconds=5, memory="1GiB", answer="256MiB")


def placed(statement: Statement, settings: Settings, outside: Path) -> str:
    """A statement with the places that it speaks of."""
    sql = statement.sql
    for name, place in {
        "{files}": settings.lake_dir / "files",
        "{catalog}": settings.lake_dir / "catalog.sqlite",
        "{outside}": outside,
    }.items():
        sql = sql.replace(name, str(place))
    return sql


def of(verdict: Verdict) -> list[Statement]:
    return [statement for statement in STATEMENTS if statement.verdict == verdict]


def names(statements: list[Statement]) -> list[str]:
    return [statement.name for statement in statements]

"""Which rows of a table that grows a data test has yet to see: those of days that changed.

A rule of single rows, or of rows that share a key with its time, holds for all of them when it
holds for each day. So a test that passed need not look at days that stayed as they were. Once in
seven days it looks at all of them, as does one that failed until it passes, one that changed, and
one of which nothing is known. What is known lies in a file beside the catalog: to lose it costs one
look at everything.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import duckdb

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.marts.opportunity_history import GROWING
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import LAKE
from funding_platform.lake.marts.changes import FULL_AFTER, changed_rows, code_digest
from funding_platform.settings import Settings

_LOGGER = logging.getLogger(__name__)

TESTS: Final[Mapping[str, Table]] = {
    **{
        f"{table.name}_as_declared": table
        for table in TABLES.values()
        if table.grows_by and table.full_name not in GROWING
    },
    "coverage_counts_every_settlement": FUNDING_RATES,
    "resampled_funding_adds_up": FUNDING_RATES,
    "statistics_count_every_settlement": FUNDING_RATES,
}
"""dbt tests that may look at some days alone, and the table whose rows they look at."""

_COMMITTED: Final = f"SELECT snapshot_time FROM {LAKE}.snapshots() WHERE snapshot_id = ?"


@dataclass(frozen=True, slots=True)
class Passed:
    """When a test passed.

    Attributes
    ----------
    snapshot, committed
        What it saw: the snapshot and the time of its commit, in ISO 8601. A lake that was restored
        may have given the number to another.
    whole_at
        When it last looked at all rows.
    """

    snapshot: int
    committed: str
    whole_at: str


@dataclass(frozen=True, slots=True)
class DaysToTest:
    """What tests are to look at in a build, and what is known when they have.

    Attributes
    ----------
    days
        Days of tests that need not look at all of them; those not named here look at everything.
    snapshot, committed
        What they look at.
    """

    days: dict[str, list[datetime]]
    snapshot: int
    committed: datetime
    _file: Path
    _code: str
    _passed: dict[str, Passed]
    _now: datetime

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, settings: Settings, snapshot: int) -> Self:
        """Tell what tests of the lake as of a snapshot, which is the newest, have to look at."""
        now, code = datetime.now(UTC), code_digest()
        file = settings.lake_dir / "tested.json"
        passed = _read(file, code)
        days = dict(_days(connection, passed, snapshot, now))
        ((committed,),) = connection.execute(_COMMITTED, [snapshot]).fetchall()
        return cls(days, snapshot, committed, file, code, passed, now)

    def remember(self, outcomes: Iterable[tuple[str, bool]]) -> None:
        """Keep which tests passed; of those that did not, nothing is known any more."""
        known = dict(self._passed)
        for test, passed in outcomes:
            known.pop(test, None)
            if passed and test in TESTS:
                whole_at = (
                    self._passed[test].whole_at if test in self.days else self._now.isoformat()
                )
                known[test] = Passed(self.snapshot, self.committed.isoformat(), whole_at)
        tests = {test: asdict(one) for test, one in known.items()}
        aside = self._file.with_name(f".{self._file.name}.{os.getpid()}.new")
        aside.write_text(json.dumps({"code": self._code, "tests": tests}), encoding="utf-8")
        aside.replace(self._file)


def _read(file: Path, code: str) -> dict[str, Passed]:
    """Read when tests of this code passed; a file that is not as it should be says nothing."""
    try:
        found = json.loads(file.read_bytes())
        if found["code"] != code:
            return {}
        return {test: Passed(**one) for test, one in found["tests"].items() if test in TESTS}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        _LOGGER.warning("all rows are tested: %s cannot be read: %s", file, error)
        return {}


def _days(
    connection: duckdb.DuckDBPyConnection,
    passed: Mapping[str, Passed],
    snapshot: int,
    now: datetime,
) -> Iterator[tuple[str, list[datetime]]]:
    """Yield tests that may look at some days alone, and the days."""
    found: dict[tuple[str, int, str], list[datetime] | None] = {}
    for test, last in passed.items():
        if not timedelta(0) <= now - datetime.fromisoformat(last.whole_at) < FULL_AFTER:
            continue
        seen = TESTS[test].full_name, last.snapshot, last.committed
        if seen not in found:
            found[seen] = _changed(connection, TESTS[test], last, snapshot)
        if (days := found[seen]) is not None:
            yield test, days


def _changed(
    connection: duckdb.DuckDBPyConnection, table: Table, last: Passed, snapshot: int
) -> list[datetime] | None:
    """Return the days of which rows came or went since; None where that cannot be told."""
    committed = connection.execute(_COMMITTED, [last.snapshot]).fetchone()
    if committed is None or committed[0] != datetime.fromisoformat(last.committed):
        return None
    what = f"date_trunc('day', {table.grows_by})"
    try:
        days = changed_rows(connection, table, what, last.snapshot, snapshot)
    except duckdb.Error as error:
        _LOGGER.info("all rows of %s are tested: %s", table.full_name, error)
        return None
    return sorted(day for (day,) in days)

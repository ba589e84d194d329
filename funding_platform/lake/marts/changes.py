"""Which months of settlements a build works out anew: those that changed since the last one.

Each build leaves a note in its commit: the snapshot that it read, when it began, the code that it
ran, and when all months were last worked out. Where the note is not there, or does not hold, all
months are: a lake that was put together again has other snapshots and no notes, and an expired
snapshot cannot say what was deleted since.
"""

import hashlib
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.marts.increments import INCREMENTS, SETTLEMENT_MONTHS
from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import LAKE
from funding_platform.lake.connection import stored_tables
from funding_platform.settings import project_file

_LOGGER = logging.getLogger(__name__)

FULL_AFTER: Final = timedelta(days=7)
"""How long a build may rest on months of earlier ones before all of them are worked out anew."""

_NOTES: Final = "TRY_CAST(commit_extra_info AS JSON)"

_LAST_NOTE: Final = f"""
SELECT {_NOTES} ->> 'months_read' AS snapshot, {_NOTES} ->> 'began' AS began,
    {_NOTES} ->> 'code' AS code, {_NOTES} ->> 'full_at' AS full_at
FROM {LAKE}.snapshots() WHERE {_NOTES} ->> 'code' IS NOT NULL
ORDER BY snapshot_id DESC LIMIT 1
"""

_MONTH: Final = "venue, date_trunc('month', funding_time) AS month"

_CHANGED: Final = """
SELECT {what} FROM ducklake_table_insertions($lake, $schema, $table, $first, $last)
UNION
SELECT {what} FROM ducklake_table_deletions($lake, $schema, $table, $first, $last)
"""

_EXACT: Final = (
    *("settlements", "missing", "scaled", "positive", "at_default", "neighbours"),
    *("first_funding_time", "last_funding_time", "min_rate_8h", "max_rate_8h", "settled_hours"),
)
"""What comes out the same in whatever order it is added up."""

_TO_COME: Final = f"SELECT DISTINCT {_MONTH} FROM {FUNDING_RATES.full_name} WHERE funding_time > ?"


Month = tuple[str, datetime]
"""A venue, and the first instant of a month."""


@dataclass(frozen=True, slots=True)
class BuildNote:
    """What a build says of itself to those after it.

    Attributes
    ----------
    months_read
        The snapshot whose settlements the months are of; None where not all that is kept of them
        was built together.
    began, full_at
        When it began, and when the last build began that worked out all months, in ISO 8601.
    code
        Digest of the dbt project.
    """

    months_read: int | None
    began: str
    code: str
    full_at: str

    def is_recent(self, now: datetime) -> bool:
        """Tell whether all months were worked out within the last days."""
        return timedelta(0) <= now - datetime.fromisoformat(self.full_at) < FULL_AFTER

    def as_extra(self) -> dict[str, object]:
        """Return the note as it is stored with the commit."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build is to do.

    Attributes
    ----------
    months
        Venues and months to work out anew; None for all.
    note
        What it leaves behind when all of it has been built.
    changed
        Where all are worked out though the last build could be built upon: those that changed. The
        others must come out as they are kept.
    """

    months: list[Month] | None
    note: BuildNote
    changed: list[Month] | None = None


def plan_of(connection: duckdb.DuckDBPyConnection, snapshot: int, *, full: bool) -> Plan:
    """Plan a build of the lake's marts as of a snapshot, which is the newest.

    Parameters
    ----------
    full
        Work out all months, whatever changed.
    """
    began, code = datetime.now(UTC), code_digest()
    last = _last_note(connection, snapshot, code)
    months = None if last is None else _changed(connection, last, snapshot, began)
    if last is not None and months is not None and not full and last.is_recent(began):
        return Plan(months, BuildNote(snapshot, began.isoformat(), code, last.full_at))
    return Plan(None, BuildNote(snapshot, began.isoformat(), code, began.isoformat()), months)


def months_that_differ(
    connection: duckdb.DuckDBPyConnection, built: str, changed: list[Month]
) -> list[Month]:
    """Return months that are kept otherwise than a build of all of them has them.

    Parameters
    ----------
    connection
        The lake, with the file of the build beside it.
    built
        The name that the file is attached under.
    changed
        Months that may differ.
    """
    table = SETTLEMENT_MONTHS.full_name
    differs = " OR ".join(f"kept.{name} IS DISTINCT FROM new.{name}" for name in _EXACT)
    found = connection.execute(
        f"SELECT DISTINCT venue, month FROM {LAKE}.{table} AS kept "
        f"FULL JOIN {built}.{table} AS new USING ({', '.join(SETTLEMENT_MONTHS.key)}) "
        f"WHERE (kept.listing_starts IS NOT DISTINCT FROM new.listing_starts) AND ({differs}) "
        "ORDER BY ALL"
    ).fetchall()
    return sorted(set(found) - set(changed))


def code_digest() -> str:
    """Return a digest of the dbt project: what is declared, and how it is worked out."""
    project = project_file("dbt_project")
    digest = hashlib.sha256()
    for folder in ("models", "macros", "seeds", "tests", "dbt_project.yml"):
        for path in sorted([project / folder, *(project / folder).rglob("*")]):
            if path.is_file() and path.suffix in (".sql", ".yml", ".csv"):
                digest.update(f"{path.relative_to(project)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _last_note(connection: duckdb.DuckDBPyConnection, snapshot: int, code: str) -> BuildNote | None:
    """Return the note of the last build, if what it left can be built upon."""
    found = connection.execute(_LAST_NOTE).fetchone()
    kept = {table.full_name for table in INCREMENTS}
    if found is None or found[0] is None or not kept <= stored_tables(connection):
        return None
    months_read = int(found[0])
    readable = connection.execute(
        f"SELECT 1 FROM {LAKE}.snapshots() WHERE snapshot_id = ? AND snapshot_id <= ?",
        [months_read, snapshot],
    ).fetchone()
    note = BuildNote(months_read, *found[1:])
    return note if readable and note.code == code else None


def _changed(
    connection: duckdb.DuckDBPyConnection, last: BuildNote, snapshot: int, now: datetime
) -> list[Month] | None:
    """Return the months that changed, and those of which settlements had not come yet.

    None where DuckLake cannot tell, as it may be unable to across a change of columns.
    """
    before = min(datetime.fromisoformat(last.began), now)
    months = set(connection.execute(_TO_COME, [before]).fetchall())
    if last.months_read is None:
        return sorted(months)
    try:
        months |= set(changed_rows(connection, FUNDING_RATES, _MONTH, last.months_read, snapshot))
    except duckdb.Error as error:
        _LOGGER.info("all months are worked out: what changed cannot be told: %s", error)
        return None
    return sorted(months)


def changed_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, what: str, since: int, snapshot: int
) -> list[Any]:
    """Return something of the rows of a table that came or went between two snapshots, each once.

    Parameters
    ----------
    what
        What is asked of the rows, in SQL.
    since, snapshot
        The earlier one, whose rows are known, and the later one.

    Raises
    ------
    duckdb.Error
        If DuckLake cannot tell.
    """
    if since == snapshot:
        return []
    span = {
        "lake": LAKE,
        "schema": table.schema,
        "table": table.name,
        "first": since + 1,
        "last": snapshot,
    }
    return connection.execute(_CHANGED.format(what=what), span).fetchall()

"""Which months of settlements a build works out anew: those that changed since the last one.

Each build leaves a note in its commit: the snapshot that it read, when it began, the code that it
ran, and when all months were last worked out. Where the note is not there, or does not hold, all
months are: a lake that was put together again has other snapshots and no notes, and an expired
snapshot cannot say what was deleted since.
"""

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import duckdb

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.increments import INCREMENTS
from funding_platform.lake.catalog import LAKE
from funding_platform.lake.connection import has_table
from funding_platform.settings import project_file

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

_CHANGED: Final = f"""
SELECT {_MONTH} FROM ducklake_table_insertions($lake, $schema, $table, $first, $last)
UNION
SELECT {_MONTH} FROM ducklake_table_deletions($lake, $schema, $table, $first, $last)
"""

_TO_COME: Final = f"SELECT DISTINCT {_MONTH} FROM {FUNDING_RATES.full_name} WHERE funding_time > ?"


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
    """

    months: list[tuple[str, datetime]] | None
    note: BuildNote


def plan_of(connection: duckdb.DuckDBPyConnection, snapshot: int, *, full: bool) -> Plan:
    """Plan a build of the lake's marts as of a snapshot, which is the newest.

    Parameters
    ----------
    full
        Work out all months, whatever changed.
    """
    began, code = datetime.now(UTC), code_digest()
    last = None if full else _last_note(connection, snapshot, began, code)
    if last is None:
        return Plan(None, BuildNote(snapshot, began.isoformat(), code, began.isoformat()))
    months = _changed(connection, last, snapshot, began)
    return Plan(months, BuildNote(snapshot, began.isoformat(), code, last.full_at))


def code_digest() -> str:
    """Return a digest of the dbt project: what is declared, and how it is worked out."""
    project = project_file("dbt_project")
    digest = hashlib.sha256()
    for folder in ("models", "macros", "seeds", "dbt_project.yml"):
        for path in sorted([project / folder, *(project / folder).rglob("*")]):
            if path.suffix in (".sql", ".yml", ".csv"):
                digest.update(f"{path.relative_to(project)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _last_note(
    connection: duckdb.DuckDBPyConnection, snapshot: int, now: datetime, code: str
) -> BuildNote | None:
    """Return the note of the last build, if what it left can be built upon."""
    found = connection.execute(_LAST_NOTE).fetchone()
    if found is None or found[0] is None or not all(has_table(connection, t) for t in INCREMENTS):
        return None
    note = BuildNote(int(found[0]), *found[1:])
    assert note.months_read is not None
    (readable,) = connection.execute(
        f"SELECT count(*) FROM {LAKE}.snapshots() WHERE snapshot_id = ?", [note.months_read]
    ).fetchall()
    age = now - datetime.fromisoformat(note.full_at)
    recent = timedelta(0) <= age < FULL_AFTER
    sound = readable[0] == 1 and note.months_read <= snapshot and note.code == code
    return note if recent and sound else None


def _changed(
    connection: duckdb.DuckDBPyConnection, last: BuildNote, snapshot: int, now: datetime
) -> list[tuple[str, datetime]]:
    """Return the months that changed, and those of which settlements had not come yet."""
    before = min(datetime.fromisoformat(last.began), now)
    months = set(connection.execute(_TO_COME, [before]).fetchall())
    if last.months_read != snapshot:
        span = {
            "lake": LAKE,
            "schema": FUNDING_RATES.schema,
            "table": FUNDING_RATES.name,
            "first": (last.months_read or 0) + 1,
            "last": snapshot,
        }
        months |= set(connection.execute(_CHANGED, span).fetchall())
    return sorted(months)

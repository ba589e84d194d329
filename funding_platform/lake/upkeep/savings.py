"""What maintenance would do, told before anything is done."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from funding_platform.core.tables.retention import Retention, retentions
from funding_platform.lake.catalog import LAKE, METADATA
from funding_platform.lake.connection import connect, has_table
from funding_platform.lake.explained import translated
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import LakeFile
from funding_platform.lake.upkeep.ages import judged
from funding_platform.lake.upkeep.leftovers import doomed_leftovers
from funding_platform.lake.upkeep.outdated import refuse_outdated
from funding_platform.settings import Settings

SAFETY = timedelta(days=1)
"""A snapshot or a file younger than this may be what a reader or a writer is still at work on."""

_SMALL_FILES = f"""
SELECT coalesce(sum(files), 0), coalesce(sum(bytes), 0) FROM (
    SELECT count(*) AS files, sum(file_size_bytes) AS bytes
    FROM {METADATA}.ducklake_data_file WHERE end_snapshot IS NULL
    GROUP BY table_id, regexp_replace(path, '[^/]*$', '') HAVING count(*) > 1
)
"""
"""Files that share a folder, which is that of a partition."""


class Saving(NamedTuple):
    """Something that would go or be merged; null is what does not apply or cannot be known."""

    what: str
    rows: int | None = None
    files: int | None = None
    bytes: int | None = None


def savings(
    settings: Settings, *, keep_days: int, now: datetime | None = None, trust_clock: bool = False
) -> list[Saving]:
    """Tell what `lake.maintenance.maintain` would do now; changes nothing.

    Rows that go take no bytes with them yet: their files stay as long as a snapshot reads them.
    Fails where maintenance would.
    """
    with closing(connect(settings)) as connection:
        try:
            times = snapshot_times(connection)
            time = judged(times, now or datetime.now(UTC), trust_clock).time
            refuse_outdated(connection, settings)
            kept = time - max(SAFETY, timedelta(days=keep_days))
            rules = retentions(
                settings.raw_retention_days,
                settings.hourly_snapshot_days,
                settings.live_minute_days,
            )
            left = doomed_leftovers(connection, settings, time - SAFETY)
            given_up = _given_up(connection, settings, time - SAFETY)
            small, small_bytes = connection.execute(_SMALL_FILES).fetchone() or (0, 0)
            return [
                *(_of_rule(connection, rule, time) for rule in rules),
                Saving(f"snapshots before {kept:%Y-%m-%d %H:%M} UTC", _expired(connection, kept)),
                _files("files that no snapshot reads", given_up),
                _files("files of killed writers", left),
                Saving("files that share a partition, to be merged", None, small, int(small_bytes)),
                Saving("unused room in the catalog", bytes=profile_of(settings).free_bytes()),
            ]
        except duckdb.Error as error:
            raise translated(error) from error


def snapshot_times(connection: duckdb.DuckDBPyConnection) -> list[datetime]:
    """Return when the snapshots that are left were made."""
    found = connection.execute(f"SELECT snapshot_time FROM {LAKE}.snapshots()").fetchall()
    return [moment for (moment,) in found]


def bytes_on_disk(settings: Settings) -> int:
    """Measure the lake: all its files, known or not, and the catalog with its log."""
    profile = profile_of(settings)
    return profile.catalog_bytes() + sum(file.size for file in profile.files.listing())


def _of_rule(connection: duckdb.DuckDBPyConnection, rule: Retention, time: datetime) -> Saving:
    if not has_table(connection, rule.table):
        return Saving(f"{rule.table.full_name}: {rule.what}", 0)
    (rows,) = connection.execute(
        f"SELECT count(*) FROM {rule.table.full_name} WHERE {rule.doomed}",
        {"before": time - rule.age},
    ).fetchone() or (0,)
    return Saving(f"{rule.table.full_name}: {rule.what}", int(rows))


def _expired(connection: duckdb.DuckDBPyConnection, kept: datetime) -> int:
    found = connection.execute(
        f"CALL ducklake_expire_snapshots('{LAKE}', dry_run => true, older_than => ?)", [kept]
    )
    return len(found.fetchall())


def _given_up(
    connection: duckdb.DuckDBPyConnection, settings: Settings, before: datetime
) -> list[LakeFile]:
    found = connection.execute(
        f"CALL ducklake_cleanup_old_files('{LAKE}', dry_run => true, older_than => ?)", [before]
    )
    doomed = {Path(path).name for (path,) in found.fetchall()}
    if not doomed:
        return []
    return [file for file in profile_of(settings).files.listing() if file.name in doomed]


def _files(what: str, files: list[LakeFile]) -> Saving:
    return Saving(what, None, len(files), sum(file.size for file in files))

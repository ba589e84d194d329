"""Figures of the lake: how old and how complete the data are, and what they take."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from duckdb import DuckDBPyConnection

from funding_platform.core.system.disks import free_bytes
from funding_platform.core.tables.marts.latest import COVERAGE
from funding_platform.flows.queries.upkeep.ages import data_ages
from funding_platform.lake.catalog import METADATA
from funding_platform.lake.connection import has_table
from funding_platform.settings import Settings
from funding_platform.telemetry import declared
from funding_platform.telemetry.metrics import Family
from funding_platform.venues.registry import venue_names

_COVERAGE: Final = f"""
SELECT venue, sum(expected)::DOUBLE, sum(missing)::DOUBLE FROM {COVERAGE.full_name}
WHERE month = date_trunc('month', $now) GROUP BY venue ORDER BY venue
"""
_TABLES: Final = f"""
SELECT schema_name || '.' || table_name, sum(file_size_bytes)::DOUBLE, count(*)::DOUBLE
FROM {METADATA}.ducklake_data_file AS file
JOIN {METADATA}.ducklake_table AS t ON t.table_id = file.table_id AND t.end_snapshot IS NULL
JOIN {METADATA}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
WHERE file.end_snapshot IS NULL GROUP BY ALL ORDER BY ALL
"""
_SNAPSHOTS: Final = f"""
SELECT count(*)::DOUBLE, epoch($now - max(snapshot_time)::TIMESTAMPTZ)
FROM {METADATA}.ducklake_snapshot
"""


def of_data(lake: DuckDBPyConnection, settings: Settings, now: datetime) -> Iterator[Family]:
    """Tell how old the newest rows are and may be, and which settlements of the month miss."""
    ages = data_ages(lake, settings.venues or venue_names(), now)
    for column, metric in (
        ("age_hours", declared.DATA_AGE),
        ("tolerated_hours", declared.DATA_AGE_TOLERATED),
    ):
        yield metric.of(
            {
                (asset, venue or ""): 3600 * hours
                for asset, venue, hours in ages.select("asset", "venue", column).rows()
                if hours is not None
            }
        )
    if has_table(lake, COVERAGE):
        months = lake.execute(_COVERAGE, {"now": now}).fetchall()
        yield declared.SETTLEMENTS_EXPECTED.of({(venue,): due for venue, due, _ in months})
        yield declared.SETTLEMENTS_MISSING.of({(venue,): missing for venue, _, missing in months})


def of_files(lake: DuckDBPyConnection, settings: Settings, now: datetime) -> Iterator[Family]:
    """Tell what the lake takes, table by table, and what is left for it."""
    tables = lake.execute(_TABLES).fetchall()
    yield declared.LAKE_BYTES.single(sum(size for _, size, _ in tables))
    yield declared.LAKE_TABLE_BYTES.of({(name,): size for name, size, _ in tables})
    yield declared.LAKE_TABLE_FILES.of({(name,): files for name, _, files in tables})
    ((snapshots, age),) = lake.execute(_SNAPSHOTS, {"now": now}).fetchall()
    yield declared.LAKE_SNAPSHOTS.single(snapshots)
    yield declared.LAKE_COMMIT_AGE.single(age)
    yield declared.DISK_FREE.single(float(free_bytes(settings.lake_dir)))

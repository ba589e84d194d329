"""What holds of a lake at any instant, whoever was killed: each question returns what is broken."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
from filelock import FileLock, Timeout

from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    FUNDING_RATES,
    INSTRUMENTS,
    MARKET_SNAPSHOTS,
    RAW_PAYLOADS,
)
from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Table
from funding_platform.lake import connect
from funding_platform.lake.connection import has_table
from funding_platform.lake.locks import FileCommitLock
from funding_platform.settings import Settings

LOCK_SECONDS = 10

IDENTITIES: dict[str, tuple[str, ...]] = {
    FUNDING_RATES.full_name: (*FUNDING_RATES.key, "funding_rate"),
    **{table.full_name: table.key for table in (INSTRUMENTS, MARKET_SNAPSHOTS)},
    **{
        table.full_name: tuple(column.name for column in table.columns)
        for table in (COLLECTION_LOG, RAW_PAYLOADS, LIVE_RATES)
    },
}
"""Columns that a stored row keeps for good. Contract facts and the market of the running hour are
replaced by what was seen last, and intervals are worked out anew."""

Months = dict[tuple[str, str], int]


@dataclass
class Acknowledged:
    """What commands that ended well have stored: it must be there from then on."""

    rows: dict[str, set[int]] = field(default_factory=dict)
    months: Months = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "Acknowledged":
        """All that a lake holds now."""
        with connect(settings) as lake:
            rows = {name: _hashes(lake, name, columns) for name, columns in IDENTITIES.items()}
            return cls(rows, months_of(lake))


def months_of(lake: duckdb.DuckDBPyConnection) -> Months:
    """Settlements by venue and month."""
    found = lake.execute(
        "SELECT venue, strftime(funding_time, '%Y-%m'), count(*) FROM core.funding_rates "
        "GROUP BY ALL"
    ).fetchall()
    return {(venue, month): count for venue, month, count in found}


def torn_months(settings: Settings, acknowledged: Months, coming: Months) -> list[str]:
    """Months of which a reader sees a part: of what was there all, of what comes all or nothing."""
    with connect(settings) as lake:
        seen = months_of(lake)
    torn = []
    for key in acknowledged.keys() | seen.keys():
        count = seen.get(key, 0)
        whole = [acknowledged[key]] if key in acknowledged else [0, coming.get(key, 0)]
        if count not in whole:
            torn.append(f"{' '.join(key)}: {count} settlements, not {whole}")
    return torn


def broken(settings: Settings, acknowledged: Acknowledged) -> list[str]:
    """Everything that does not hold of a lake after a kill."""
    with connect(settings) as lake:
        return [
            *_lost(lake, acknowledged),
            *_unreadable_or_doubled(lake),
            *_held_lock(settings),
            *broken_publication(settings),
        ]


def _lost(lake: duckdb.DuckDBPyConnection, acknowledged: Acknowledged) -> Iterator[str]:
    for name, rows in acknowledged.rows.items():
        lost = rows - _hashes(lake, name, IDENTITIES[name])
        if lost:
            yield f"{len(lost)} acknowledged rows of {name} are lost"


def _unreadable_or_doubled(lake: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table in TABLES.values():
        if has_table(lake, table):
            yield from _faults_of(lake, table, table.full_name)


def _faults_of(lake: duckdb.DuckDBPyConnection, table: Table, relation: str) -> Iterator[str]:
    """Whether every row of a table can be read, and each key is there once."""
    try:
        row = lake.execute(
            f"SELECT count(*), count(DISTINCT ({', '.join(table.key)})), bit_xor(hash(stored)) "
            f"FROM {relation} AS stored"
        ).fetchone()
    except duckdb.Error as error:
        yield f"{relation} cannot be read: {error}"
        return
    assert row is not None
    if row[0] != row[1]:
        yield f"{relation}: {row[0] - row[1]} doubled keys"


def _held_lock(settings: Settings) -> Iterator[str]:
    try:
        with FileLock(FileCommitLock.of(settings).path, timeout=LOCK_SECONDS):
            pass
    except Timeout:
        yield "the commit lock is still held"


def broken_publication(settings: Settings) -> Iterator[str]:
    """Whether the published file, where there is one, opens and is whole."""
    if not settings.published_file.exists():
        return
    try:
        with duckdb.connect(str(settings.published_file), read_only=True) as published:
            names = {
                f"{schema}.{name}"
                for schema, name in published.execute(
                    "SELECT schema_name, table_name FROM duckdb_tables()"
                ).fetchall()
            }
            if not set(IDENTITIES) - {RAW_PAYLOADS.full_name} <= names:
                yield f"the published file has only {sorted(names)}"
            for name in sorted(names & set(TABLES)):
                yield from _faults_of(published, TABLES[name], name)
    except duckdb.Error as error:
        yield f"the published file does not open: {error}"


def _hashes(lake: duckdb.DuckDBPyConnection, name: str, columns: tuple[str, ...]) -> set[int]:
    found = lake.execute(f"SELECT hash({', '.join(columns)}) FROM {name}").fetchall()
    return {value for (value,) in found}

"""What the UI shows of what dbt has built: counts, times, previews and pictures.

Of a declared table everything; of a working table, which is gone with the build, the same but
pictures; of a view nothing, but some rows of one of staging: to count a view, or to show rows of
one that adds up, is to work it out. Columns stand in the definitions: they are the same each hour,
and the event log keeps what a run shows twice.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import dagster as dg
from duckdb import DuckDBPyConnection

from funding_platform.core.tables.marts.latest import COVERAGE, LATEST_FUNDING_RATES
from funding_platform.core.tables.registry import TABLES
from funding_platform.defs.presentation import (
    markdown_table,
    png_metadata,
    time_column,
    time_range,
)
from funding_platform.flows.collection.history.report import PREVIEW_ROWS
from funding_platform.flows.queries.upkeep.coverage import coverage_by_month
from funding_platform.views.pictures import coverage_picture, spread_picture

Drawn = Callable[[DuckDBPyConnection], bytes]


def _coverage(lake: DuckDBPyConnection) -> bytes:
    return coverage_picture(coverage_by_month(lake))


def _spread(lake: DuckDBPyConnection) -> bytes:
    newest = f"SELECT venue, settled_apr AS apr FROM {LATEST_FUNDING_RATES.full_name}"
    return spread_picture(lake.execute(newest).pl())


PICTURES: Final[Mapping[str, Mapping[str, Drawn]]] = MappingProxyType(
    {
        COVERAGE.full_name: {"coverage_by_month": _coverage},
        LATEST_FUNDING_RATES.full_name: {"rates_by_venue": _spread},
    }
)
"""What draws a mart as PNG: by table, and by what it shows."""


class Reading(NamedTuple):
    """Where to look: the lake as it is now, and what dbt sees, which has its working tables."""

    lake: DuckDBPyConnection
    build: DuckDBPyConnection
    working: frozenset[str]

    @classmethod
    def of(cls, lake: DuckDBPyConnection, build: DuckDBPyConnection) -> "Reading":
        """Find out which tables dbt has stored for itself."""
        stored = build.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()")
        return cls(lake, build, frozenset(name for (name,) in stored.fetchall()))


def shown(key: dg.AssetKey, reading: Reading) -> dict[str, Any]:
    """Return what is to be seen of a node that has just been built."""
    name = ".".join(key.path)
    table = TABLES.get(name)
    if table is None:
        if name in reading.working:
            return _rows(name, None, reading.build)
        staged = key.path[0] == "staging"
        return {"preview": _preview(name, reading.build)} if staged else {}
    if table.view:
        return {}
    drawn = {what: png_metadata(draw(reading.lake), what) for what, draw in _pictures(name).items()}
    return _rows(name, time_column(table), reading.lake) | drawn


def _pictures(name: str) -> Mapping[str, Drawn]:
    return PICTURES.get(name, {})


def _rows(name: str, dated: str | None, connection: DuckDBPyConnection) -> dict[str, Any]:
    times = f"min({dated}), max({dated})" if dated else "NULL, NULL"
    counted = connection.execute(f"SELECT count(*), {times} FROM {name}").fetchone()
    assert counted is not None
    rows, first, last = counted
    return {
        "dagster/row_count": rows,
        **time_range(first, last),
        "preview": _preview(name, connection),
    }


def _preview(name: str, connection: DuckDBPyConnection) -> dg.MetadataValue:
    """Show some rows. Times without end are left out: Polars, which has none, would panic."""
    ends = [
        f'CASE WHEN isfinite("{column}") THEN "{column}" END AS "{column}"'
        for column, kind in _types(name, connection)
        if kind.startswith("TIMESTAMP")
    ]
    finite = f" REPLACE ({', '.join(ends)})" if ends else ""
    head = connection.execute(f"SELECT *{finite} FROM {name} LIMIT {PREVIEW_ROWS}").pl()
    return dg.MetadataValue.md(markdown_table(head))


def _types(name: str, connection: DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return the columns and their types, in SQL's words."""
    described = connection.execute(f"DESCRIBE {name}").fetchall()
    return [(column, kind) for column, kind, *_ in described]

"""All that is computed of what is stored, without an orchestrator: features, marts, the file.

Dagster runs the same steps as assets, partition by partition and when they are due. What belongs
here is their order and their span, nothing of how a table is computed.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.core.tables.registry import TABLES
from funding_platform.core.time_grid import Window, month_start, next_month
from funding_platform.flows.collection.history.depths import history_depths
from funding_platform.flows.errors import FlowError
from funding_platform.flows.features.computed import ComputedTable
from funding_platform.flows.features.tables import COMPUTED
from funding_platform.flows.progress import begin, step, unreported
from funding_platform.lake.connection import connect
from funding_platform.lake.marts.build import MartsBuild, marts_build
from funding_platform.lake.marts.dbt import BUILD, TEST, Node, run_dbt
from funding_platform.lake.publish import publish
from funding_platform.settings import Settings

_SPAN: Final = "SELECT min(funding_time), max(funding_time) FROM core.funding_rates"

SCHEMA: Final = pl.Schema({"table": pl.String(), "rows": pl.Int64(), "seconds": pl.Float64()})


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a transform built, and which dbt tests did not pass.

    Attributes
    ----------
    tables
        ``SCHEMA``: rows written, null for a view, and the time it took.
    failures, warnings
        Tests of severity error and of severity warn.
    """

    tables: pl.DataFrame
    failures: tuple[Node, ...]
    warnings: tuple[Node, ...]


def transform(
    settings: Settings,
    run_id: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    full: bool = False,
) -> Transformed:
    """Rebuild the features of whole months, then all marts, then the published file.

    That a dbt test fails stops nothing: what is sound is published, and the failure is told.

    Parameters
    ----------
    start, end
        Instants in the first and in the last of the months; those of the first and of the last
        settlement stored when not given.
    full
        Work out what the marts keep of settled months anew, also where nothing has changed.

    Raises
    ------
    FlowError
        If no settlement is stored, or the last month comes before the first.
    BuildFailedError
        If a mart cannot be built: the features are there, the marts stay as they were.
    """
    months = _months(settings, start, end)
    built = [_rebuilt(computed, months, settings, run_id) for computed in COMPUTED]
    marts, tests = _marts(settings, run_id, full=full)
    began = time.monotonic()
    with step("publish"):
        published = publish(settings)
    file = (settings.published_file.name, sum(published.values()), time.monotonic() - began)
    return Transformed(
        pl.DataFrame([*built, *marts, file], schema=SCHEMA, orient="row"),
        failures=tuple(one for one in tests if one.status not in ("pass", "warn")),
        warnings=tuple(one for one in tests if one.status == "warn"),
    )


def _months(settings: Settings, start: datetime | None, end: datetime | None) -> list[Window]:
    """Return the months to rebuild, in order."""
    with connect(settings) as lake:
        first, last = lake.execute(_SPAN).fetchone() or (None, None)
    if first is None or last is None:
        raise FlowError(
            "no settlements are stored: there is nothing to compute from",
            hint="`funding import` or `funding backfill` adds them",
        )
    first, last = month_start(start or first), month_start(end or last)
    if last < first:
        raise FlowError(f"the last month, {last:%Y-%m}, comes before the first, {first:%Y-%m}")
    return list(Window(first, next_month(last)).months())


def _rebuilt(
    computed: ComputedTable, months: list[Window], settings: Settings, run_id: str
) -> tuple[str, int, float]:
    """Rebuild a computed table month by month, which bounds the memory that it takes."""
    began, rows = time.monotonic(), 0
    advance = begin(computed.table.name.replace("_", " "), len(months))
    for month in months:
        with unreported():
            rows += computed.rebuild(month, settings, run_id).height
        advance()
    return computed.table.full_name, rows, time.monotonic() - began


def _marts(
    settings: Settings, run_id: str, *, full: bool
) -> tuple[list[tuple[str, int | None, float]], list[Node]]:
    """Have dbt build and test; return the marts that it built, and its tests."""
    target = settings.dbt_dir
    with marts_build(settings, history_depths(), full=full) as build:
        with step("dbt build"):
            nodes = run_dbt(BUILD, build.environment(), target)
            build.swap(run_id, target)
        with step("dbt test"):
            tests = run_dbt(TEST, build.environment(), target)
            build.tested.remember((one.name, one.status == "pass") for one in tests)
        return list(_counted(build, nodes)), tests


def _counted(build: MartsBuild, nodes: list[Node]) -> Iterator[tuple[str, int | None, float]]:
    """Yield each declared mart with its rows; a view stores none."""
    seconds = {node.name: node.seconds for node in nodes}
    with build.connection() as connection:
        for table in TABLES.values():
            if table.name not in seconds:
                continue
            rows = None
            if not table.view:
                found = connection.execute(f"SELECT count(*) FROM {table.full_name}").fetchone()
                rows = found[0] if found else None
            yield table.full_name, rows, seconds[table.name]

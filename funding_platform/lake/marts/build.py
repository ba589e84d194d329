"""One build of the marts: dbt works in a file aside, and all it made appears in one commit.

The file holds a database called ``lake`` that shows the lake as it was when the build began, each
table and view as a view. dbt puts what it builds in their place and knows no difference. When all
of it is there, one transaction brings it to the lake, under the lock that every commit takes. If
anything could not be built, nothing is brought: the marts stay as they were, all of them. A dbt
whose parent was killed has no lock, and nothing to harm.

Of what dbt builds the lake stores the tables that are declared. Every other model it holds as its
query: working tables, which exist so that a build computes something once, stay in the file.

What is kept of settled months is worked out for those that changed since the last build. Which ones
the file says, in a schema ``build`` that never leaves it.
"""

import json
import logging
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb

from funding_platform.core.tables.marts.increments import INCREMENTS, SETTLEMENT_MONTHS
from funding_platform.core.tables.registry import TABLES
from funding_platform.lake.catalog import LAKE, current_snapshot, literal
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import BuildFailedError
from funding_platform.lake.extensions import bare_connection
from funding_platform.lake.locks import build_lock
from funding_platform.lake.marts.changes import Plan, months_that_differ, plan_of
from funding_platform.lake.marts.dbt_plugin import HELD, attach_held, dbt_environment
from funding_platform.lake.marts.swap import BUILT, Held, bring, held_by, query_of
from funding_platform.lake.marts.tested import DaysToTest
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

RESULTS: Final = "run_results.json"
MANIFEST = "manifest.json"
"""Under dbt's target folder: what became of each node, and what the nodes are."""


_LOGGER = logging.getLogger(__name__)

_NAMED = 5
"""Months that a message names."""

OF_THE_BUILD = "build"
"""The schema of what concerns a build alone, and is not brought to the lake."""


@dataclass(frozen=True, slots=True)
class MartsBuild:
    """A build under way: the file that dbt works in, the snapshot that it reads, its plan.

    ``tested`` is what its tests have to look at.
    """

    settings: Settings
    file: Path
    snapshot: int
    plan: Plan
    tested: DaysToTest

    def environment(self) -> dict[str, str]:
        """Return the variables that make dbt work in this build, and die with this process."""
        return dbt_environment(self.settings, build=self.file, snapshot=self.snapshot)

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open what dbt sees, to read the outcome of a test while the build is there."""
        with bare_connection(self.settings) as connection:
            connection.execute(f"ATTACH {literal(self.file)} AS {LAKE} (READ_ONLY)")
            attach_held(connection, self.settings, self.snapshot)
            yield connection

    def swap(self, run_id: str, target: Path) -> None:
        """Bring everything that dbt built to the lake, in one commit.

        Parameters
        ----------
        run_id
            The author of the commit.
        target
            dbt's target folder of this build.

        Raises
        ------
        BuildFailedError
            If a model or a seed could not be built; the lake stays as it was.
        LakeLockedError
            If another process commits for longer than the timeout.
        """
        queries = _built(target)
        with Lake(self.settings) as lake:
            lake.connection.execute(f"ATTACH {literal(self.file)} AS {BUILT} (READ_ONLY)")
            held = held_by(lake.connection)
            self._compare(lake, queries)
            message = f"dbt built {', '.join(queries)}"
            # Views that are not declared are made by builds alone, of which there is one at a time.
            written = [TABLES[name] for name in queries if name in TABLES]
            with lake.commit(run_id, message, tables=written, extra=self._note(queries)):
                for name, query in queries.items():
                    if not name.startswith(f"{OF_THE_BUILD}."):
                        bring(lake.connection, held, name, query)

    def _compare(self, lake: Lake, built: Collection[str]) -> None:
        """Say so where a build of all months finds what was kept of them to be wrong."""
        if self.plan.changed is None or SETTLEMENT_MONTHS.full_name not in built:
            return
        if wrong := months_that_differ(lake.connection, BUILT, self.plan.changed):
            _LOGGER.warning(
                "%d months were kept otherwise than their settlements say, and are mended: %s",
                len(wrong),
                ", ".join(f"{venue} {month:%Y-%m}" for venue, month in wrong[:_NAMED]),
            )

    def _note(self, built: Collection[str]) -> dict[str, object] | None:
        """Say what the months are of; a build of some of it only voids what was said before."""
        kept = {table.full_name for table in INCREMENTS}
        if kept.isdisjoint(built):
            return None
        note = self.plan.note
        return (note if kept <= set(built) else replace(note, months_read=None)).as_extra()


@contextmanager
def marts_build(
    settings: Settings, depths: Mapping[str, timedelta], *, full: bool = False
) -> Iterator[MartsBuild]:
    """Begin a build, alone; what it leaves behind goes when it ends, or when the next one begins.

    Parameters
    ----------
    depths
        How far back venues keep what they settled, of those that do not keep all.
    full
        Work out all that is kept of settled months anew, not only what changed.

    Raises
    ------
    LakeLockedError
        If another build runs for longer than the timeout.
    """
    connect(settings, read_only=False).close()  # an older lake gains what dbt reads
    folder = settings.lake_dir / "build"
    with build_lock(settings):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            file = folder / "lake.duckdb"
            with connect(settings) as lake:
                snapshot = current_snapshot(lake)
                held = held_by(lake)
                plan = plan_of(lake, snapshot, full=full)
                tested = DaysToTest.of(lake, settings, snapshot)
            _show_the_lake(settings, file, snapshot, held)
            _show_the_plan(settings, file, plan, tested, depths)
            yield MartsBuild(settings, file, snapshot, plan, tested)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _show_the_lake(settings: Settings, file: Path, snapshot: int, held: Held) -> None:
    """Fill the file with views of all that the lake holds.

    The lake's views are made again from their queries, so that they read what dbt builds.
    """
    with bare_connection(settings) as connection:
        connection.execute(f"ATTACH {literal(file)} AS {LAKE}")
        attach_held(connection, settings, snapshot)
        for schema in {name.partition(".")[0] for name in held.comments}:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for name in held.comments.keys() - held.views.keys():
            connection.execute(f"CREATE VIEW {name} AS FROM {HELD}.{name}")
        _show_views(connection, {name: query_of(view) for name, view in held.views.items()})


def _show_the_plan(
    settings: Settings,
    file: Path,
    plan: Plan,
    tested: DaysToTest,
    depths: Mapping[str, timedelta],
) -> None:
    """Tell dbt which months to work out, which rows to test, and what venues do not keep.

    Months are in a table that is there unless it is all of them. A test that need not look at all
    rows has a row for each day, and one without a day.
    """
    with bare_connection(settings) as connection:
        connection.execute(f"ATTACH {literal(file)} AS {LAKE}")
        connection.execute(f"CREATE SCHEMA {LAKE}.{OF_THE_BUILD}")
        untested = f"{LAKE}.{OF_THE_BUILD}.untested"
        connection.execute(f"CREATE TABLE {untested} (test VARCHAR, day TIMESTAMPTZ)")
        rows = [(test, day) for test, days in tested.days.items() for day in (None, *days)]
        _fill(connection, untested, rows)
        kept = f"{LAKE}.{OF_THE_BUILD}.history_depths"
        connection.execute(f"CREATE TABLE {kept} (venue VARCHAR, depth INTERVAL)")
        _fill(connection, kept, list(depths.items()))
        if plan.months is None:
            return
        changes = f"{LAKE}.{OF_THE_BUILD}.changes"
        connection.execute(f"CREATE TABLE {changes} (venue VARCHAR, month TIMESTAMPTZ)")
        _fill(connection, changes, plan.months)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: Sequence[tuple[str, datetime | timedelta | None]],
) -> None:
    """Fill a table of a name and a value; row by row it would take seconds."""
    names, values = [name for name, _ in rows], [value for _, value in rows]
    connection.execute(f"INSERT INTO {table} SELECT unnest(?), unnest(?)", [names, values])


def _show_views(connection: duckdb.DuckDBPyConnection, queries: dict[str, str]) -> None:
    """Make views that may read each other, in whatever order they can be; a broken one is not."""
    waiting = {}
    for name, query in queries.items():
        try:
            connection.execute(f"CREATE VIEW {name} AS {query}")
        except (duckdb.CatalogException, duckdb.BinderException):
            waiting[name] = query
    if len(waiting) < len(queries):
        _show_views(connection, waiting)


def _built(target: Path) -> dict[str, str]:
    """Read the query of every model and seed that dbt built, in the order in which it did."""
    file = target / RESULTS
    if not file.exists():
        raise BuildFailedError(
            f"dbt ended before it built anything: there is no {file}",
            hint=f"its log is {target / 'dbt.log'}",
        )
    results = [
        one
        for one in json.loads(file.read_bytes())["results"]
        if one["unique_id"].startswith(("model.", "seed."))
    ]
    failed = {
        one["unique_id"].split(".")[-1]: one["message"]
        for one in results
        if one["status"] != "success"
    }
    if failed:
        told = "; ".join(f"{name}: {message}" for name, message in failed.items())
        raise BuildFailedError(
            f"{len(failed)} of {len(results)} models were not built: {told}",
            hint="the marts stay as they were; the first one that failed says why",
        )
    nodes = json.loads((target / MANIFEST).read_bytes())["nodes"]
    queries = {}
    for one in results:
        node = nodes[one["unique_id"]]
        queries[f"{node['schema']}.{node['alias']}"] = one["compiled_code"] or ""
    return queries
